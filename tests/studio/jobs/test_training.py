"""Training runs from their start to every way they may end, with real processes and a small network on real digits."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pipelines.errors.access import NotAllowed, NotFound
from pipelines.errors.runs import (
    NoCheckpoint,
    RunFinished,
    RunKilled,
    RunPaused,
    RunStopped,
    RunWentDown,
)
from pipelines.errors.storage import DiskFull
from pipelines.errors.training import RunAtWork, TrainingTooLarge, UnknownSetting, UnknownTrainer, WrongSetting
from pipelines.types.training import Metrics, TrainRequest, TrainResult
from studio.files import write_whole
from studio.jobs import trainings
from studio.jobs.folder import JobFolder
from studio.jobs.job import Job
from studio.jobs.ledger import read_ledger
from studio.jobs.priority import AUTOGROUP, NICE
from studio.services import Services
from tests.studio.jobs.conftest import ANN, BO, Open
from tests.studio.jobs.headless import OWNER
from tests.studio.jobs.kills import Headless

TINY: dict[str, str | int | float | bool] = {"side": 16, "width": 4, "stages": 1, "batch": 8}
PATIENCE_SECONDS = 300.0


def test_a_run_becomes_a_model_with_its_curve_and_its_samples(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, few_steps(name="My digits"))
    job = until(services, job, lambda now: now.is_ended)
    assert job.state == "done" and isinstance(job.result, TrainResult)
    assert job.result.finish_reason == "stop" and job.result.step == 20 and job.result.model == "my-digits"
    assert (services.settings.home / "models" / "my-digits" / "model.json").exists()

    run = services.runs.of_job(ANN, job.id)
    steps = [row["step"] for row in services.runs.curve(run)]
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] == 20
    newest = services.runs.samples(run)[0]
    assert newest.name == "step-00000020.png" and services.runs.sample(ANN, run.id, newest.name).exists()
    assert services.runs.progress(job) == Metrics(20, 20, services.runs.progress(job).values)  # type: ignore[union-attr]
    assert any("step 20 of 20" in line for line in services.runs.log(run))
    assert services.runs.of_owner(ANN) == [services.runs.get(ANN, run.id)]
    with pytest.raises(RunFinished):
        services.runs.resume(ANN, run.id)


def test_a_run_gives_way_to_everything_and_stands_in_the_ledger(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    process = process_of(services, job)
    assert os.getsid(process.pid) == process.pid
    threads = [thread.id for thread in process.threads()]
    assert len(threads) > 1 and {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {NICE}
    autogroup = Path(f"/proc/{process.pid}/autogroup")
    assert not AUTOGROUP.exists() or f"nice {NICE}" in autogroup.read_text()
    pages = read_ledger(services.settings.home / "ledger")["ram"]["processes"]
    (own,) = [page for page in pages if page["who"] == "a training run"]
    assert own["size_bytes"] > 0
    services.runs.stop(ANN, job.id, save=False)
    assert until(services, job, lambda now: now.is_ended).state == "cancelled"
    wait_for(lambda: is_gone(process))
    pages = read_ledger(services.settings.home / "ledger").get("ram", {}).get("processes", [])
    assert not [page for page in pages if page["who"] == "a training run"]


def test_stop_and_save_then_go_on_to_the_end(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, few_steps(steps=100_000))
    until_it_learns(services, job)
    pressed = time.monotonic()
    services.runs.stop(ANN, job.id, save=True)
    job = until(services, job, lambda now: now.is_ended)
    assert time.monotonic() - pressed < 5 + 5, "5 s and a step, on a machine that does other things"
    assert job.state == "done" and isinstance(job.result, TrainResult) and job.result.finish_reason == "saved"
    run = services.runs.of_job(ANN, job.id)
    assert services.runs.checkpoint(run) == job.result.step

    with ThreadPoolExecutor(4) as presses:  # one press too many must not start a second go
        goes = list(presses.map(lambda _: resumed(services, run.id), range(4)))
    (second,) = [go for go in goes if go is not None]
    metrics = until_it_learns(services, second)
    assert metrics.step > job.result.step
    services.runs.stop(ANN, run.id, save=True)
    until(services, second, lambda now: now.is_ended)
    steps = [row["step"] for row in services.runs.curve(services.runs.get(ANN, run.id))]
    assert steps == sorted(set(steps)), "no point is lost or told twice"
    assert services.runs.get(ANN, run.id).jobs == (job.id, second.id)


def resumed(services: Services, run_id: str) -> Job | None:
    """None where somebody else's press was first."""
    try:
        return services.runs.resume(ANN, run_id)
    except RunAtWork:
        return None


def test_saving_and_sampling_on_the_way(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    run = services.runs.of_job(ANN, job.id)
    assert services.runs.checkpoint(run) is None and len(services.runs.samples(run)) == 1
    services.runs.ask(ANN, run.id, "checkpoint")
    services.runs.ask(ANN, run.id, "sample")
    wait_for(lambda: services.runs.checkpoint(run) is not None and len(services.runs.samples(run)) > 1)
    assert services.jobs.get(ANN, job.id).state == "running"
    services.runs.stop(ANN, run.id, save=False)
    until(services, job, lambda now: now.is_ended)


def test_a_killed_process_leaves_an_interrupted_run_that_goes_on_from_its_checkpoint(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    run = services.runs.of_job(ANN, job.id)
    services.runs.ask(ANN, run.id, "checkpoint")
    wait_for(lambda: services.runs.checkpoint(run) is not None)
    process_of(services, job).kill()
    killed = time.monotonic()
    job = until(services, job, lambda now: now.is_ended)
    assert time.monotonic() - killed < 10
    assert job.state == "interrupted" and isinstance(job.error, RunKilled) and "step" in job.error.say("en")
    step = services.runs.checkpoint(run)
    second = services.runs.resume(ANN, run.id)
    assert step is not None and until_it_learns(services, second).step > step
    services.runs.stop(ANN, run.id, save=False)
    until(services, second, lambda now: now.is_ended)


def test_a_run_without_a_checkpoint_is_started_again_instead(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, endless())
    with pytest.raises(RunAtWork):
        services.runs.resume(ANN, job.id)
    services.runs.stop(ANN, job.id, save=False)
    until(services, job, lambda now: now.is_ended)
    with pytest.raises(NoCheckpoint):
        services.runs.resume(ANN, job.id)
    again = services.runs.again(ANN, job.id)
    assert again.request == services.runs.get(ANN, job.id).request and again.id != job.id
    with pytest.raises(RunAtWork):
        services.runs.remove(ANN, again.id)
    services.runs.stop(ANN, again.id, save=False)
    until(services, again, lambda now: now.is_ended)
    services.runs.remove(ANN, job.id)
    assert [run.id for run in services.runs.of_owner(ANN)] == [again.id]
    assert not (services.settings.home / "runs" / job.id).exists()
    with pytest.raises(NotFound):
        services.jobs.get(ANN, job.id)


def test_whoever_does_not_stop_is_ended(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "CANCEL_PATIENCE_SECONDS", 0.5)
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    process = process_of(services, job)
    process.suspend()  # it neither looks at its folder nor takes a SIGTERM
    services.runs.stop(ANN, job.id, save=False)
    assert until(services, job, lambda now: now.is_ended).state == "cancelled"
    wait_for(lambda: is_gone(process))


def test_sigterm_saves_and_leaves_a_run_to_be_resumed(open_services: Open) -> None:
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    process_of(services, job).terminate()
    job = until(services, job, lambda now: now.is_ended)
    assert job.state == "interrupted" and isinstance(job.error, RunStopped)
    assert services.runs.checkpoint(services.runs.of_job(ANN, job.id)) == job.error.details["step"]


def test_runs_outlive_a_killed_server_and_the_next_one_finds_them(tmp_path: Path, open_services: Open) -> None:
    # 1 A server is killed in the middle of a run
    server = Headless(tmp_path / "home")
    job_id = server.ask(train={**TINY, "plan.steps": 100_000})["job"]
    curve = tmp_path / "home" / "runs" / job_id / "metrics.jsonl"
    wait_for(lambda: curve.exists() and len(curve.read_text().splitlines()) > 2)
    server.process.kill()
    server.process.wait()

    # 2 The run goes on; the next server shows it, and another run waits while the memory does not cover it as well
    points = len(curve.read_text().splitlines())
    wait_for(lambda: len(curve.read_text().splitlines()) > points)
    services = open_services()
    job = services.jobs.get(OWNER, job_id)
    assert job.state == "running"
    wait_for(lambda: services.jobs.status()["workers"][0]["state"] == "ready")  # it says what the budget is
    budget = services.settings.home / "ledger" / "budget.json"
    usual = budget.read_text()
    taken = services.jobs.status()["memory"]["ram"]["taken_bytes"]
    write_whole(budget, json.dumps({"ram": int(1.5 * taken)}).encode())
    waiting = services.runs.start(OWNER, few_steps())
    place = services.jobs.place(waiting.id)
    assert waiting.state == "queued" and place is not None and place.ahead == 1
    assert place.lacks is not None and place.lacks.needed_bytes > place.lacks.free_bytes

    # 3 Then both learn beside each other
    write_whole(budget, usual.encode())
    assert until(services, waiting, lambda now: now.state != "queued").state == "running"
    assert until(services, waiting, lambda now: now.is_ended).state == "done"
    assert services.jobs.get(OWNER, job_id).state == "running"

    # 4 The first one is stopped and saved by the new server
    services.runs.stop(OWNER, job_id, save=True)
    job = until(services, job, lambda now: now.is_ended)
    assert job.state == "done" and isinstance(job.result, TrainResult) and job.result.finish_reason == "saved"


def test_a_service_that_is_stopped_pauses_its_runs_and_goes_on_by_itself(open_services: Open) -> None:
    first = open_services()
    job = first.runs.start(ANN, endless())
    until_it_learns(first, job)
    process = process_of(first, job)
    first.close(is_pausing=True)
    wait_for(lambda: is_gone(process))
    second = open_services()
    paused = second.jobs.get(ANN, job.id)
    assert paused.state == "interrupted" and isinstance(paused.error, RunPaused)
    run = second.runs.get(ANN, job.id)
    assert len(run.jobs) == 2 and run.job is not None
    assert until_it_learns(second, run.job).step > paused.error.details["step"]  # type: ignore[operator]
    second.close()
    assert not is_gone(process_of(second, run.job)), "Ctrl+C leaves a run alone"
    third = open_services()
    third.runs.stop(ANN, run.id, save=False)
    until(third, run.job, lambda now: now.is_ended)
    assert len(third.runs.get(ANN, run.id).jobs) == 2, "only a pause goes on by itself"


def test_a_run_that_went_down_with_its_container_goes_on_by_itself(open_services: Open) -> None:
    # 1 All of it ends at once, the run after a checkpoint
    first = open_services()
    job = first.runs.start(ANN, endless())
    until_it_learns(first, job)
    run = first.runs.of_job(ANN, job.id)
    first.runs.ask(ANN, run.id, "checkpoint")
    wait_for(lambda: first.runs.checkpoint(run) is not None)
    step = first.runs.checkpoint(run)
    first.close()
    kill_whole(first, job)
    (first.settings.home / "jobs" / job.id / "machine").write_text(str(trainings.machine_started() - 3600))

    # 2 The next start goes on with it; one whose machine still stands was killed by somebody, and waits for its person
    second = open_services()
    assert isinstance(second.jobs.get(ANN, job.id).error, RunWentDown)
    run = second.runs.get(ANN, job.id)
    assert len(run.jobs) == 2 and run.job is not None and step is not None
    assert until_it_learns(second, run.job).step > step
    second.close()
    kill_whole(second, run.job)
    third = open_services()
    run = third.runs.get(ANN, job.id)
    assert len(run.jobs) == 2 and run.job is not None and isinstance(run.job.error, RunKilled)


def test_what_a_run_has_started_ends_with_it(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the pip that fetches its data, or the other processes of a launch, each in a session of its own."""
    monkeypatch.setattr(trainings, "CANCEL_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(
        trainings, "command_of", lambda home, job_id: [sys.executable, "-c", FETCHES, str(home), job_id]
    )
    services = open_services()
    job = services.runs.start(ANN, few_steps())
    folder = services.settings.home / "jobs" / job.id
    wait_for(lambda: (folder / "pid").exists())
    both = [psutil.Process(int((folder / name).read_text())) for name in ("pid", "child", "apart")]
    services.runs.stop(ANN, job.id, save=False)
    assert until(services, job, lambda now: now.is_ended).state == "cancelled"
    wait_for(lambda: all(map(is_gone, both)))


def test_a_full_disk_is_told(open_services: Open) -> None:
    resource = pytest.importorskip("resource")
    services = open_services()
    job = services.runs.start(ANN, endless())
    until_it_learns(services, job)
    pid = process_of(services, job).pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))
    job = until(services, job, lambda now: now.is_ended)
    assert job.state == "failed" and isinstance(job.error, DiskFull)


def test_others_see_nothing(open_services: Open) -> None:
    services = open_services(is_started=False)
    job = services.runs.start(ANN, few_steps())
    for forbidden in (services.runs.get, services.runs.resume, services.runs.again, services.runs.remove):
        with pytest.raises(NotFound):
            forbidden(BO, job.id)
    with pytest.raises(NotFound):
        services.runs.stop(BO, job.id, save=True)
    with pytest.raises(NotFound):
        services.runs.sample(BO, job.id, "step-00000000.png")
    for odd in ("", "..", "../../etc", "A" * 32, "\x00"):
        with pytest.raises(NotFound):
            services.runs.get(ANN, odd)
    assert services.runs.of_owner(BO) == [] and len(services.runs.of_owner(ANN)) == 1
    services.runs.stop(ANN, job.id, save=True)
    assert services.jobs.get(ANN, job.id).state == "cancelled", "what waits has nothing to save"


def test_a_public_demo_trains_nothing(open_services: Open) -> None:
    services = open_services(is_started=False, is_space=True, host="0.0.0.0")
    with pytest.raises(NotAllowed):
        services.runs.start(ANN, few_steps())


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (TrainRequest("nobody", "digits"), UnknownTrainer),
        (TrainRequest("cnn", "digits", {"depth": 3}), UnknownSetting),
        (TrainRequest("cnn", "digits", {"plan.steps": "many"}), WrongSetting),
        (TrainRequest("char_transformer", "python_docs", {"width": 8192, "layers": 64}), TrainingTooLarge),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_waits(
    open_services: Open, request_: TrainRequest, error: type
) -> None:
    services = open_services(is_started=False)
    with pytest.raises(error):
        services.runs.start(ANN, request_)
    assert services.runs.of_owner(ANN) == [] and services.jobs.recent(ANN) == []
    assert not list((services.settings.home / "runs").iterdir())


def test_a_name_is_only_a_name(open_services: Open, tmp_path: Path) -> None:
    name = "$(touch X) `touch X`; touch X\ntouch X --home=/ ../../X <b> {0} %s 我的"
    services = open_services()
    job = until(services, services.runs.start(ANN, few_steps(steps=1, name=name)), lambda now: now.is_ended)
    assert job.state == "done" and isinstance(job.result, TrainResult) and job.request.name == name  # type: ignore[union-attr]
    assert [path.name for path in (services.settings.home / "models").iterdir()] == [job.result.model]
    assert not list(tmp_path.rglob("X")) and not list(Path.cwd().glob("X"))


# ── what the tests above are made of ──────────────────────────────────────────────────────────────────────────────────


FETCHES = """
import os, pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1]) / "jobs" / sys.argv[2]
for name, is_apart in (("child", False), ("apart", True)):
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=is_apart)
    (folder / name).write_text(str(started.pid))
(folder / "pid").write_text(str(os.getpid()))
time.sleep(600)
"""


def few_steps(*, steps: int = 20, name: str = "") -> TrainRequest:
    return TrainRequest("cnn", "digits", {**TINY, "plan.steps": steps}, "cpu", name=name)


def endless() -> TrainRequest:
    """Its first checkpoint comes when it is asked for."""
    return TrainRequest("cnn", "digits", {**TINY, "plan.steps": 1_000_000, "plan.checkpoint_seconds": 3600.0}, "cpu")


def wait_for(is_true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def until(services: Services, job: Job, is_true: Callable[[Job], bool]) -> Job:
    wait_for(lambda: is_true(services.jobs.get(job.owner, job.id)))
    return services.jobs.get(job.owner, job.id)


def until_it_learns(services: Services, job: Job) -> Metrics:
    """Wait for a step of this go; what it told."""
    wait_for(lambda: (told := services.runs.progress(job)) is not None and told.step > 0)
    told = services.runs.progress(job)
    assert told is not None
    return told


def process_of(services: Services, job: Job) -> psutil.Process:
    return psutil.Process(int((services.settings.home / "jobs" / job.id / "pid").read_text()))


def kill_whole(services: Services, job: Job) -> None:
    """SIGKILL to a job's process; its first thread is gone before the last one lets go of the lock."""
    process_of(services, job).kill()
    folder = JobFolder(services.settings.home / "jobs" / job.id)
    wait_for(lambda: not folder.is_locked())


def is_gone(process: psutil.Process) -> bool:
    """A child that nobody has waited for yet is gone, too."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(autouse=True)
def nobody_stays_behind(tmp_path: Path) -> Iterator[None]:
    """Whatever a test leaves at work is ended, by the ids that the runs wrote down."""
    yield
    for path in (tmp_path / "home" / "jobs").glob("*/pid"):
        with suppress(psutil.Error):
            process = psutil.Process(int(path.read_text()))
            if path.parent.name in process.cmdline():
                process.kill()

"""What goes wrong around a job — files that vanish, files that are torn, a worker that never starts — stays with that job."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from pipelines.errors.jobs import EngineBroken, InternalError, ShuttingDown
from pipelines.errors.storage import DiskFull
from pipelines.loading.starter import StarterStore
from pipelines.types.events import ignore
from pipelines.types.text import Message, Sampling, TextRequest
from studio.jobs import supervisor
from studio.jobs.folder import End, JobFolder
from studio.jobs.recovery import UNREADABLE
from studio.services import Services
from tests.studio.jobs.conftest import ANN, BO, MODEL, Open, story, wait_for_first_token, watch


def _wait(is_true: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def _answer(services: Services, max_new_tokens: int = 20) -> tuple[str, str, str]:
    """Ask in a new conversation: (conversation, answer, job)."""
    conversation = services.conversations.new(ANN)
    asked = services.conversations.add_user(ANN, conversation.id, None, "Say hello.")
    job_id = services.jobs.new_job_id()
    answer = services.conversations.add_answer(ANN, conversation.id, asked, job_id)
    sampling = Sampling(max_new_tokens=max_new_tokens, seed=1)
    request = TextRequest(MODEL, messages=(Message("user", "Say hello."),), sampling=sampling)
    services.jobs.submit(ANN, request, conversation=(conversation.id, answer), job_id=job_id)
    return conversation.id, answer, job_id


def test_a_worker_that_dies_after_its_conversation_was_deleted(open_services: Open) -> None:
    services = open_services()
    conversation_id, _, job_id = _answer(services, 4000)
    wait_for_first_token(services.jobs, ANN, job_id)
    assert services.jobs.worker_pid is not None
    os.kill(services.jobs.worker_pid, signal.SIGSTOP)  # so that it dies before it notices
    services.jobs.remove_conversation(ANN, conversation_id)
    os.kill(services.jobs.worker_pid, signal.SIGKILL)
    assert watch(services.jobs, BO, services.jobs.submit(BO, story()).id)[-1].data.state == "done"
    assert services.jobs.status()["running"] == 0


def test_who_sees_the_end_of_a_job_sees_its_turn_over(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder tells the end before the worker's report of it has been heard: on a busy machine, long before."""
    services = open_services(is_started=False)
    hear = services.jobs._hear

    def hear_late(report: dict) -> None:
        if "ended" in report:
            time.sleep(0.5)
        hear(report)

    monkeypatch.setattr(services.jobs, "_hear", hear_late)
    services.start()
    job = services.jobs.submit(ANN, story())
    assert watch(services.jobs, ANN, job.id)[-1].data.state == "done"
    assert services.jobs.status()["running"] == 0


def test_a_model_that_is_moved_while_it_runs_hurts_nobody_else(open_services: Open, tmp_path: Path) -> None:
    services = open_services()
    folder = StarterStore(services.settings.cache).folder(MODEL, ignore)
    moved = shutil.copytree(folder, tmp_path / "model", copy_function=os.link)
    jobs = [services.jobs.submit(ANN, story(seed, 400, str(moved))) for seed in range(2)]
    wait_for_first_token(services.jobs, ANN, jobs[0].id)
    shutil.rmtree(moved)
    other = services.jobs.submit(BO, story())
    assert watch(services.jobs, BO, other.id)[-1].data.state == "done"
    assert all(watch(services.jobs, ANN, job.id)[-1].data.state in ("done", "failed") for job in jobs)


def test_a_worker_that_never_starts_is_said_and_comes_back_when_it_can(open_services: Open) -> None:
    services = open_services(is_started=False)
    blocked = services.settings.home / "worker.log"
    blocked.mkdir()
    waiting = services.jobs.submit(ANN, story())
    services.start()
    end = watch(services.jobs, ANN, waiting.id)[-1].data
    assert end.state == "failed" and isinstance(end.error, EngineBroken)
    assert services.jobs.status()["workers"][0]["state"] == "broken"
    with pytest.raises(EngineBroken):
        services.jobs.submit(ANN, story())
    blocked.rmdir()
    _wait(lambda: services.jobs.status()["workers"][0]["state"] == "ready", 40)
    assert watch(services.jobs, ANN, services.jobs.submit(ANN, story()).id)[-1].data.state == "done"


@pytest.mark.parametrize("torn", [b"", b'{"state": "do', b"{}", b"[]", b'{"state": "done", "result": 5}', b"\xff\xfe"])
def test_an_end_that_cannot_be_read_stops_nothing(open_services: Open, torn: bytes) -> None:
    first = open_services()
    bad, good = (first.jobs.submit(ANN, story()) for _ in range(2))
    for job in (bad, good):
        watch(first.jobs, ANN, job.id)
    _wait(lambda: first.jobs.status()["running"] == 0)
    (first.settings.home / "jobs" / bad.id / "end.json").write_bytes(torn)
    assert {job.id: job.state for job in first.jobs.recent(ANN)} == {bad.id: "interrupted", good.id: "done"}
    assert isinstance(watch(first.jobs, ANN, bad.id)[-1].data.error, InternalError)
    first.close()
    (first.settings.home / "studio.db").unlink()
    second = open_services(is_started=False)
    assert {job.id: job.state for job in second.jobs.recent(ANN)} == {bad.id: "interrupted", good.id: "done"}


def test_what_a_newer_version_wrote_is_put_aside_and_kept(open_services: Open) -> None:
    first = open_services()
    job = first.jobs.submit(ANN, story())
    watch(first.jobs, ANN, job.id)
    first.close()
    folder = first.settings.home / "jobs" / job.id
    spec = json.loads((folder / "request.json").read_bytes())
    spec["request"]["kind"] = "hologram"
    (folder / "request.json").write_text(json.dumps(spec))
    (first.settings.home / "studio.db").unlink()
    assert open_services(is_started=False).jobs.recent(ANN) == []
    assert (folder.parent / UNREADABLE / job.id / "end.json").exists()


def test_an_answer_reaches_its_conversation_after_a_full_disk(
    open_services: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_services()

    def full(*arguments: object) -> None:
        raise DiskFull(path="/")

    monkeypatch.setattr(first.conversations, "settle", full)
    conversation_id, answer, job_id = _answer(first)
    end = watch(first.jobs, ANN, job_id)[-1].data
    _wait(lambda: first.jobs.status()["running"] == 0)
    first.close()
    second = open_services(is_started=False)
    assert second.conversations.get(ANN, conversation_id).node(answer).text == end.result.text


def test_what_keeps_nothing_is_gone_after_a_stop_within_its_grace(open_services: Open) -> None:
    first = open_services()
    job = first.jobs.submit(ANN, story(), keep=False)
    watch(first.jobs, ANN, job.id)
    _wait(lambda: first.jobs.status()["running"] == 0)
    first.close()
    second = open_services(is_started=False)
    assert not (second.settings.home / "jobs" / job.id).exists() and second.jobs.recent(ANN) == []


def test_a_folder_whose_lock_cannot_be_had_ends_its_turn(open_services: Open) -> None:
    services = open_services(is_started=False)
    job = services.jobs.submit(ANN, story())
    (services.settings.home / "jobs" / job.id / "lock").mkdir()
    services.start()
    assert isinstance(watch(services.jobs, ANN, job.id)[-1].data.error, InternalError)
    assert watch(services.jobs, ANN, services.jobs.submit(ANN, story()).id)[-1].data.state == "done"


def test_hostile_events_are_passed_over(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, ANN, story())
    lines = [b"[1]", b"null", b'{"seq":"a","time":1,"kind":"token"}', b"[" * 100_000, b'{"seq":1,"time":1,"kind":5}']
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(b"\n".join(lines) + b"\n")
    with folder.writer() as events:
        events.write("started")
    assert [event["kind"] for event in folder.reader().read()] == ["queued", "started"]


def test_events_of_another_version_do_not_stop_a_reader(open_services: Open) -> None:
    services = open_services(is_started=False)
    job = services.jobs.submit(ANN, story())
    folder = JobFolder(services.settings.home / "jobs" / job.id)
    with folder.writer() as events:
        events.write("hologram", depth=3)
        events.write("token", text=5)
    folder.finish(End("cancelled", None, None, None, 1.0))
    assert [event.kind for event in watch(services.jobs, ANN, job.id)] == ["queued", "end"]


def test_a_conversation_is_deleted_even_if_a_job_of_it_cannot_be_read(open_services: Open) -> None:
    services = open_services()
    conversation_id, _, job_id = _answer(services)
    watch(services.jobs, ANN, job_id)
    (services.settings.home / "jobs" / job_id / "request.json").write_bytes(b"{")
    services.jobs.remove_conversation(ANN, conversation_id)
    assert not (services.settings.home / "jobs" / job_id).exists()


def test_a_studio_that_is_being_stopped_waits_for_its_answer_and_takes_no_new_work(open_services: Open) -> None:
    services = open_services()
    job = services.jobs.submit(ANN, story(max_new_tokens=200))
    wait_for_first_token(services.jobs, ANN, job.id)
    started = time.monotonic()
    services.jobs.close()
    assert time.monotonic() - started < supervisor.STOP_SECONDS + 1
    assert services.jobs.get(ANN, job.id).state == "done"
    with pytest.raises(ShuttingDown):
        services.jobs.submit(ANN, story())

"""From a request to its end, with a real worker process and the starter model."""

import asyncio
import os
import resource
import signal
import time
from dataclasses import replace

import pytest

from pipelines.errors.access import NotAllowed, NotFound, QueueFull, QuotaReached
from pipelines.errors.jobs import Interrupted, WorkerDied
from pipelines.errors.models import UnknownModel, WrongTask
from pipelines.errors.requests import EmptyPrompt, InvalidRequest
from pipelines.errors.storage import DiskFull
from pipelines.types.adapter import Adapter
from pipelines.types.text import Message, Sampling, TextRequest
from studio.jobs import supervisor
from studio.jobs.folder import End, JobFolder
from studio.jobs.job import Job
from studio.jobs.records import PRIVATE_GRACE_SECONDS
from tests.studio.jobs.conftest import ANN, BO, MODEL, Open, story, wait_for_first_token, watch


def test_a_request_becomes_events_a_result_and_a_creation(open_services: Open) -> None:
    services = open_services()
    job = services.jobs.submit(ANN, story())
    events = watch(services.jobs, ANN, job.id)
    kinds = [event.kind for event in events]
    assert kinds[0] == "queued" and "started" in kinds and kinds[-1] == "end"
    end = events[-1].data
    assert isinstance(end, End) and end.state == "done" and end.result is not None
    assert "".join(event.data.text for event in events if event.kind == "token") == end.result.text
    assert end.result.seed == 1 and end.result.decode_tokens_per_second > 0

    job = services.jobs.get(ANN, job.id)
    assert job.state == "done" and job.result == end.result and len(job.creation_ids) == 1
    assert services.creations.text(ANN, job.creation_ids[0]) == end.result.text
    assert services.creations.list(ANN).total == 1


def test_the_worker_can_run_inside_the_server_for_debugging(open_services: Open) -> None:
    services = open_services(engine="inline")
    job = services.jobs.submit(ANN, story())
    assert watch(services.jobs, ANN, job.id)[-1].data.state == "done"
    assert services.jobs.worker_pid is None and services.jobs.status()["workers"][0]["state"] == "ready"


def test_the_same_request_gives_the_same_text(open_services: Open) -> None:
    jobs = open_services().jobs
    texts = [watch(jobs, ANN, jobs.submit(ANN, story(seed=5)).id)[-1].data.result.text for _ in range(2)]
    assert texts[0] == texts[1]


def test_an_answer_goes_into_its_conversation(open_services: Open) -> None:
    services = open_services()
    conversation = services.conversations.new(ANN)
    asked = services.conversations.add_user(ANN, conversation.id, None, "Say hello.")
    job_id = services.jobs.new_job_id()
    answer = services.conversations.add_answer(ANN, conversation.id, asked, job_id)
    request = TextRequest(MODEL, messages=(Message("user", "Say hello."),), sampling=Sampling(max_new_tokens=20))
    services.jobs.submit(ANN, request, conversation=(conversation.id, answer), job_id=job_id)
    end = watch(services.jobs, ANN, job_id)[-1].data
    _wait(lambda: not services.conversations.get(ANN, conversation.id).node(answer).is_waiting)
    node = services.conversations.get(ANN, conversation.id).node(answer)
    assert node.text == end.result.text and node.facts["seed"] == end.result.seed
    assert services.creations.list(ANN).total == 0, "an answer lives in its conversation"


def test_who_sees_the_end_finds_what_was_made(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    services = open_services()
    keep = services.jobs._records._on_end

    def take_a_while(job: Job) -> None:
        time.sleep(0.5)
        keep(job)

    monkeypatch.setattr(services.jobs._records, "_on_end", take_a_while)
    job = services.jobs.submit(ANN, story())
    assert watch(services.jobs, ANN, job.id)[-1].kind == "end"
    assert services.creations.list(ANN).total == 1
    assert services.jobs.get(ANN, job.id).state == "done"


def test_any_number_of_readers_see_the_same_at_any_time(open_services: Open) -> None:
    jobs = open_services().jobs
    job = jobs.submit(ANN, story(max_new_tokens=120))

    async def two_at_once() -> list[str]:
        async def read() -> str:
            return "".join([event.data.text async for event in jobs.watch(ANN, job.id) if event.kind == "token"])

        return await asyncio.gather(read(), read())

    first, second = asyncio.run(two_at_once())
    late = "".join(event.data.text for event in watch(jobs, ANN, job.id) if event.kind == "token")
    assert first == second == late != ""


def test_others_see_nothing(open_services: Open) -> None:
    jobs = open_services().jobs
    job = jobs.submit(ANN, story())
    for forbidden in (jobs.get, jobs.cancel, jobs.rerun):
        with pytest.raises(NotFound):
            forbidden(BO, job.id)
    with pytest.raises(NotFound):
        watch(jobs, BO, job.id)
    assert jobs.recent(BO) == []
    for odd in ("", "..", "../../etc/passwd", "A" * 32, "\x00"):
        with pytest.raises(NotFound):
            jobs.get(ANN, odd)


def test_stop_ends_a_running_job_within_a_second_and_keeps_what_is_there(open_services: Open) -> None:
    jobs = open_services().jobs
    job = jobs.submit(ANN, story(max_new_tokens=4000))
    wait_for_first_token(jobs, ANN, job.id)
    pressed = time.monotonic()
    jobs.cancel(ANN, job.id)
    end = watch(jobs, ANN, job.id)[-1].data
    assert time.monotonic() - pressed < 1.0
    assert end.state == "cancelled" and end.result.finish_reason == "cancelled" and end.result.text


def test_stop_ends_a_queued_job_at_once(open_services: Open) -> None:
    jobs = open_services(is_started=False).jobs
    job = jobs.submit(ANN, story())
    jobs.cancel(ANN, job.id)
    assert jobs.get(ANN, job.id).state == "cancelled"
    assert jobs.status()["queue_length"] == 0


def test_several_of_one_model_run_at_once(open_services: Open) -> None:
    jobs = open_services().jobs
    submitted = [jobs.submit(owner, story(seed, max_new_tokens=300)) for seed, owner in enumerate((ANN, BO, ANN, BO))]
    ends = [watch(jobs, job.owner, job.id)[-1].data for job in submitted]
    assert all(end.state == "done" for end in ends)
    assert max(end.started for end in ends) < min(end.ended for end in ends)


def test_a_queued_job_knows_its_place(open_services: Open) -> None:
    jobs = open_services(is_started=False).jobs
    submitted = [jobs.submit(ANN, story()) for _ in range(3)]
    assert [jobs.place(job.id).ahead for job in submitted] == [0, 1, 2]


def test_what_is_refused_leaves_nothing(open_services: Open) -> None:
    services = open_services(is_started=False, queue_limit=3, person_limit=2)
    jobs = services.jobs
    with pytest.raises(EmptyPrompt):
        jobs.submit(ANN, TextRequest(MODEL, task="write", text=" \n"))
    with pytest.raises(UnknownModel):
        jobs.submit(ANN, story(model="no such model"))
    with pytest.raises(WrongTask):
        jobs.submit(ANN, TextRequest(MODEL, task="fill-mask", text="A [MASK]."))
    for odd in (Sampling(seed=1.5), Sampling(temperature="hot"), Sampling(max_new_tokens=None)):  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest):
            jobs.submit(ANN, replace(story(), sampling=odd))
    assert list((services.settings.home / "jobs").iterdir()) == []
    for _ in range(2):
        jobs.submit(ANN, story())
    with pytest.raises(QuotaReached):
        jobs.submit(ANN, story())
    jobs.submit(BO, story())
    with pytest.raises(QueueFull) as refused:
        jobs.submit(BO, story())
    assert refused.value.details["retry_after_seconds"] >= 1
    assert len(list((services.settings.home / "jobs").iterdir())) == 3


def test_a_killed_worker_interrupts_its_job_and_the_next_one_works(open_services: Open) -> None:
    jobs = open_services().jobs
    job = jobs.submit(ANN, story(max_new_tokens=4000))
    wait_for_first_token(jobs, ANN, job.id)
    assert jobs.worker_pid is not None
    os.kill(jobs.worker_pid, signal.SIGKILL)
    end = watch(jobs, ANN, job.id)[-1].data
    assert end.state == "interrupted" and isinstance(end.error, WorkerDied)
    again = jobs.rerun(ANN, job.id)
    jobs.cancel(ANN, again.id)
    assert again.request == job.request
    assert watch(jobs, ANN, jobs.submit(ANN, story()).id)[-1].data.state == "done"


def test_the_next_server_finds_what_the_worker_still_finishes(
    open_services: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.0)
    first = open_services()
    job = first.jobs.submit(ANN, story(max_new_tokens=400))
    wait_for_first_token(first.jobs, ANN, job.id)
    worker = first.jobs.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)  # so that it has not finished by then
    try:
        first.close()
        second = open_services()
        assert second.jobs.get(ANN, job.id).state == "running"
    finally:
        os.kill(worker, signal.SIGCONT)
    assert watch(second.jobs, ANN, job.id)[-1].data.state == "done"
    _wait(lambda: second.jobs.get(ANN, job.id).creation_ids)
    assert second.creations.list(ANN).total == 1


def test_what_waited_when_the_server_stopped_has_its_turn_after_the_next_start(open_services: Open) -> None:
    first = open_services(is_started=False)
    job = first.jobs.submit(ANN, story())
    first.close()
    assert watch(open_services().jobs, ANN, job.id)[-1].data.state == "done"


def test_what_nobody_works_on_any_more_is_interrupted(open_services: Open) -> None:
    first = open_services(is_started=False)
    job = first.jobs.submit(ANN, story())
    with JobFolder(first.settings.home / "jobs" / job.id).writer() as events:
        events.write("started")
    first.close()
    job = open_services(is_started=False).jobs.get(ANN, job.id)
    assert job.state == "interrupted" and isinstance(job.error, Interrupted)


def test_a_deleted_or_broken_index_is_made_again_from_the_folders(open_services: Open) -> None:
    first = open_services()
    done = first.jobs.submit(ANN, story())
    watch(first.jobs, ANN, done.id)
    _wait(lambda: first.creations.list(ANN).total == 1)
    first.close()
    database = first.settings.home / "studio.db"
    database.unlink()
    second = open_services(is_started=False)
    assert [job.id for job in second.jobs.recent(ANN)] == [done.id]
    assert second.creations.list(ANN).total == 1
    second.close()
    database.write_bytes(b"not a database at all " * 500)
    third = open_services(is_started=False)
    assert [job.state for job in third.jobs.recent(ANN)] == ["done"]
    assert third.creations.list(ANN).total == 1


def test_a_folder_that_was_never_acknowledged_is_swept(open_services: Open) -> None:
    first = open_services(is_started=False)
    half = first.settings.home / "jobs" / ("f" * 32)
    half.mkdir()
    (half / "request.json").write_text('{"schema": 1, "id"')
    first.close()
    assert open_services(is_started=False).jobs.recent(ANN) == []
    assert not half.exists()


def test_private_mode_keeps_nothing(open_services: Open) -> None:
    services = open_services()
    job = services.jobs.submit(ANN, story(), keep=False)
    assert watch(services.jobs, ANN, job.id)[-1].data.result.text
    _wait(lambda: not (services.settings.home / "jobs" / job.id).exists(), PRIVATE_GRACE_SECONDS + 5)
    assert services.jobs.recent(ANN) == [] and services.creations.list(ANN).total == 0


def test_what_keeps_nothing_is_gone_after_a_crash_too(open_services: Open) -> None:
    first = open_services(is_started=False)
    job = first.jobs.submit(ANN, story(), keep=False)
    with JobFolder(first.settings.home / "jobs" / job.id).writer() as events:
        events.write("started")
    first.close()
    second = open_services(is_started=False)
    _wait(lambda: not (second.settings.home / "jobs" / job.id).exists(), PRIVATE_GRACE_SECONDS + 5)


def test_a_deleted_conversation_takes_its_jobs_along_even_running_ones(open_services: Open) -> None:
    services = open_services()
    conversation = services.conversations.new(ANN)
    asked = services.conversations.add_user(ANN, conversation.id, None, "Tell me a long story.")
    job_id = services.jobs.new_job_id()
    answer = services.conversations.add_answer(ANN, conversation.id, asked, job_id)
    request = TextRequest(MODEL, messages=(Message("user", "Go."),), sampling=Sampling(max_new_tokens=4000))
    services.jobs.submit(ANN, request, conversation=(conversation.id, answer), job_id=job_id)
    wait_for_first_token(services.jobs, ANN, job_id)
    services.jobs.remove_conversation(ANN, conversation.id)
    services.conversations.delete(ANN, conversation.id)
    _wait(lambda: services.jobs.status()["running"] == 0)
    assert services.jobs.recent(ANN) == [] and not (services.settings.home / "jobs" / job_id).exists()
    assert watch(services.jobs, ANN, services.jobs.submit(ANN, story()).id)[-1].data.state == "done"


def test_a_full_disk_refuses_new_work_and_keeps_the_old(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    services = open_services()
    old = services.jobs.submit(ANN, story())
    watch(services.jobs, ANN, old.id)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            services.jobs.submit(ANN, story())
    assert services.jobs.get(ANN, old.id).state == "done"
    assert watch(services.jobs, ANN, services.jobs.submit(ANN, story()).id)[-1].data.state == "done"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can take the disk away from another process")
def test_a_disk_that_fills_while_the_worker_writes_is_said_and_nothing_hangs(open_services: Open) -> None:
    jobs = open_services().jobs
    job = jobs.submit(ANN, story(max_new_tokens=4000))
    wait_for_first_token(jobs, ANN, job.id)
    assert jobs.worker_pid is not None
    _, most = resource.prlimit(jobs.worker_pid, resource.RLIMIT_FSIZE)
    resource.prlimit(jobs.worker_pid, resource.RLIMIT_FSIZE, (0, most))
    end = watch(jobs, ANN, job.id, timeout_seconds=20)[-1].data
    assert end.state == "failed" and isinstance(end.error, DiskFull)
    resource.prlimit(jobs.worker_pid, resource.RLIMIT_FSIZE, (most, most))
    assert jobs.get(ANN, job.id).state == "failed"
    assert watch(jobs, ANN, jobs.submit(ANN, story()).id)[-1].data.state == "done"


def _wait(is_true: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def test_a_public_demo_runs_only_what_is_there(open_services: Open) -> None:
    services = open_services(is_started=False, is_space=True, host="0.0.0.0")
    assert [row.id for row in services.catalog.rows("chat")] == [MODEL]
    for refused in (story(model="Qwen/Qwen3-8B"), story(model="/etc"), story(model="owner/name")):
        with pytest.raises((NotAllowed, UnknownModel)):
            services.jobs.submit(ANN, refused)
    for source in ("/etc", "evil/adapter"):
        with pytest.raises(NotAllowed):
            services.jobs.submit(ANN, replace(story(), adapters=(Adapter(source),)))
    assert services.jobs.submit(ANN, story()).state == "queued"

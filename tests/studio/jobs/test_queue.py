"""Whose turn it is."""

from itertools import count

from pipelines.types.music import MusicRequest
from pipelines.types.speech import SpeechRequest
from pipelines.types.text import TextRequest
from pipelines.types.transcription import TranscribeRequest
from pipelines.types.workbench import WorkbenchRequest
from studio.jobs.queue import LANES, PREFERENCE_BOUND, TurnQueue, Waiting

_numbers = count()


def _job(owner: str, model: str = "m", lane: str = "quick") -> Waiting:
    return Waiting(f"{owner}-{next(_numbers)}", owner, lane, "text", model, batches=True)


def _take_all(queue: TurnQueue, loaded: set[str] | None = None) -> list[Waiting]:
    taken = []
    while (job := queue.take("quick", loaded or set())) is not None:
        taken.append(job)
    return taken


def test_two_people_take_turns_however_many_jobs_one_has() -> None:
    queue = TurnQueue()
    for _ in range(5):
        queue.put(_job("ann"))
    for _ in range(2):
        queue.put(_job("bo"))
    assert [job.owner for job in _take_all(queue)] == ["ann", "bo", "ann", "bo", "ann", "ann", "ann"]


def test_one_person_is_served_in_order() -> None:
    queue = TurnQueue()
    jobs = [_job("ann") for _ in range(4)]
    for job in jobs:
        queue.put(job)
    assert _take_all(queue) == jobs


def test_the_loaded_model_is_preferred_but_nobody_waits_for_ever() -> None:
    queue = TurnQueue()
    other = _job("ann", "other")
    queue.put(other)
    for _ in range(10):
        queue.put(_job("bo", "loaded"))
    order = _take_all(queue, {"loaded"})
    assert order.index(other) == PREFERENCE_BOUND
    assert len(order) == 11


def test_only_the_running_model_may_join_and_only_for_a_while() -> None:
    queue = TurnQueue()
    queue.put(_job("ann", "other"))
    for _ in range(10):
        queue.put(_job("bo", "running"))
    joined = 0
    while queue.take("quick", {"running"}, only="running") is not None:
        joined += 1
    assert joined == PREFERENCE_BOUND
    assert queue.take("quick", {"running"}).model == "other"  # the lane has drained


def test_a_model_that_runs_takes_as_many_as_wait_when_nobody_wants_another() -> None:
    queue = TurnQueue()
    for owner in ("ann", "bo", "cy"):
        for _ in range(4):
            queue.put(_job(owner, "running"))
    taken = 0
    while queue.take("quick", {"running"}, only="running") is not None:
        taken += 1
    assert taken == 12


def test_lanes_do_not_wait_for_each_other() -> None:
    queue = TurnQueue()
    queue.put(_job("ann", lane="long"))
    assert queue.take("quick", set()) is None
    assert queue.take("long", set()) is not None


def test_the_lane_of_a_job_is_known_while_it_waits() -> None:
    queue = TurnQueue()
    job = _job("ann", lane="download")
    queue.put(job)
    assert queue.lane_of(job.job_id) == "download"
    queue.take("download", set())
    assert queue.lane_of(job.job_id) is None


def test_what_was_removed_has_no_turn() -> None:
    queue = TurnQueue()
    job = _job("ann")
    queue.put(job)
    assert queue.remove(job.job_id)
    assert not queue.remove(job.job_id)
    assert len(queue) == 0
    assert queue.take("quick", set()) is None


def test_ahead_tells_the_order_that_take_keeps() -> None:
    queue = TurnQueue()
    for owner in ("ann", "ann", "bo", "ann", "cy"):
        queue.put(_job(owner))
    last = _job("bo")
    queue.put(last)
    before = queue.ahead(last.job_id, set())
    assert len(queue) == 6, "a rehearsal takes nothing"
    assert before == _take_all(queue)[: len(before)]
    assert queue.ahead(last.job_id, set()) is None


def test_sound_keeps_no_chat_waiting_and_a_recording_no_speech() -> None:
    sounds = {SpeechRequest.lane, WorkbenchRequest.lane, TranscribeRequest.lane}
    assert sounds == {"sound", "listening"} and SpeechRequest.lane == WorkbenchRequest.lane != TranscribeRequest.lane
    assert LANES["sound"] == 1 and LANES["listening"] == 2, "a few words are heard beside a long recording"
    assert TextRequest.lane not in sounds and MusicRequest.lane not in sounds
    assert {TextRequest.lane, MusicRequest.lane} <= LANES.keys()

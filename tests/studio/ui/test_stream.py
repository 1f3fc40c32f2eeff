"""Events of a job become what the page shows of it."""

import asyncio
from collections.abc import AsyncIterator

from pipelines.errors.access import NotFound
from pipelines.errors.jobs import WorkerDied
from pipelines.types.events import Loading, Preview, Progress, Token
from pipelines.types.text import TextResult
from studio.jobs.folder import End
from studio.jobs.job import JobEvent, Place
from studio.ui.stream import Live, fold, follow_all

RESULT = TextResult(
    text="Hello there", model="m", seed=1, finish_reason="stop", prompt_tokens=1, new_tokens=2, seconds_prefill=0.1,
    seconds_decode=0.1,
)  # fmt: skip


def after(*events: JobEvent) -> Live:
    live = Live()
    for event in events:
        live = fold(live, event)
    return live


def test_a_job_from_the_queue_to_its_end() -> None:
    queued = [JobEvent("queued", 0, None), JobEvent("place", 0, Place(2, 5.0))]
    assert after(*queued) == Live(waits=Place(2, 5.0))
    started = [*queued, JobEvent("started", 1, None), JobEvent("loading", 1, Loading("weights", "m", 1, 9))]
    assert after(*started) == Live(stage=Loading("weights", "m", 1, 9), is_started=True)
    tokens = [*started, JobEvent("token", 2, Token("Hel")), JobEvent("token", 2, Token("lo"))]
    assert after(*tokens) == Live(text="Hello", is_started=True)
    ended = after(*tokens, JobEvent("end", 3, End("done", RESULT, None, 1.0, 3.0)))
    assert (ended.text, ended.result, ended.has_failed) == ("Hello there", RESULT, False)


def test_a_job_that_failed_keeps_what_it_wrote() -> None:
    error = WorkerDied()
    live = after(JobEvent("token", 1, Token("Hel")), JobEvent("end", 2, End("interrupted", None, error, 0.0, 2.0)))
    assert (live.text, live.error, live.has_failed) == ("Hel", error, True)


def test_progress_and_previews_stand_side_by_side() -> None:
    steps = [JobEvent("progress", 1.0, Progress(1, 8, "steps")), JobEvent("progress", 2.0, Progress(4, 8, "steps"))]
    live = after(*steps, JobEvent("preview", 2.1, Preview(4, 8, "preview-3.jpg")))
    assert live.stage == Progress(4, 8, "steps") and live.preview == Preview(4, 8, "preview-3.jpg")
    assert live.rate == 3.0
    assert after(steps[0]).rate is None
    assert after(*steps, JobEvent("loading", 3.0, Loading("weights", "m"))).rate is None, "it begins anew"


class Told:
    """Jobs whose events are all known; the one called "gone" does not exist."""

    def __init__(self, **events: list[JobEvent]) -> None:
        self._events = events

    async def watch(self, owner: str, job_id: str) -> AsyncIterator[JobEvent]:
        if job_id == "gone":
            raise NotFound(thing="job")
        for event in self._events[job_id]:
            await asyncio.sleep(0)
            yield event


def test_several_jobs_are_followed_until_all_have_ended() -> None:
    end = JobEvent("end", 3, End("done", RESULT, None, 1.0, 3.0))
    jobs = Told(one=[JobEvent("started", 1, None), end], other=[JobEvent("place", 0, Place(1, None)), end])

    async def last() -> dict[str, Live]:
        return [lives async for lives in follow_all(jobs, "ann", ["one", "gone", "other"])][-1]  # type: ignore[arg-type]

    lives = asyncio.run(asyncio.wait_for(last(), 10.0))
    assert set(lives) == {"one", "other"} and all(live.end is not None for live in lives.values())

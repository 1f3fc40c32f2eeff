"""Events of a job become what the page shows of it."""

from pipelines.errors import WorkerDied
from pipelines.types import Loading, TextResult, Token
from studio.jobs.folder import End
from studio.jobs.job import JobEvent, Place
from studio.ui.stream import Live, fold

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

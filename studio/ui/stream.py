"""What a job says, folded into what the page shows of it: the one place between events and components. Knows no gradio.

queued, place → started → loading, progress → token … → end
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pipelines.errors import StudioError
from pipelines.types import Loading, Progress, TextResult, Token
from studio.jobs.folder import End
from studio.jobs.job import Job, JobEvent, Place
from studio.jobs.supervisor import Supervisor

SHOW_EVERY_SECONDS = 0.08  # a reader who comes late catches up in a few updates, not in one for each past token


@dataclass(frozen=True)
class Live:
    """All that is known of a running job: the text so far and what it is doing, or how it ended."""

    text: str = ""
    waits: Place | None = None
    stage: Loading | Progress | None = None
    is_started: bool = False
    end: End | None = None

    @property
    def result(self) -> TextResult | None:
        return self.end.result if self.end is not None else None

    @property
    def error(self) -> StudioError | None:
        return self.end.error if self.end is not None else None

    @property
    def has_failed(self) -> bool:
        return self.end is not None and self.end.state in ("failed", "interrupted")

    @staticmethod
    def of_job(job: Job) -> "Live":
        """What the job itself tells, without its events."""
        if not job.is_ended:
            return Live(is_started=job.state == "running")
        end = End(job.state, job.result, job.error, job.started, job.ended or 0.0)
        return Live(text=job.result.text if job.result else "", is_started=True, end=end)


def fold(live: Live, event: JobEvent) -> Live:
    """`live` after one more event."""
    match event.data:
        case Place():
            return replace(live, waits=event.data)
        case Loading() | Progress():
            return replace(live, stage=event.data, waits=None, is_started=True)
        case Token():
            return replace(live, text=live.text + event.data.text, stage=None, waits=None, is_started=True)
        case End():
            text = event.data.result.text if event.data.result is not None else live.text
            return replace(live, text=text, stage=None, waits=None, end=event.data)
    return replace(live, waits=None, is_started=True) if event.kind == "started" else live


async def follow(jobs: Supervisor, owner: str, job_id: str) -> AsyncIterator[Live]:
    """The states of a job from its start to its end, at most about twelve a second; the last one has an `end`.

    Raises NotFound when there is no such job of this owner.
    """
    live = Live()
    shown_at = 0.0
    async for event in jobs.watch(owner, job_id):
        live = fold(live, event)
        now = time.monotonic()
        if live.end is not None or not isinstance(event.data, Token) or now - shown_at >= SHOW_EVERY_SECONDS:
            shown_at = now
            yield live

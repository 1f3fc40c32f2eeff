"""What a job says, folded into what the page shows of it: the one place between events and components. Knows no gradio.

queued, place → started → loading, progress → token, preview … → end
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.types.events import Loading, Plan, Preview, Progress, Token
from pipelines.types.film import Board
from pipelines.types.sound import Heard
from pipelines.types.text import TextResult
from studio.jobs.folder import End
from studio.jobs.job import Job, JobEvent, Place, event_of
from studio.jobs.supervisor import Supervisor

# A reader who comes late catches up in a few updates, not in one for each past token. Text is read as it comes; of steps and
# previews a few looks a second are enough, and each takes the browser some 20 ms, from the cores that draw on a laptop.
SHOW_EVERY_SECONDS = {Token: 0.08, Heard: 0.1, Progress: 0.5, Preview: 0.5, Board: 0.3}

TAIL_BYTES = 32_768  # the events of some seconds


@dataclass(frozen=True)
class Live:
    """All that is known of a running job: the text and the sound so far and what it is doing, or how it ended.

    `paces` are two readings of its progress, (done, time), the first and the newest.
    """

    text: str = ""
    waits: Place | None = None
    stage: Loading | Plan | Progress | None = None
    preview: Preview | None = None
    heard: tuple[Heard, ...] = ()
    board: Board | None = None
    paces: tuple[tuple[int, float], ...] = ()
    is_started: bool = False
    end: End | None = None

    @property
    def result(self) -> TextResult | None:
        """What a text job came to."""
        result = self.end.result if self.end is not None else None
        return result if isinstance(result, TextResult) else None

    @property
    def rate(self) -> float | None:
        """Units of progress a second, once two were told."""
        if len(self.paces) < 2 or self.paces[1][1] <= self.paces[0][1]:
            return None
        return (self.paces[1][0] - self.paces[0][0]) / (self.paces[1][1] - self.paces[0][1])

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
        return Live(text=_text(end), is_started=True, end=end)


def fold(live: Live, event: JobEvent) -> Live:
    """`live` after one more event."""
    match event.data:
        case Place():
            return replace(live, waits=event.data)
        case Loading() | Plan():
            return replace(live, stage=event.data, waits=None, paces=(), is_started=True)
        case Progress():
            is_same = isinstance(live.stage, Progress) and live.stage.unit == event.data.unit
            paces = (*(live.paces[:1] if is_same else ()), (event.data.done, event.time))
            return replace(live, stage=event.data, waits=None, paces=paces, is_started=True)
        case Preview():
            return replace(live, preview=event.data, waits=None, is_started=True)
        case Heard():
            return replace(live, heard=(*live.heard, event.data), waits=None, is_started=True)
        case Board():
            return replace(live, board=event.data, waits=None, is_started=True)
        case Token():
            stage = (
                live.stage if isinstance(live.stage, Progress) and live.stage.unit == "seconds" else None
            )  # of sound
            return replace(live, text=live.text + event.data.text, stage=stage, waits=None, is_started=True)
        case End():
            text = _text(event.data) if event.data.result is not None else live.text
            return replace(live, text=text, stage=None, waits=None, end=event.data)
    return replace(live, waits=None, is_started=True) if event.kind == "started" else live


def peek(jobs: Supervisor, owner: str, job: Job) -> Live:
    """How an unfinished job does now, by the last of its events: enough for its bar, its pace and its preview, not for its text.

    Raises NotFound.
    """
    live = replace(Live.of_job(job), waits=jobs.place(job.id))
    for line in jobs.folder(owner, job.id).reader(TAIL_BYTES).read():
        if (event := event_of(line)) is not None:
            live = fold(live, event)
    return live


def _text(end: End) -> str:
    return end.result.text if isinstance(end.result, TextResult) else ""


async def follow(jobs: Supervisor, owner: str, job_id: str) -> AsyncIterator[Live]:
    """The states of a job from its start to its end, of text at most about twelve a second; the last one has an `end`.

    Raises NotFound when there is no such job of this owner.
    """
    live = Live()
    shown_at = 0.0
    async for event in jobs.watch(owner, job_id):
        live = fold(live, event)
        now = time.monotonic()
        if live.end is not None or now - shown_at >= SHOW_EVERY_SECONDS.get(type(event.data), 0.0):
            shown_at = now
            yield live


async def follow_all(jobs: Supervisor, owner: str, job_ids: Sequence[str]) -> AsyncIterator[dict[str, Live]]:
    """The states of several jobs, by id, until all have ended. One that is gone is left out."""
    told: asyncio.Queue[tuple[str, Live | None]] = asyncio.Queue()

    async def tell(job_id: str) -> None:
        try:
            async for live in follow(jobs, owner, job_id):
                await told.put((job_id, live))
        except NotFound:
            await told.put((job_id, None))

    readers = [asyncio.create_task(tell(job_id)) for job_id in job_ids]
    lives: dict[str, Live] = {}
    unfinished = set(job_ids)
    try:
        while unfinished:
            news = [await told.get()]
            while not told.empty():
                news.append(told.get_nowait())
            for job_id, live in news:
                if live is None or live.end is not None:
                    unfinished.discard(job_id)
                lives = {**lives, job_id: live} if live is not None else {k: v for k, v in lives.items() if k != job_id}
            yield lives
    finally:
        for reader in readers:
            reader.cancel()

"""An answer that is said while it is still being written: stretch by stretch, each a job of its own. Knows no gradio.

    answer so far → the next whole sentences → job (speech) → its pieces, to be heard in their order

A stretch is said when the one before it has been, and takes in all that was written meanwhile: the first one is short,
because it is waited for, and there are few of them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.speech.sentences import CLAUSE, END, READABLE
from studio.jobs.folder import End
from studio.jobs.job import Job
from studio.jobs.supervisor import Supervisor
from studio.ui import safe
from studio.ui.stream import Live, follow

FIRST_CHARACTERS = 24  # where the first sentence has a comma behind so many, it is said up to there
FIRST_LONGEST = 60  # a first sentence longer than this is cut at a comma even when it is whole
CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
MARKS = re.compile(r"[*_`#>|~]+")

Say = Callable[[str], Job]


@dataclass(frozen=True)
class Aloud:
    """`live` is the answer; `pieces` are the names of what can be heard of it by now, "<job>/sound-0.wav" …

    `trouble` is why it cannot be said, where that is so: the answer goes on all the same.
    """

    live: Live
    pieces: tuple[str, ...] = ()
    is_whole: bool = False
    trouble: StudioError | None = None


@dataclass
class _Voice:
    """What is said by now: `reached` characters of the answer, by the job that speaks ("" while none does)."""

    reached: int = 0
    job_id: str = ""
    pieces: list[str] = field(default_factory=list)
    trouble: StudioError | None = None
    is_stopped: bool = False


async def aloud(jobs: Supervisor, owner: str, answer: AsyncIterator[Live], say: Say) -> AsyncGenerator[Aloud, None]:
    """Follow an answer and its voice up to the end of both. `say` submits a stretch as a job of speech."""
    told: asyncio.Queue[tuple[str, Live]] = asyncio.Queue()

    async def tell(who: str, states: AsyncIterator[Live]) -> None:
        try:
            async for live in states:
                await told.put((who, live))
        except NotFound:  # a job of the voice goes soon after its end
            if not who:
                raise
            await told.put((who, Live(end=End("interrupted", None, None, None, 0.0))))

    live, voice = Live(), _Voice()
    tasks = [asyncio.create_task(tell("", answer))]
    try:
        while True:
            # 1. The next stretch, where nobody speaks
            if not voice.job_id and not voice.is_stopped and (text := _next(live, voice)):
                try:
                    voice.job_id = say(text).id
                    tasks.append(asyncio.create_task(tell(voice.job_id, follow(jobs, owner, voice.job_id))))
                except StudioError as error:
                    voice.trouble, voice.is_stopped = error, True
            # 2. How things stand
            is_whole = live.end is not None and not voice.job_id
            yield Aloud(live, tuple(voice.pieces), is_whole, voice.trouble)
            if is_whole:
                return
            # 3. What comes
            who, news = await _first(told, tasks)
            if not who:
                live = news
            elif who == voice.job_id:
                _take(voice, who, news)
    finally:
        for task in tasks:
            task.cancel()


async def unsaid(answer: AsyncIterator[Live]) -> AsyncGenerator[Aloud, None]:
    """The same of an answer that is only read."""
    async for live in answer:
        yield Aloud(live, is_whole=live.end is not None)


async def _first(told: "asyncio.Queue[tuple[str, Live]]", tasks: list["asyncio.Task[None]"]) -> tuple[str, Live]:
    """The next that is told. Raises what ended one of those that tell, so that nobody waits for it."""
    waiting = asyncio.create_task(told.get())
    try:
        while True:
            running = [task for task in tasks if not task.done()]
            await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        waiting.cancel()


def _take(voice: _Voice, job_id: str, news: Live) -> None:
    """What the job that speaks has come to."""
    known = {name for name in voice.pieces if name.startswith(job_id)}
    voice.pieces += [name for one in news.heard if (name := f"{job_id}/{one.file}") not in known]
    if news.end is not None:
        voice.job_id = ""
        voice.trouble, voice.is_stopped = news.error, news.end.state != "done"


def _next(live: Live, voice: _Voice) -> str:
    """The next stretch as it is to be said, "" while there is none; moves `voice` behind it."""
    if live.has_failed or (live.end is not None and live.end.state == "cancelled"):
        return ""  # what was stopped is not said to its end
    answer = safe.split_thinking(live.text).answer
    while length := _length(answer[voice.reached :], is_first=not voice.reached, is_whole=live.end is not None):
        text = answer[voice.reached : voice.reached + length]
        voice.reached += length
        if READABLE.search(text := spoken(text)):
            return text
    return ""


def _length(text: str, *, is_first: bool, is_whole: bool) -> int:
    """How many characters of what is written are to be said next; 0: it waits for more.

    >>> _length("One. Two. Th", is_first=False, is_whole=False)
    9
    """
    if CODE.search(text) and not is_whole:
        return 0  # a block of code is left out as a whole, so it is waited for
    ends = [found.end() for found in END.finditer(text)]
    if is_first:
        sentence = ends[0] if ends else len(text)
        clauses = (found.end() for found in CLAUSE.finditer(text, 0, sentence) if found.end() >= FIRST_CHARACTERS)
        clause = next(clauses, 0) if not ends or sentence > FIRST_LONGEST else 0
        return clause or (ends[0] if ends else len(text) if is_whole else 0)
    return len(text) if is_whole else ends[-1] if ends else 0


def spoken(text: str) -> str:
    """What a voice should read of Markdown: no code, no marks, of links their words."""
    return MARKS.sub("", LINK.sub(r"\1", CODE.sub(" ", text))).strip()

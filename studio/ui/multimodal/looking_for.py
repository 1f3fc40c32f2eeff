"""A search of the library, for the page and for clients: a job says what the query means, the index which things are near.

    words, picture, sound → job → vectors → index → hits, and again when more has come into the index

Where that job fails or is refused, words are still found as they are written. Knows no gradio.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.requests import EmptyPrompt
from pipelines.types.search import EmbedRequest, EmbedResult
from studio.identity import GUEST
from studio.library.conversations import QUERY_CHARACTERS, Header
from studio.library.creations import Creation
from studio.library.ranking import Hit, Query
from studio.services import Services
from studio.ui.stream import Live, follow

MOST_HITS = 48
MOST_CONVERSATIONS = 6
EXCERPT_CHARACTERS = 200
AGAIN_SECONDS = 0.5
PATIENCE_SECONDS = 120.0  # without anything new: a model is loaded, or somebody else is being served


@dataclass(frozen=True)
class Wanted:
    """What is looked for; files are empty where there is none. `kind` is "all" or one of the library's."""

    words: str = ""
    picture: bytes = b""
    sound: bytes = b""
    kind: str = "all"


@dataclass(frozen=True)
class Found:
    """The nearest first, each with its creation and how that begins; conversations stand apart, because they are found by
    their words alone. `heard` and `seen` are what was made of a sound and of a picture. `ready` of `total` creations can be found by meaning so far; `error` is why none can be."""

    hits: tuple[tuple[Hit, Creation, str], ...]
    conversations: tuple[Header, ...]
    heard: str
    seen: str
    ready: int
    total: int
    seconds: float
    error: StudioError | None = None
    query: Query = field(default_factory=Query)
    kind: str | None = None

    @property
    def is_behind(self) -> bool:
        """Whether more can be found by its meaning later."""
        return self.error is None and self.ready < self.total


async def look_for(services: Services, owner: str, wanted: Wanted) -> AsyncIterator[Live | Found]:
    """How the job is doing, then what was found. Raises EmptyPrompt and, where there are no words, what the job was refused
    or ended with."""
    words = wanted.words.strip()
    if not (words or wanted.picture or wanted.sound):
        raise EmptyPrompt()
    if owner == GUEST:  # shared by everybody whom nothing proves
        yield Found((), (), "", "", 0, 0, 0.0)
        return
    # 1 What is meant
    started = time.perf_counter()
    result = EmbedResult("", (), 0.0)
    error: StudioError | None = None
    try:
        async for live in _meaning(services, owner, wanted):
            if live.end is None:
                yield live
            elif live.end.state == "done" and isinstance(live.end.result, EmbedResult):
                result = live.end.result
            else:
                error = live.error
    except StudioError as refused:  # the queue is full, the engine does not start, the disk is full
        error = refused
    if error is not None and not words:
        raise error
    vectors = result.vectors[0].arrays() if result.vectors else {}
    heard, seen = (result.vectors[0].heard, result.vectors[0].seen) if result.vectors else ("", "")

    # 2 What is near
    query = Query(words or heard or seen, vectors, result.likeness)
    kind = None if wanted.kind == "all" else wanted.kind
    named = (words or heard)[:QUERY_CHARACTERS]  # a conversation is found by all of them
    is_talk_wanted = bool(named) and kind in (None, "conversation")
    talks = await asyncio.to_thread(services.conversations.list, owner, named) if is_talk_wanted else []
    found = Found((), tuple(talks[:MOST_CONVERSATIONS]), heard, seen, 0, 0, 0.0, error, query, kind)
    found = await asyncio.to_thread(_looked_up, services, owner, found)

    # 3 What is new is on its way into the index
    services.indexing.nudge()
    yield replace(found, seconds=time.perf_counter() - started)


async def look_again(services: Services, owner: str, found: Found) -> AsyncIterator[Found]:
    """The same search, each time that more can be found by its meaning; ends when all can, or when nothing new comes."""
    came = time.monotonic()
    while found.is_behind and time.monotonic() - came < PATIENCE_SECONDS:
        await asyncio.sleep(AGAIN_SECONDS)
        ready, _ = await asyncio.to_thread(services.finding.counts, owner)
        if ready != found.ready:
            found = await asyncio.to_thread(_looked_up, services, owner, found)
            came = time.monotonic()
            yield found


def _looked_up(services: Services, owner: str, found: Found) -> Found:
    """With what is near now, as it stands in the library."""
    hits = services.finding.find(owner, found.query, found.kind, MOST_HITS)
    ready, total = services.finding.counts(owner)
    shown = tuple(one for hit in hits if (one := _shown(services, owner, hit)) is not None)
    return replace(found, hits=shown, ready=ready, total=total)


async def _meaning(services: Services, owner: str, wanted: Wanted) -> AsyncIterator[Live]:
    files = {"images-0": wanted.picture} if wanted.picture else {}
    files |= {"sounds-0": wanted.sound} if wanted.sound else {}
    asked = EmbedRequest(texts=(wanted.words.strip(),), images=("",), sounds=("",), is_asked=True)
    job = services.jobs.submit(owner, asked, keep=False, files=files)
    async for live in follow(services.jobs, owner, job.id):
        yield live


def _shown(services: Services, owner: str, hit: Hit) -> tuple[Hit, Creation, str] | None:
    """None where its person has deleted it meanwhile."""
    try:
        return hit, services.creations.get(owner, hit.id), services.finding.text(owner, hit.id)[:EXCERPT_CHARACTERS]
    except NotFound:
        return None

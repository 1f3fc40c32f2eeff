"""Which of a page's watchers is the newest: only that one may still change what it watches. Knows no gradio.

A press that shows something else sets a pulse, the pulse starts a watcher, and the watcher before it ends by itself. A
cancelled event of gradio 6.31 may go on where its page had not yet heard of it, so nothing relies on that.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

Updates = dict[Any, Any]  # of parts of the page, to what they become


def pulse() -> str:
    """Later ones are greater, whatever happens to the clock. Good in this process only, as is what keeps them."""
    return f"{time.monotonic_ns():020}"


class Watchers:
    """The watchers of one part of one page."""

    def __init__(self) -> None:
        self._newest = ""

    def begin(self, at: str) -> bool:
        """A watcher whose pulse is `at` begins. False: a newer one has begun before it, so it has nothing to show."""
        if at < self._newest:
            return False
        self._newest = at
        return True

    def is_newest(self, at: str) -> bool:
        return at == self._newest

    async def watch(
        self, at: str, news: AsyncGenerator[Updates, None], nothing: Updates
    ) -> AsyncGenerator[Updates, None]:
        """`news` up to its end, or until a newer watcher begins: then it ends with `nothing`, an update that changes nothing.

        For gradio 6.31 empties the outputs of a generator that yields nothing, and sends what was yielded last once more.
        """
        if self.begin(at):
            async with aclosing(news):
                async for updates in news:
                    if not self.is_newest(at):
                        break
                    yield updates
                else:
                    return
        yield nothing


async def changes(news: AsyncGenerator[Updates, None]) -> AsyncGenerator[Updates, None]:
    """Of `news` only what differs from the last time: a preview is large, and a step is often only a new line."""
    seen: Updates = {}
    async with aclosing(news):
        async for updates in news:
            if changed := {part: new for part, new in updates.items() if part not in seen or seen[part] != new}:
                yield changed
            seen |= updates

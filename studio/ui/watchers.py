"""Which of a page's watchers is the newest: only that one may still change what it watches. Knows no gradio.

A press that shows something else sets a pulse, the pulse starts a watcher, and the watcher before it ends by itself. A
cancelled event of gradio 6.31 may go on where its page had not yet heard of it, so nothing relies on that.
"""

import time


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

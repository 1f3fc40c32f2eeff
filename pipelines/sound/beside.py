"""Work of a library that cannot be told to stop: done in a thread beside, which nobody waits for after Stop.

It is for work of seconds. What is given up comes to its end all the same, and its result is dropped.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipelines.types.events import IsCancelled

Result = TypeVar("Result")
POLL_SECONDS = 0.05


def beside(work: Callable[[], Result], is_cancelled: IsCancelled) -> Result | None:
    """What `work` returns, or None when it was cancelled. Raises what `work` raises."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sound")
    future = thread.submit(work)
    thread.shutdown(wait=False)  # it ends with the work
    while True:
        try:
            return future.result(POLL_SECONDS)
        except TimeoutError:
            if future.done():  # it was the work's own
                raise
            if is_cancelled():
                return None

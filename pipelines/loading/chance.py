"""Chance by a seed, for networks that draw from torch's own generator and take no other.

It knows no network, and nothing of what is drawn from a `torch.Generator` that was made for one request.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.loading.interruption import Interrupted
from pipelines.types.events import IsCancelled

POLL_SECONDS = 0.2


class Chance:
    """The generator that a process has exactly one of, so that this lock belongs to the class and not to a model.

    Two jobs that draw from it at once, each with a model of its own, would take lots out of each other's row: the same seed
    would then make something else. So whoever draws by a seed is alone with it, from the seed to the last lot. Not in this
    queue, because it must not wait for a piece of music: Whisper where it listens to a window again, and what loads a model.
    """

    _turn = threading.Lock()

    @classmethod
    @contextmanager
    def of(cls, seed: int, is_cancelled: IsCancelled) -> Iterator[None]:
        """As after `torch.manual_seed(seed)`; afterwards the generator is as before. Raises Interrupted on Stop in the queue."""
        import torch

        while not cls._turn.acquire(timeout=POLL_SECONDS):
            if is_cancelled():
                raise Interrupted
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                yield
        finally:
            cls._turn.release()

"""Seeds for networks that draw from torch's own generator and take no other.

It knows no family, and nothing of what is drawn from a `torch.Generator` that was made for one request.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pipelines.loading.interruption import Interrupted, interruptible
from pipelines.types.events import IsCancelled

POLL_SECONDS = 0.2
Made = TypeVar("Made")


def seeded(
    seed: int | None, networks: Sequence[Any], is_cancelled: IsCancelled, make: Callable[[], Made]
) -> Made | None:
    """What `make` returns when it draws by `seed` (None is 0) and no gradients are kept; None where Stop was pressed.

    Stop is looked for whenever one of `networks`, or a layer of one, begins to work.
    """
    import torch

    try:
        with TorchGenerator.at(seed or 0, is_cancelled), interruptible(networks, is_cancelled), torch.no_grad():
            return make()
    except Interrupted:
        return None


class TorchGenerator:
    """The generator that a process has exactly one of, so that this lock belongs to the class and not to a model.

    Two jobs that draw from it at once, each with a model of its own, would take numbers out of each other's row: the same seed
    would then make something else. So whoever draws by a seed is alone with it, from the seed to the last number. Not in this
    queue, because it must not wait for a piece of music: Whisper where it listens to a window again, and what loads a model.
    """

    _turn = threading.Lock()

    @classmethod
    @contextmanager
    def at(cls, seed: int, is_cancelled: IsCancelled) -> Iterator[None]:
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

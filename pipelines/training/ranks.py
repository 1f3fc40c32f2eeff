"""The processes of one run under `accelerate launch`, on one machine or on several, and what they tell each other.

All hold the same weights. Each draws batches of its own, and the mean of all gradients makes the step (data parallelism; Li et al.
2020, arXiv 2006.15704). Rank 0 alone evaluates, samples, writes and hears what a person wants; the others wait for it at the
next step. As usual there is one process: then nothing here does anything. Knows no trainer and no loop.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipelines.errors.training import RankLost
from pipelines.training.checkpoints import put_together, take_apart

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
log = logging.getLogger("pipelines.training")
Wish = Literal["", "over", "save", "cancel"]

WISHES: tuple[Wish, ...] = ("", "over", "save", "cancel")  # the last one that any process has counts
# The first may wait for memory, or evaluate for hours. One that is gone is noticed without it: where connections are cut with
# it, at once, else (NCCL within a machine) when its launcher sees that it did not end well, and ends the others
PATIENCE = timedelta(days=1)
SEVERED = ("Connection ", "connection ", "Timed out", "Broken pipe")
BUCKET = 25_000_000  # numbers that are sent together


def launched() -> tuple[int, int]:
    """The rank of this process and how many there are, as `accelerate launch` and `torchrun` tell it; (0, 1) without them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Ranks:
    """All processes of the run, as one of them sees them. What it says to the others they must all say in the same order."""

    def __init__(self, rank: int = 0, size: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self._device = rank, size, device

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def parts(self, accumulation: int) -> int:
        """How many batches each draws for one step, where it is made of `accumulation` batches or of one for each process."""
        return -(-accumulation // self.size)

    def shared(self, value: T) -> T:
        """What the main one says."""
        if self.size == 1:
            return value
        import torch

        told = [value]
        with _noticed():
            torch.distributed.broadcast_object_list(told, src=0, device=torch.device(self._device))
        return told[0]

    def agreed(self, wish: Wish) -> Wish:
        """What becomes of the run, the same for all: whoever is asked to end is heard."""
        if self.size == 1:
            return wish
        import torch

        told = torch.tensor([WISHES.index(wish)], device=self._device)
        with _noticed():
            torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
        return WISHES[int(told.item())]

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Of each of the same numbers the mean over all."""
        if self.size == 1:
            return dict(values)
        import torch

        told = torch.tensor(list(values.values()), dtype=torch.float64, device=self._device)
        with _noticed():
            torch.distributed.all_reduce(told)
        return dict(zip(values, (told / self.size).tolist(), strict=True))

    def align(self, tensors: "Iterable[torch.Tensor]") -> None:
        """Everybody's tensors get the numbers of the main one's."""
        if self.size == 1:
            return
        import torch

        with _noticed():
            for bucket in _buckets(tensors):
                whole = torch.cat([one.flatten() for one in bucket])
                torch.distributed.broadcast(whole, src=0)
                _take_back(whole, bucket)

    def shared_state(self, state: Any) -> Any:
        """Of nested dicts, lists and tuples of tensors what the main one has; its tensors go one by one, for there may be many."""
        if self.size == 1:
            return state
        import torch

        own: dict[str, torch.Tensor] = {}
        plain = take_apart(state, own) if self.is_main else None
        shapes = {name: (tuple(one.shape), one.dtype) for name, one in own.items()}
        plain, shapes = self.shared((plain, shapes))
        for name, (shape, dtype) in shapes.items():
            told = (
                own[name].to(self._device).contiguous()
                if self.is_main
                else torch.empty(shape, dtype=dtype, device=self._device)
            )
            with _noticed():
                torch.distributed.broadcast(told, src=0)
            own[name] = told.cpu()
        return put_together(plain, own.__getitem__)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process of each machine does it alone, then the others: who fetches or unpacks does it once."""
        is_first = int(os.environ.get("LOCAL_RANK", "0")) == 0
        if not is_first:
            self._wait()
        yield
        if is_first:
            self._wait()

    def _wait(self) -> None:
        self.agreed("")


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The other processes of the launch, met; "cuda" is this one's own GPU from here on. Raises RankLost."""
    rank, size = launched()
    if size == 1:
        yield Ranks()
        return
    import torch

    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    with _noticed():
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(rank, size, device)
    finally:
        torch.distributed.destroy_process_group()


def average_gradients(parameters: "Iterable[torch.Tensor]") -> None:
    """Everybody's gradients of these become the mean of all; who has none where others do counts as zero."""
    import torch

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return
    trained = list(parameters)
    size = torch.distributed.get_world_size()
    with _noticed():
        # 1 Which of them anybody has; a part of a network may have had nothing to do with somebody's batch
        has = torch.tensor([one.grad is not None for one in trained], dtype=torch.uint8, device=trained[0].device)
        torch.distributed.all_reduce(has, torch.distributed.ReduceOp.MAX)
        used = [one for one, is_used in zip(trained, has.tolist(), strict=True) if is_used]
        gradients = []
        for one in used:
            one.grad = torch.zeros_like(one) if one.grad is None else one.grad
            gradients.append(one.grad)

        # 2 Their mean
        for bucket in _buckets(gradients):
            whole = torch.cat([one.flatten() for one in bucket])
            torch.distributed.all_reduce(whole)
            _take_back(whole / size, bucket)


def _buckets(tensors: "Iterable[torch.Tensor]") -> "Iterator[list[torch.Tensor]]":
    """In order, each of one number format and of not much more than BUCKET numbers."""
    bucket: list[torch.Tensor] = []
    for one in tensors:
        if bucket and (bucket[0].dtype != one.dtype or sum(other.numel() for other in bucket) > BUCKET):
            yield bucket
            bucket = []
        bucket.append(one)
    if bucket:
        yield bucket


def _take_back(whole: "torch.Tensor", bucket: "list[torch.Tensor]") -> None:
    parts = whole.split([one.numel() for one in bucket])
    for one, part in zip(bucket, parts, strict=True):
        one.copy_(part.view_as(one))


@contextmanager
def _noticed() -> Iterator[None]:
    """Torch tells by an error of its own that nobody is at the other end, gloo in the words of a RuntimeError."""
    import torch

    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.distributed.DistError) and not any(one in str(error) for one in SEVERED):
            raise
        log.warning("%s", error)
        raise RankLost() from error

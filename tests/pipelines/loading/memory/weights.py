"""What stands for models in tests of the cache, which knows no more of them than this."""

import time
from collections.abc import Callable

from pipelines.loading.memory.cache import ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.types.events import OnEvent, ignore


def held() -> int:
    return sum(weight.size_bytes for weight in Weight.all if not weight.is_closed and not weight.is_parked)


class Weight:
    """Something with a size that can be closed, and moved from a GPU and back."""

    all: "list[Weight]"

    def __init__(self, size_bytes: int = 10, *, is_movable: bool = True) -> None:
        self.all.append(self)
        self.size_bytes = size_bytes
        self.is_stale = False
        self.is_closed = self.is_parked = False
        self.moves: list[str] = []
        self._is_movable = is_movable

    def park(self) -> bool:
        self.moves.append("park")
        self.is_parked = self._is_movable
        return self._is_movable

    def unpark(self) -> None:
        self.moves.append("unpark")
        self.is_parked = False

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


def ready(load: Callable[[OnEvent], Weight], size_bytes: int = 10, working_bytes: int = 0) -> Callable:
    """A model whose files are here, with the forecast that it takes `size_bytes`."""
    return lambda tell: Prepared(Forecast(size_bytes, working_bytes), load)


def bounded(budget_bytes: int, clock: Callable[[], float] = time.monotonic) -> ModelCache:
    return ModelCache(OwnLedger(budget_bytes), clock=clock)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def use(cache: ModelCache, key: str, size_bytes: int = 10) -> Weight:
    with cache.lease(key, ready(lambda tell: Weight(size_bytes), size_bytes), ignore) as model:
        return model


def take(cache: ModelCache, key: str, prepare: Callable) -> None:
    with cache.lease(key, prepare, ignore):
        pass

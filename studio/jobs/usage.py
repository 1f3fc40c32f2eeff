"""What training takes on this machine: seconds and memory, learnt from the runs that were, for those that come.

    <run>/usage.json   written by the process that trains, every two seconds

A run is forecast from the newest one of the same cost: trainer, data, base and every setting but those that only say how
long and how fast. Knows no trainer.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.loading.memory.measure import Store, peak_bytes
from pipelines.training.ranks import launched
from pipelines.types.events import Event
from pipelines.types.training import Metrics, TrainRequest
from studio.files import write_whole

FILE = "usage.json"
WRITE_SECONDS = 2.0
FREE_OF_COST = ("steps", "seed", "learning_rate", "warmup_steps", "decay_steps", "weight_decay", "patience", "fold")


@dataclass(frozen=True)
class Usage:
    """Of one go at a run: seconds before the first step, seconds of a step, the most memory that one process of it held."""

    cost: str
    start_seconds: float
    step_seconds: float
    peak_bytes: int

    def seconds(self, steps: int) -> float:
        """How long so many steps take from the start."""
        return self.start_seconds + steps * self.step_seconds


def cost_of(request: TrainRequest) -> str:
    """The same for two requests whose steps take the same time and memory."""
    settings = {name: value for name, value in request.settings.items() if name.split(".")[-1] not in FREE_OF_COST}
    return json.dumps([request.trainer, request.dataset, request.model, request.preset, sorted(settings.items())])


def expected(runs: Path, request: TrainRequest) -> Usage | None:
    """What such a run took the last time; None where there was none."""
    cost = cost_of(request)
    return next((usage for usage in newest_first(runs) if usage.cost == cost), None)


def newest_first(runs: Path) -> Iterator[Usage]:
    """What every run took that has begun here."""
    files: dict[Path, float] = {}
    for path in runs.glob(f"*/{FILE}"):
        with suppress(OSError):  # deleted meanwhile
            files[path] = path.stat().st_mtime
    for path in sorted(files, key=files.__getitem__, reverse=True):
        try:
            yield Usage(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):  # deleted meanwhile, or of another version
            continue


class Meter:
    """Watches the process that it is made in, from its first event on. `store` is the memory that it trains in."""

    def __init__(self, run: Path, request: TrainRequest, store: Store) -> None:
        self._path = run / FILE
        self._cost = cost_of(request)
        self._store = store
        self._born = time.time()
        self._first: tuple[int, float] | None = None
        self._written = 0.0
        self.peak_bytes = 0

    def __call__(self, event: Event) -> None:
        """Take a reading every few seconds. Raises DiskFull or ReadOnlyHome."""
        if not isinstance(event, Metrics):
            return
        now = time.time()
        if self._first is None:
            self._first = (event.step, now)
        step, at = self._first
        if event.step > step and now - self._written >= WRITE_SECONDS:
            self._written = now
            self.peak_bytes = peak_bytes(self._store) * launched()[1]  # several that train together are alike
            peak = self.peak_bytes // launched()[1]
            usage = Usage(self._cost, at - self._born, (now - at) / (event.step - step), peak)
            write_whole(self._path, json.dumps(asdict(usage)).encode())

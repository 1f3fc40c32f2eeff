"""What a training will take before it starts: learnt from a run of the same cost, else counted from its settings.

Knows what runs took (`usage.py`) and the arithmetic of networks (pipelines/training/estimate.py), and no process.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.base import open_catalog
from pipelines.errors.base import StudioError
from pipelines.errors.training import NetworkTooLarge, TrainingTooLarge
from pipelines.training.estimate import NUMBER_BYTES, Size, estimated_bytes, what_fits
from pipelines.training.order import Order, order_of
from pipelines.training.trainer import changed, takes_model
from pipelines.training.uploads.own import OwnData
from pipelines.types.training import TrainRequest
from studio.jobs.usage import Usage, expected, newest_first

UNKNOWN_BYTES = 1_000_000_000  # of a run on a base of which the catalog knows no size
USUAL_WEIGHT_BYTES = 2  # in the files of a model
CHANNELS = 3


@dataclass(frozen=True)
class Forecast:
    """Of a whole run. `peak_bytes` and `seconds` are None where nobody knows; `is_learnt`: from a run of the same cost."""

    peak_bytes: int | None
    seconds: float | None
    is_learnt: bool


def forecast(home: Path, request: TrainRequest, order: Order, processes: int | None = 1) -> Forecast:
    """`order` is what `request` means, which so many processes do; None: one."""
    runs, steps = home / "runs", order.settings.plan.steps
    if (known := expected(runs, request)) is not None:
        return Forecast(known.peak_bytes * (processes or 1), known.seconds(steps), is_learnt=True)
    is_counted = not request.model and not order.trainer.NEEDS_MODEL
    peak = _counted_bytes(home, request, order, processes)
    return Forecast(peak, _scaled_seconds(runs, request, order) if is_counted else None, is_learnt=False)


def needed_bytes(home: Path, request: TrainRequest, processes: int | None = 1) -> int:
    """The memory that a run is forecast to take, and that is reserved for it."""
    if (known := expected(home / "runs", request)) is not None:
        return known.peak_bytes * (processes or 1)
    try:
        order = order_of(request, home / "datasets")
    except StudioError:  # its data went, or it is of another version: the process says so
        return UNKNOWN_BYTES
    return _counted_bytes(home, request, order, processes) or UNKNOWN_BYTES


def _counted_bytes(home: Path, request: TrainRequest, order: Order, processes: int | None) -> int | None:
    """None where nothing is known of its base."""
    base = _weights_of(home, request.model) if takes_model(order.trainer) and request.model else None
    counted = None if request.model and base is None else estimated_bytes(order.trainer, order.settings, base)
    return None if counted is None else (counted + _data_bytes(order)) * (processes or 1)


def _weights_of(home: Path, model: str) -> int | None:
    try:
        spec = open_catalog(home / "models").find(model)
    except StudioError:
        return None
    return spec.parameters or spec.size_bytes // USUAL_WEIGHT_BYTES or None


def _data_bytes(order: Order) -> int:
    """Pictures of one's own, which are held as floats of the side that is learnt; what comes along is little."""
    if not isinstance(order.dataset, OwnData) or "pictures" not in order.dataset.DATA:
        return 0
    side = int(getattr(order.settings, "side", 0))
    return int(order.dataset.facts["count"]) * CHANNELS * side**2 * NUMBER_BYTES


def refuse_too_large(known: Forecast, request: TrainRequest, order: Order, most_bytes: int) -> None:
    """Of a network from nothing. One on a base is not refused here: which parts of the base it trains, the process knows.

    Raises TrainingTooLarge, with what would fit, or NetworkTooLarge for what takes more than may ever be reserved here.
    """
    if request.model or known.is_learnt or known.peak_bytes is None or known.peak_bytes <= most_bytes:
        return
    needed_gb, most_gb, others = known.peak_bytes / 1e9, most_bytes / 1e9, known.peak_bytes - _estimated(order)

    def counted(settings: Any) -> int:
        return others + _estimated(order._replace(settings=settings))

    fitting = what_fits(request.trainer, order.settings, most_bytes, counted)
    if not fitting:
        raise NetworkTooLarge(needed_gb=needed_gb, free_gb=most_gb)
    words = ", ".join(f"{name} {value}" for name, value in fitting.items())
    raise TrainingTooLarge(needed_gb=needed_gb, most_gb=most_gb, fitting=words)


def _estimated(order: Order) -> int:
    """Of a network from nothing."""
    return estimated_bytes(order.trainer, order.settings) or 0


def _scaled_seconds(runs: Path, request: TrainRequest, order: Order) -> float | None:
    """By the newest run of the same trainer with other settings: a step takes longer as its work is more."""
    for usage in newest_first(runs):
        with suppress(StudioError, ValueError, TypeError):  # of another version
            if (before := _size_of(usage, request.trainer, order)) is not None:
                ratio = _work(order.trainer.size(order.settings)) / _work(before)
                return usage.start_seconds + order.settings.plan.steps * usage.step_seconds * ratio
    return None


def _size_of(usage: Usage, trainer: str, order: Order) -> Size | None:
    """What that run trained; None of another trainer's."""
    name, _, _, preset, settings = json.loads(usage.cost)
    if name != trainer:
        return None
    size: Size = order.trainer.size(changed(name, order.trainer.PRESETS[preset or "cpu"], dict(settings)))
    return size


def _work(size: Size) -> float:
    """In proportion to the multiplications of a step: each kept number is made of a row of weights."""
    return size.kept * size.weights**0.5

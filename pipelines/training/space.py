"""What a study may change of a training, and how far: read from the settings of the trainer themselves.

A number lies around the value of its preset and within the range that the trainer gives it; there is no second list. Knows
neither torch nor how the next point is chosen.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.study import NothingToVary
from pipelines.errors.training import UnknownSetting
from pipelines.training.trainer import choices, flat, ranges
from pipelines.types.study import StudyRequest
from pipelines.types.training import Setting

USUAL = ("plan.learning_rate", "batch")  # where nobody has said what to vary: what matters nearly always
# They make trials that cannot be compared
NEVER = tuple(
    f"plan.{name}"
    for name in ("steps", "seed", "checkpoint_seconds", "validation", "test", "folds", "fold", "split_seed")
)
SPREAD = 5.0  # a learning rate is tried from a fifth of its preset to five times as much; other fractions half as wide
SMALL = 4  # whole numbers up to here go one up and one down, larger ones are halved and doubled
LOGARITHMIC_FROM = 8.0  # times as high as low
GRID_POINTS = 3  # of a fraction


@dataclass(frozen=True)
class Dimension:
    """A setting that changes: a number from `low` to `high`, or one of `options` where there are some."""

    name: str
    low: float = 0.0
    high: float = 0.0
    options: tuple[Setting, ...] = ()
    is_whole: bool = False

    @property
    def is_logarithmic(self) -> bool:
        return self.low > 0 and self.high / self.low >= LOGARITHMIC_FROM

    def grid(self) -> tuple[Setting, ...]:
        """A few values from end to end."""
        if self.options:
            return self.options
        shares = [place / (GRID_POINTS - 1) for place in range(GRID_POINTS)]
        if self.is_logarithmic:
            values = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            values = [self.low + (self.high - self.low) * share for share in shares]
        return tuple(dict.fromkeys(round(value) if self.is_whole else float(f"{value:.6g}") for value in values))


def offered(settings: object) -> list[str]:
    """The settings that can be varied, those that usually matter first."""
    bounds, options = ranges(settings), choices(settings)
    names = [name for name, value in flat(settings).items() if _dimension(name, value, bounds, options) is not None]
    return sorted(
        names, key=lambda name: (USUAL.index(name) if name in USUAL else len(USUAL), name.startswith("plan."))
    )


def space_of(request: StudyRequest, trainers: Mapping[str, ModuleType]) -> dict[str, tuple[Dimension, ...]]:
    """What changes, for each trainer of the study.

    Raises UnknownSetting for a name that none of them has, SettingOutOfRange for bounds beyond a trainer's, NothingToVary.
    """
    known = {name: trainers[name].PRESETS[request.preset or "cpu"] for name in request.trainers}
    for name in (*request.vary, *request.ranges, *request.settings):
        if not any(name in flat(settings) for settings in known.values()):
            raise UnknownSetting(
                trainer=request.trainers[0], setting=name, known=", ".join(flat(known[request.trainers[0]]))
            )
    names = list(dict.fromkeys((*request.vary, *request.ranges)))
    names = names or [name for name in USUAL if name not in request.settings]
    space = {trainer: _dimensions(settings, request, names) for trainer, settings in known.items()}
    if len(space) == 1 and not next(iter(space.values())):
        raise NothingToVary(trainer=request.trainers[0])
    return space


def _dimensions(settings: object, request: StudyRequest, names: Sequence[str]) -> tuple[Dimension, ...]:
    values = {**flat(settings), **{name: value for name, value in request.settings.items() if name in flat(settings)}}
    bounds, options = ranges(settings), choices(settings)
    found = []
    for name in names:
        if name not in values:
            continue
        dimension = (
            _bounded(name, values[name], bounds, request.ranges[name])
            if name in request.ranges
            else _dimension(name, values[name], bounds, options)
        )
        if dimension is not None:
            found.append(dimension)
    return tuple(found)


def _dimension(
    name: str, value: Setting, bounds: Mapping[str, tuple[float, float]], options: Mapping[str, tuple[str, ...]]
) -> Dimension | None:
    """Around `value`; None for what cannot be varied sensibly."""
    if name in NEVER:
        return None
    if isinstance(value, bool):
        return None if name.startswith("plan.") else Dimension(name, options=(False, True))
    if name in options:
        return Dimension(name, options=options[name]) if len(options[name]) > 1 else None
    if name not in bounds or isinstance(value, str):
        return None
    low, high = bounds[name]
    if isinstance(value, int):
        around = (value - 1, value, value + 1) if 0 < value <= SMALL else (value // 2, value, value * 2)
        within = tuple(dict.fromkeys(one for one in around if low <= one <= high))
        return Dimension(name, options=within) if value > 0 and len(within) > 1 else None
    spread = SPREAD if name.endswith("learning_rate") else SPREAD / 2
    if value > 0:
        return Dimension(name, max(low, value / spread), min(high, value * spread))
    return Dimension(name, low, low + (high - low) / 3) if math.isfinite(high) else None


def _bounded(
    name: str, value: Setting, bounds: Mapping[str, tuple[float, float]], wanted: tuple[float, float]
) -> Dimension:
    """With the bounds that a person named. Raises SettingOutOfRange."""
    if name not in bounds or name in NEVER:
        raise NothingToVary(trainer=name)
    low, high = bounds[name]
    for edge in wanted:
        if not low <= edge <= high:
            raise SettingOutOfRange(setting=name, value=edge, low=low, high=high)
    return Dimension(name, min(wanted), max(wanted), is_whole=isinstance(value, int))

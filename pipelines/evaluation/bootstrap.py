"""How sure a mean over held-out examples is, and the difference of two: the percentile bootstrap (Efron 1979,
"Bootstrap methods: another look at the jackknife", Annals of Statistics 7).

The same examples are drawn again with replacement, many times; the middle 95 % of what comes out is the interval. Seeded: the
same scores give the same interval. Of fewer than twenty scores it is narrower than it should be. Knows no model and no run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 4000
SHARE = 0.95
SEED = 0
MOST_DRAWN = 2_000_000  # values at a time


@dataclass(frozen=True)
class Interval:
    """`value` of all examples, and the bounds between which it lies with a probability of 95 %."""

    value: float
    low: float
    high: float

    @property
    def may_be_zero(self) -> bool:
        return self.low <= 0.0 <= self.high

    def turned(self) -> "Interval":
        """Of the same thing the other way round."""
        return Interval(-self.value, -self.high, -self.low)


def of_mean(scores: Sequence[float], *, is_log: bool = False) -> Interval:
    """Of the mean, or of its exponential. Raises ValueError where there are no scores."""
    values = _values(scores)
    means = _means(values)
    if is_log:
        return _interval(float(np.exp(values.mean())), np.exp(means))
    return _interval(float(values.mean()), means)


def of_difference(
    first: Sequence[float], second: Sequence[float], *, is_log: bool = False, is_paired: bool = False
) -> Interval:
    """Of the metric of `first` minus that of `second`. `is_paired`: example by example the same ones, so they are drawn
    together, which sees much smaller differences. Raises ValueError where there are no scores, or paired ones are not as many.
    """
    one, other = _values(first), _values(second)
    if is_paired and len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} scores are not of the same examples")
    means = _means(one, SEED), _means(other, SEED if is_paired else SEED + 1)
    if is_log:
        return _interval(float(np.exp(one.mean()) - np.exp(other.mean())), np.exp(means[0]) - np.exp(means[1]))
    return _interval(float(one.mean() - other.mean()), means[0] - means[1])


def _values(scores: Sequence[float]) -> np.ndarray:
    if not len(scores):
        raise ValueError("no scores")
    return np.asarray(scores, dtype=np.float64)


def _means(values: np.ndarray, seed: int = SEED) -> np.ndarray:
    """(RESAMPLES,) means; the same seed and as many values draw the same places."""
    chance = np.random.default_rng(seed)
    at_once = max(1, MOST_DRAWN // len(values))
    parts = []
    for done in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - done)
        parts.append(values[chance.integers(0, len(values), (count, len(values)))].mean(1))
    return np.concatenate(parts)


def _interval(value: float, drawn: np.ndarray) -> Interval:
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(value, float(low), float(high))

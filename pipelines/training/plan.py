"""How long and how fast a training goes, and on which part of the data: everything about it but the network."""

import math
from dataclasses import dataclass, field
from typing import Any


def ranged(low: float, high: float, **default: Any) -> Any:
    """A dataclass field that lies between `low` and `high`; a page can draw it and a request is checked against it."""
    return field(metadata={"range": (low, high)}, **default)


@dataclass(frozen=True)
class Plan:
    """`decay_steps`: the learning rate falls to zero over the last so many steps. `ema_decay` 0: weights are not averaged.
    `accumulation`: the gradients of so many batches are averaged for one step, as if the batch were so much larger.
    `patience`: the run ends after so many evaluations without a better one, of ten that a run has; 0: it does all its steps.

    `validation`, `test`, `folds`, `fold`, `split_seed`: see splitting.py; as they are by default, the data stay split as they are.
    """

    steps: int = ranged(1, 10_000_000)
    learning_rate: float = ranged(1e-7, 1.0)
    warmup_steps: int = ranged(0, 100_000, default=100)
    decay_steps: int = ranged(0, 10_000_000, default=0)
    weight_decay: float = ranged(0.0, 1.0, default=0.0)
    gradient_norm: float = ranged(0.01, 1000.0, default=1.0)
    betas: tuple[float, float] = (0.9, 0.99)
    ema_decay: float = ranged(0.0, 0.99999, default=0.999)
    bf16: bool = False
    checkpoint_seconds: float = ranged(1.0, 86_400.0, default=240.0)
    accumulation: int = ranged(1, 256, default=1)
    patience: int = ranged(0, 20, default=0)
    seed: int = ranged(0, 2**32 - 1, default=0)
    validation: float = ranged(0.0, 0.5, default=0.0)
    test: float = ranged(0.0, 0.5, default=0.0)
    folds: int = ranged(0, 20, default=0)
    fold: int = ranged(0, 19, default=0)
    split_seed: int = ranged(0, 2**32 - 1, default=0)

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then constant, then a cosine down to zero over the last `decay_steps`. A short run has room for both."""
        warmup, decay = min(self.warmup_steps, self.steps // 2), min(self.decay_steps, self.steps)
        rate = self.learning_rate * min(1.0, (step + 1) / max(1, warmup))
        left = self.steps - step
        if left < decay:
            rate *= 0.5 - 0.5 * math.cos(math.pi * left / decay)
        return rate

    def seed_at(self, step: int) -> int:
        """What the random generator is seeded with before step number `step`: so the step tells the order of the data."""
        return self.seed * 1_000_003 + step

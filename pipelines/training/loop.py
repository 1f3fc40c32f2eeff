"""The loop that all trainers share: steps, metrics, samples, averaged weights, checkpoints, commands.

Before each step the random generator is seeded with (seed, step), and the learning rate is a function of the step. So
the step is all there is to know about the order of the data, and a run that was stopped and resumed ends with the same
bits as one that was not. Of several processes (ranks.py) each has seeds of its own, so batches of its own; the main one alone
evaluates, samples and saves. It knows neither data nor loss nor where metrics go: a trainer hands it a Course.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pipelines.errors.training import Diverged
from pipelines.training import checkpoints
from pipelines.training.average import Average, carried, put_back
from pipelines.training.patience import Goal, Patience
from pipelines.training.plan import Plan
from pipelines.training.ranks import Ranks, Wish
from pipelines.training.trainer import Course, Sample

EVALUATIONS = 10  # in a run, and as many samples
POINTS = 100  # of its curve, at least
MOST_POINTS = 5000
METRICS_EVERY_STEPS = 20  # at most, unless there would be too many points


class Commands(Protocol):
    """What a person wants of a run, asked between two steps. A wish is true once."""

    def is_stopping(self) -> Literal["", "save", "cancel"]: ...
    def wants_checkpoint(self) -> bool: ...
    def wants_sample(self) -> bool: ...


class Watch(Protocol):
    """Who is told what happens."""

    def begun(self, after: int | None) -> None:
        """Goes on after so many steps, or from the start (None); what was told of later ones is void."""
        ...

    def measured(self, step: int, values: dict[str, float]) -> None: ...
    def sampled(self, step: int, sample: Sample) -> None: ...
    def before_checkpoint(self) -> None:
        """What was told up to here must stay: it will not be told again."""
        ...


@dataclass(frozen=True)
class Reached:
    """How far a run has come, over all goes at it, and its newest evaluation."""

    step: int
    seconds: float
    reason: Literal["stop", "saved", "cancelled"]
    values: dict[str, float]


def train(
    course: Course,
    plan: Plan,
    folder: Path,
    watch: Watch,
    commands: Commands,
    goal: Goal | None = None,
    ranks: Ranks | None = None,
) -> Reached:
    """Train `course` up to `plan.steps`, going on from the newest checkpoint in `folder`.

    When all steps are done its networks hold their averaged weights, in evaluation mode; with `plan.patience` the weights that
    came nearest to the `goal`. So it is in the main one of several `ranks`, which alone looks into `folder` and tells `watch`;
    `plan.accumulation` is of each of them. Raises Diverged, RankLost.
    """
    return _Run(course, plan, folder, watch, commands, goal, ranks or Ranks()).go()


class _Run:
    def __init__(
        self,
        course: Course,
        plan: Plan,
        folder: Path,
        watch: Watch,
        commands: Commands,
        goal: Goal | None,
        ranks: Ranks,
    ) -> None:
        self._course, self._plan, self._folder = course, plan, folder
        self._watch, self._commands, self._ranks = watch, commands, ranks
        self._average = Average(course.networks, plan.ema_decay) if plan.ema_decay and ranks.is_main else None
        self._patience = Patience(goal, plan.patience)
        self._step = 0
        self._seconds_before = 0.0
        self._started = time.monotonic()
        self._pending: list[dict[str, float]] = []  # of the steps since the last point of the curve
        self._values: dict[str, float] = {}  # of the newest evaluation

    def go(self) -> Reached:
        # 1 Where were we?
        plan, is_main = self._plan, self._ranks.is_main
        wish: Wish = ""
        is_new = not self._resume()
        saved = time.monotonic()
        evaluate_every = max(1, plan.steps // EVALUATIONS)
        point_every = max(1, min(METRICS_EVERY_STEPS, plan.steps // POINTS), plan.steps // MOST_POINTS)
        if is_new and is_main:
            self._measure(is_evaluation=True)
            self._sample()

        # 2 A step
        self._mode(is_training=True)
        while self._step < plan.steps:
            if wish := self._ranks.agreed("over" if self._patience.is_over else self._commands.is_stopping()):
                break
            values = self._advance()
            self._step += 1
            if not all(map(math.isfinite, values.values())):
                raise Diverged(step=self._step)
            if not is_main:
                continue
            self._pending.append(values)
            if self._average:
                self._average.update(self._step)

            # 3 What a person sees and wants, between two steps
            is_evaluation = self._step % evaluate_every == 0 or self._step == plan.steps
            if is_evaluation or self._step % point_every == 0:
                self._measure(is_evaluation)
            if self._commands.wants_sample() or is_evaluation:
                self._sample()
            if self._commands.wants_checkpoint() or time.monotonic() - saved > plan.checkpoint_seconds:
                self._save()
                saved = time.monotonic()

        return self._end(wish)

    def _end(self, wish: Wish) -> Reached:
        """What stays of it, as it ended."""
        if wish == "cancel":
            return Reached(self._step, self._seconds(), "cancelled", self._values)
        if not self._ranks.is_main:
            return Reached(self._step, self._seconds(), "saved" if wish == "save" else "stop", {})
        self._save()
        if wish == "save":
            return Reached(self._step, self._seconds(), "saved", self._values)
        self._mode(is_training=False)
        if self._patience.use_best(self._course.networks):
            return Reached(self._step, self._seconds(), "stop", self._patience.values)
        if self._average:
            self._average.use()
        return Reached(self._step, self._seconds(), "stop", self._values or self._course.evaluate())

    def _advance(self) -> dict[str, float]:
        """One step, on one batch or on as many as are accumulated; the mean of what they tell."""
        import torch

        told: list[dict[str, float]] = []
        ranks = self._ranks
        for part in range(self._plan.accumulation):
            batch = (self._step * self._plan.accumulation + part) * ranks.size + ranks.rank
            torch.manual_seed(self._plan.seed_at(batch))
            told.append(self._course.step(self._step))
        # Running means are of each one's own batches
        buffers = (buffer for network in self._course.networks.values() for buffer in network.buffers())
        ranks.align(buffer for buffer in buffers if buffer.is_floating_point())
        return ranks.mean(
            {
                name: sum(row.get(name, value) for row in told) / len(told) if name in told[0] else value
                for name, value in told[-1].items()
            }
        )

    # ── what is seen ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _measure(self, is_evaluation: bool) -> None:
        """A point of the curve: the mean of the steps since the last one, and of held-out data what is measured now."""
        values: dict[str, float] = {}
        if self._pending:
            values = {name: sum(row[name] for row in self._pending) / len(self._pending) for name in self._pending[0]}
            values["learning_rate"] = self._pending[-1].get("learning_rate", 0.0)
            self._pending = []
        if is_evaluation:
            with self._settled():
                self._values = self._course.evaluate()
                if self._step > getattr(self._course, "judged_from", -1):
                    self._patience.look(self._values, self._course.networks)
            if not all(map(math.isfinite, self._values.values())):
                raise Diverged(step=self._step)
            values |= self._values
        self._watch.measured(self._step, {**values, "seconds": round(self._seconds(), 2)})

    def _sample(self) -> None:
        with self._settled():
            sample = self._course.sample()
        self._watch.sampled(self._step, sample)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Evaluation mode, averaged weights, the same noise every time; afterwards as before."""
        import torch

        self._mode(is_training=False)
        torch.manual_seed(self._plan.seed)
        with torch.no_grad(), self._average.in_use() if self._average else nullcontext():
            yield
        self._mode(is_training=True)

    def _mode(self, is_training: bool) -> None:
        for network in self._course.networks.values():
            network.train(is_training)

    # ── what stays ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _save(self) -> None:
        self._watch.before_checkpoint()
        checkpoints.save(
            self._folder,
            self._step,
            {
                "seconds": self._seconds(),
                "networks": carried(self._course.networks),
                "optimisers": {name: one.state_dict() for name, one in self._course.optimisers.items()},
                "average": self._average.values if self._average else {},
                "pending": self._pending,
                "values": self._values,
                "patience": self._patience.state(),
            },
        )

    def _resume(self) -> bool:
        """Whether there was a checkpoint to go on from."""
        ranks = self._ranks
        is_found, self._step = ranks.shared((ranks.is_main and self._read(), self._step))
        ranks.align(carried(self._course.networks).values())
        for optimiser in self._course.optimisers.values() if is_found else ():
            told = ranks.shared_state(optimiser.state_dict() if ranks.is_main else None)
            if not ranks.is_main:
                optimiser.load_state_dict(told)
            optimiser.param_groups[0].pop(
                "parts", None
            )  # of another number of processes: a step begins with its first batch
        return is_found

    def _read(self) -> bool:
        """The newest checkpoint, where there is one."""
        state = checkpoints.latest(self._folder)
        if state is None:
            self._watch.begun(after=None)
            return False
        self._step, self._seconds_before = state["step"], state["seconds"]
        self._pending, self._values = state["pending"], state["values"]
        if "patience" in state:  # of an older version there is none
            self._patience.restore(state["patience"])
        put_back(carried(self._course.networks), state["networks"])
        if self._average:
            put_back(self._average.values, state["average"])
        for name, optimiser in self._course.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self._watch.begun(after=self._step)
        return True

    def _seconds(self) -> float:
        """Of work, over all goes at the run."""
        return self._seconds_before + time.monotonic() - self._started

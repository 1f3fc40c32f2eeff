"""What a study tries next, and which trial is not worth its time: Optuna, asked anew for each trial.

    the trials so far → a study in memory → the settings of the next trial → its values → is it hopeless?

Nothing is kept between two trials, so it makes no difference to a study whether its server was killed meanwhile. TPE (Bergstra et
al. 2011, NeurIPS) with Hyperband (Li et al. 2017, arXiv 1603.06560); random search and a grid, for comparison, end no trial early.
Knows no training and no folder.
"""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipelines.training.space import Dimension
from pipelines.types.study import Method
from pipelines.types.training import Setting

if TYPE_CHECKING:
    import optuna

TRAINER = "trainer"
REDUCTION = 3  # of the trials of a rung one in so many goes on
LEAST_RUNGS = 2  # evaluations that every trial has: the first says little, the learning rate still rises
OWN_TRIES, TRIES = (
    4,
    24,
)  # for a point that is not one of those before; then by chance: among few choices the best comes again
OTHER_SEED = 1009
STARTUP_TRIALS = 8  # drawn at random, a third of the study at most

Space = Mapping[str, Sequence[Dimension]]


@dataclass(frozen=True)
class Known:
    """A trial so far, as Optuna has to know it. `values` are its evaluations by their number, from 1; `rungs` what the pruner noted."""

    params: dict[str, Setting]
    state: str
    value: float | None
    values: dict[int, float] = field(default_factory=dict)
    rungs: dict[str, float] = field(default_factory=dict)


class Proposing:
    """`space` is what changes, for each trainer; `rungs` how many evaluations a trial has."""

    def __init__(
        self, space: Space, method: Method, *, is_higher_better: bool, trials: int, seed: int, rungs: int
    ) -> None:
        self._space, self._method = space, method
        self._is_higher_better, self._trials, self._seed, self._rungs = is_higher_better, trials, seed, rungs

    def next(self, known: Sequence[Known], params: Mapping[str, Setting] | None = None) -> "Attempt | None":
        """The next trial after `known`: with `params`, where it was begun already. None where no other point is found."""
        if params is None and self._method == "grid":
            points = grid(self._space, self._seed)
            if len(known) >= len(points):
                return None
            params = points[len(known)]
        tried = [one.params for one in known]
        for again in range(TRIES):
            study = self._study(len(known) + OTHER_SEED * again, is_by_chance=again >= OWN_TRIES)
            for one in known:
                study.add_trial(_frozen(one, self._space))
            if params is not None:
                study.enqueue_trial(dict(params))
            attempt = Attempt(study, self._space)
            if params is not None or attempt.params not in tried:
                return attempt
        return None

    def _study(self, seed: int, *, is_by_chance: bool) -> "optuna.Study":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        is_tpe = self._method == "tpe"
        seed = (self._seed + seed) % 2**32
        sampler: optuna.samplers.BaseSampler = (
            optuna.samplers.TPESampler(n_startup_trials=min(STARTUP_TRIALS, -(-self._trials // 3)), seed=seed)
            if is_tpe and not is_by_chance
            else optuna.samplers.RandomSampler(seed=seed)
        )
        pruner: optuna.pruners.BasePruner = (
            optuna.pruners.HyperbandPruner(
                min_resource=LEAST_RUNGS, max_resource=self._rungs, reduction_factor=REDUCTION
            )
            if is_tpe
            else optuna.pruners.NopPruner()
        )
        direction: Literal["maximize", "minimize"] = "maximize" if self._is_higher_better else "minimize"
        # Hyperband sorts trials into its brackets by this name
        return optuna.create_study(
            study_name=f"of seed {self._seed}", sampler=sampler, pruner=pruner, direction=direction
        )


class Attempt:
    """A trial on its way. `params` are its point in the space, by trainer and setting; `settings` the same for its trainer."""

    def __init__(self, study: "optuna.Study", space: Space) -> None:
        self._study = study
        self._trial = study.ask()
        names = list(space)
        chosen = self._trial.suggest_categorical(TRAINER, names) if len(names) > 1 else names[0]
        self.trainer = str(chosen)
        self.settings = {one.name: _suggest(self._trial, self.trainer, one) for one in space[self.trainer]}
        self.params: dict[str, Setting] = dict(self._trial.params)

    def is_hopeless(self, number: int, value: float) -> bool:
        """Take in evaluation `number`, from 1, each once and in order: whether others were better by then."""
        self._trial.report(value, number)
        return bool(self._trial.should_prune())

    def known(self, state: str, value: float | None) -> Known:
        """It as it stands."""
        frozen = self._study.trials[self._trial.number]
        rungs = {name: float(one) for name, one in frozen.system_attrs.items() if name.startswith("completed_rung_")}
        return Known(self.params, state, value, dict(frozen.intermediate_values), rungs)


def grid(space: Space, seed: int) -> list[dict[str, Setting]]:
    """Every point of the grid, in an order that a short search sees all corners in."""
    points: list[dict[str, Setting]] = []
    for trainer, dimensions in space.items():
        own = {TRAINER: trainer} if len(space) > 1 else {}
        for values in itertools.product(*(one.grid() for one in dimensions)):
            names = (_name(trainer, one) for one in dimensions)
            points.append({**own, **dict(zip(names, values, strict=True))})
    random.Random(seed).shuffle(points)
    return points


def _name(trainer: str, dimension: Dimension) -> str:
    return f"{trainer}: {dimension.name}"


def _suggest(trial: "optuna.Trial", trainer: str, one: Dimension) -> Any:
    name = _name(trainer, one)
    if one.options:
        return trial.suggest_categorical(name, one.options)
    if one.is_whole:
        return trial.suggest_int(name, round(one.low), round(one.high), log=one.is_logarithmic)
    return trial.suggest_float(name, one.low, one.high, log=one.is_logarithmic)


def _distributions(space: Space) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {TRAINER: CategoricalDistribution(tuple(space))}
    for trainer, dimensions in space.items():
        for one in dimensions:
            found[_name(trainer, one)] = (
                CategoricalDistribution(one.options)
                if one.options
                else IntDistribution(round(one.low), round(one.high), log=one.is_logarithmic)
                if one.is_whole
                else FloatDistribution(one.low, one.high, log=one.is_logarithmic)
            )
    return found


def _frozen(one: Known, space: Space) -> "optuna.trial.FrozenTrial":
    from optuna.trial import TrialState, create_trial

    distributions = _distributions(space)
    is_done = one.state == "done" and one.value is not None
    state = TrialState.COMPLETE if is_done else TrialState.PRUNED if one.values else TrialState.FAIL
    return create_trial(
        state=state,
        value=one.value if is_done else None,
        params=one.params,
        distributions={name: distributions[name] for name in one.params},
        intermediate_values=one.values,
        system_attrs=one.rungs,
    )

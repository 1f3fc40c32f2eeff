"""Two or more runs beside each other: what they were set to, how well each does on held-out data, and whether the difference
may be chance. Knows no page; what a run keeps it asks `runs.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.errors.base import StudioError
from pipelines.errors.runs import NothingToCompare
from pipelines.evaluation.bootstrap import Interval, of_difference, of_mean
from pipelines.training.trainer import find_trainers
from pipelines.types.training import Setting, TrainResult
from studio.jobs.runs import Run, Runs

MOST = 6  # runs at a time: more colours nobody tells apart
LEAST = 20  # scores; of fewer the bootstrap is too sure

Finding = Literal["better", "chance", "too few", "no scores", "other metric", "other data"]


@dataclass(frozen=True)
class Side:
    """One of the runs. `value` is its metric on held-out data, None before it was measured; `interval` its 95 % interval,
    None for a run that keeps no scores, or too few of them, or is not finished. `is_tested`: on the part that was kept for the end.
    """

    run: Run
    metric: str
    is_better: Literal["higher", "lower"]
    settings: dict[str, Setting]
    curve: Sequence[dict]
    value: float | None
    interval: Interval | None
    scores: dict | None
    data: str
    is_tested: bool


@dataclass(frozen=True)
class Verdict:
    """`winner` against `other`, both places among the sides. `difference` is that of their metrics, where it is known."""

    winner: int
    other: int
    finding: Finding
    difference: Interval | None = None


@dataclass(frozen=True)
class Comparison:
    """`differing` are the settings that are not the same everywhere, None where a run has no such setting."""

    sides: tuple[Side, ...]
    differing: dict[str, tuple[Setting | None, ...]]
    verdicts: tuple[Verdict, ...]


def compare(runs: Runs, owner: str, run_ids: Sequence[str]) -> Comparison:
    """Raises NotFound, and NothingToCompare for fewer than two runs or more than six."""
    chosen = list(dict.fromkeys(run_ids))
    if not 2 <= len(chosen) <= MOST:
        raise NothingToCompare(most=MOST)
    sides = tuple(_side(runs, runs.get(owner, run_id)) for run_id in chosen)
    return Comparison(sides, _differing(sides), _verdicts(sides))


def _side(runs: Runs, run: Run) -> Side:
    trainer = find_trainers().get(run.request.trainer)
    metric = trainer.METRIC if trainer is not None else ""
    is_better: Literal["higher", "lower"] = trainer.IS_BETTER if trainer is not None else "lower"
    curve, scores = runs.curve(run), runs.kept(run, "scores.json")
    if scores is not None and (scores.get("metric") != metric or not scores.get("values")):
        scores = None
    measured = [row[metric] for row in curve if isinstance(row.get(metric), int | float)]
    interval = of_mean(scores["values"], is_log=scores["is_log"]) if scores else None
    result = run.job.result if run.job is not None else None
    if (
        isinstance(result, TrainResult) and metric in result.metrics
    ):  # of the weights that stayed, which may be earlier ones
        measured.append(result.metrics[metric])
    value = interval.value if interval else (measured[-1] if measured else None)
    if scores and len(scores["values"]) < LEAST:
        interval = None
    pins = runs.kept(run, "data.json") or {}
    data = str(pins.get("test_sha256") or pins.get("sha256", ""))  # what the scores are of
    is_tested = scores is not None and bool(pins.get("test_sha256"))
    return Side(run, metric, is_better, _settings(runs, run), curve, value, interval, scores, data, is_tested)


def _settings(runs: Runs, run: Run) -> dict[str, Setting]:
    """With what else was chosen, which may differ too."""
    try:
        settings = runs.settings(run)
    except StudioError:  # a trainer of another version
        settings = dict(run.request.settings)
    asked = {"trainer": run.request.trainer, "dataset": run.request.dataset}
    return {**asked, **({"model": run.request.model} if run.request.model else {}), **settings}


def _differing(sides: Sequence[Side]) -> dict[str, tuple[Setting | None, ...]]:
    names = dict.fromkeys(name for side in sides for name in side.settings)
    rows = {name: tuple(side.settings.get(name) for side in sides) for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def _verdicts(sides: Sequence[Side]) -> tuple[Verdict, ...]:
    """The best against each of the others; none while fewer than two were measured."""
    known = [place for place, side in enumerate(sides) if side.value is not None]
    if len(known) < 2:
        return ()
    sign = 1 if sides[known[0]].is_better == "higher" else -1
    winner = max(known, key=lambda place: sign * (sides[place].value or 0.0))
    return tuple(_verdict(sides, winner, other) for other in known if other != winner)


def _verdict(sides: Sequence[Side], winner: int, other: int) -> Verdict:
    best, worse = sides[winner], sides[other]
    if best.metric != worse.metric or not _is_one_unit(best, worse):
        return Verdict(winner, other, "other metric")
    if best.data != worse.data:
        return Verdict(winner, other, "other data")
    if best.scores is None or worse.scores is None:
        return Verdict(winner, other, "no scores")
    if min(len(best.scores["values"]), len(worse.scores["values"])) < LEAST:
        return Verdict(winner, other, "too few")
    is_paired = best.scores["examples"] == worse.scores["examples"] and len(best.scores["values"]) == len(
        worse.scores["values"]
    )
    difference = of_difference(
        best.scores["values"], worse.scores["values"], is_log=best.scores["is_log"], is_paired=is_paired
    )
    return Verdict(winner, other, "chance" if difference.may_be_zero else "better", difference)


def _is_one_unit(one: Side, other: Side) -> bool:
    """Whether both are measured in the same terms; while that is not known, runs on different bases are not."""
    if one.scores is not None and other.scores is not None:
        return bool(one.scores.get("unit", "") == other.scores.get("unit", ""))
    bases = {side.run.request.model for side in (one, other)} - {""}
    return len(bases) < 2

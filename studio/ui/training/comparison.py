"""Runs beside each other as the page shows them: curves over each other, what differs, and a plain verdict. Knows no gradio."""

import math
from collections.abc import Sequence
from typing import Any

from pipelines.types.training import Setting
from studio.jobs.comparing import Comparison, Side, Verdict
from studio.ui.safe import escape
from studio.ui.training.curves import Line, chart
from studio.ui.training.form import setting_name
from studio.ui.training.view import metric_name, title
from studio.ui.words import say

FINDINGS = {
    "better": "compare_better",
    "chance": "compare_chance",
    "too few": "compare_too_few",
    "no scores": "compare_no_scores",
    "other metric": "compare_other_metric",
    "other data": "compare_other_data",
}


def comparison(found: Comparison, language: str) -> str:
    """All of it, as HTML."""
    names = _names(found.sides, language)
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in verdicts(found, language))
    return (
        f"<h4>{escape(say('compare_runs', language))}</h4>"
        f'<div class="verdict" role="status">{said}</div>'
        f'<div class="curves">{_charts(found.sides, names, language)}</div>'
        f"{_table(found, names, language)}"
    )


def verdicts(found: Comparison, language: str) -> list[str]:
    """A plain sentence for each pair that was judged."""
    if not found.verdicts:
        return [say("compare_unmeasured", language)]
    names = _names(found.sides, language)
    return [_verdict(one, found.sides, names, language) for one in found.verdicts]


def _verdict(one: Verdict, sides: Sequence[Side], names: Sequence[str], language: str) -> str:
    winner = sides[one.winner]
    values: dict[str, Any] = {"winner": names[one.winner], "other": names[one.other]}
    values["metric"] = metric_name(winner.metric, language)
    if one.difference is not None:
        by = one.difference if winner.is_better == "higher" else one.difference.turned()
        values |= {"difference": _number(by.value), "low": _number(by.low), "high": _number(by.high)}
    return say(FINDINGS[one.finding], language, **values)


def _names(sides: Sequence[Side], language: str) -> list[str]:
    """Names that are not told apart get numbers."""
    plain = [title(side.run.request, language) for side in sides]
    return [f"{name} ({place + 1})" if plain.count(name) > 1 else name for place, name in enumerate(plain)]


def _charts(sides: Sequence[Side], names: Sequence[str], language: str) -> str:
    last = max((int(side.curve[-1]["step"]) for side in sides if side.curve), default=0)
    drawn = ""
    for metric in dict.fromkeys(["loss", *(side.metric for side in sides)]):
        lines = [Line(name, _points(side.curve, metric)) for name, side in zip(names, sides, strict=True)]
        drawn += chart(metric_name(metric, language), "", lines, last)
    return drawn


def _points(curve: Sequence[dict], name: str) -> list[tuple[float, float]]:
    values = [(row["step"], row[name]) for row in curve if isinstance(row.get(name), int | float)]
    return [(step, value) for step, value in values if math.isfinite(value)]


def _table(found: Comparison, names: Sequence[str], language: str) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    measured = "".join(f"<td>{escape(_measured(side, language))}</td>" for side in found.sides)
    part = "compare_metric_test" if all(side.is_tested for side in found.sides) else "compare_metric"
    rows = f'<tr><th scope="row">{escape(say(part, language))}</th>{measured}</tr>'
    for name, row in found.differing.items():
        cells = "".join(f"<td>{escape(_setting(value))}</td>" for value in row)
        rows += f'<tr><th scope="row">{escape(setting_name(name, language))}</th>{cells}</tr>'
    same = "" if found.differing else f'<p class="help">{escape(say("compare_same_settings", language))}</p>'
    return f'<div class="table-wrap"><table class="compared"><tr><td></td>{heads}</tr>{rows}</table></div>{same}'


def _measured(side: Side, language: str) -> str:
    if side.value is None:
        return "–"
    name = metric_name(side.metric, language)
    if side.interval is None:
        return f"{name} {_number(side.value)}"
    return f"{name} {_number(side.value)} ({_number(side.interval.low)} – {_number(side.interval.high)})"


def _setting(value: Setting | None) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "–"

"""The curves of a run as inline SVG in the colours of the page. Knows no run: it is handed points, and no gradio.

Long curves are thinned to the lowest and the highest point of each stretch, so that no spike gets lost.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from studio.ui.safe import escape

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24  # what the axes take
STRETCHES = 150
TICKS = 4

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve. `is_level`: it has one value for all steps, drawn dashed."""

    label: str
    points: Points
    is_level: bool = False


def chart(title: str, note: str, lines: Sequence[Line], last_step: int) -> str:
    """A figure with its legend, from step 0 to `last_step`."""
    values = [y for line in lines for _, y in line.points if math.isfinite(y)]
    if not values:
        return ""
    low, high = _room(min(values), max(values))
    scale = _Scale(max(last_step, 1), low, high)
    drawn = "".join(_path(line, number, scale) for number, line in enumerate(lines))
    legend = "".join(
        f'<li><span class="key key-{"level" if line.is_level else number}"></span>{escape(line.label)} '
        f"<b>{_number(line.points[-1][1])}</b></li>"
        for number, line in enumerate(lines)
        if line.points
    )
    spoken = escape(
        f"{title}: " + ", ".join(f"{line.label} {_number(line.points[-1][1])}" for line in lines if line.points)
    )
    return (
        f'<figure class="curve"><figcaption><b>{escape(title)}</b> <span>{escape(note)}</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{spoken}">{_axes(scale)}{drawn}</svg>'
        f'<ul class="legend">{legend}</ul></figure>'
    )


@dataclass(frozen=True)
class _Scale:
    last_step: int
    low: float
    high: float

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(step / self.last_step, 1.0)

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - self.low) / (self.high - self.low))


def _path(line: Line, number: int, scale: _Scale) -> str:
    points = [(step, value) for step, value in line.points if math.isfinite(value)]
    if line.is_level:
        y = f"{scale.y(points[-1][1]):.1f}"
        return f'<path class="level" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
    drawn = [(scale.x(step), scale.y(value)) for step, value in thinned(points)]
    if len(drawn) == 1:
        return f'<circle class="line-{number}" cx="{drawn[0][0]:.1f}" cy="{drawn[0][1]:.1f}" r="2.5"/>'
    return f'<polyline class="line-{number}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)}"/>'


def thinned(points: Points) -> Points:
    """At most two points a stretch, in order: its lowest and its highest; the first and the last point stay."""
    if len(points) <= 2 * STRETCHES:
        return points
    kept = {0, len(points) - 1}
    for stretch in range(STRETCHES):
        places = range(stretch * len(points) // STRETCHES, (stretch + 1) * len(points) // STRETCHES)
        kept |= {min(places, key=lambda place: points[place][1]), max(places, key=lambda place: points[place][1])}
    return [points[place] for place in sorted(kept)]


def _axes(scale: _Scale) -> str:
    parts = []
    ticks = _ticks(scale.low, scale.high)
    for value, words in zip(ticks, _told_apart(ticks), strict=True):
        y = f"{scale.y(value):.1f}"
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y}" dy="0.32em" text-anchor="end">{words}</text>')
    for half, anchor in enumerate(("start", "middle", "end")):
        step = scale.last_step * half // 2
        if half == 1 and step == 0:  # of one step there is no middle
            continue
        parts.append(f'<text x="{scale.x(step):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{step:,}</text>')
    return "".join(parts)


def _room(low: float, high: float) -> tuple[float, float]:
    """A little more than the values take; something where all are the same."""
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (0.0 if 0 <= low < 2 * margin else low - margin), high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between the two."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _told_apart(values: Sequence[float]) -> list[str]:
    """With as many digits as it takes, at most six."""
    words = [_number(value) for value in values]
    for digits in (4, 5, 6):
        if len(set(words)) == len(words):
            break
        words = [f"{value:,.{digits}g}" for value in values]
    return words


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

"""A study as pictures, inline SVG in the colours of the page: what matters how much, and every trial as a line through its settings.

Knows no gradio and no study: it is handed names and numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.types.training import Setting
from studio.ui.safe import escape

WIDTH, HEIGHT = 400, 260
AXIS = 115  # from one to the next
SIDE, TOP, BOTTOM = 56, 34, 24  # what names and edges take
BAR, GAP, NAMES = 18, 8, 170
NAME_CHARACTERS, OPTION_CHARACTERS = 16, 12  # more would run into the next axis
LOGARITHMIC_FROM = 8.0


@dataclass(frozen=True)
class Track:
    """A trial as a line: its settings by name, the value that it came to, and whether it is the best."""

    settings: Mapping[str, Setting]
    value: float
    is_best: bool = False


def importance_chart(title: str, shares: Mapping[str, float]) -> str:
    """Bars, the longest first; "" where nothing is known. `shares` go by the names that are shown."""
    if not shares:
        return ""
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    rows = []
    for place, (name, share) in enumerate(ordered):
        y, width = place * (BAR + GAP), (WIDTH - NAMES - SIDE) * min(max(share, 0.0), 1.0)
        rows.append(f'<text x="{NAMES - 8}" y="{y + BAR / 2}" dy="0.35em" text-anchor="end">{escape(name)}</text>')
        rows.append(f'<rect class="share" x="{NAMES}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>')
        rows.append(f'<text x="{NAMES + width + 6:.1f}" y="{y + BAR / 2}" dy="0.35em">{share:.0%}</text>')
    spoken = escape(f"{title}: " + ", ".join(f"{name} {share:.0%}" for name, share in ordered))
    return _figure(title, "", _svg(WIDTH, len(ordered) * (BAR + GAP), spoken, "".join(rows)))


def parallel(title: str, note: str, metric: str, tracks: Sequence[Track]) -> str:
    """Parallel coordinates (Inselberg 1985): an axis for each setting and one for `metric`; "" with fewer than two trials.

    A trial that has no such setting passes its axis by.
    """
    if len(tracks) < 2:
        return ""
    names = list(dict.fromkeys(name for track in tracks for name in track.settings))
    axes = [_axis(name, [track.settings[name] for track in tracks if name in track.settings]) for name in names]
    axes.append(_axis(metric, [track.value for track in tracks]))
    width = max(WIDTH, 2 * SIDE + AXIS * (len(axes) - 1))
    places = [SIDE + (width - 2 * SIDE) * place / (len(axes) - 1) for place in range(len(axes))]
    lines = []
    for track in sorted(tracks, key=lambda one: one.is_best):  # the best one on top
        row = [*(track.settings.get(name) for name in names), track.value]
        points = [
            f"{x:.1f},{axis.y(value):.1f}"
            for x, axis, value in zip(places, axes, row, strict=True)
            if value is not None
        ]
        lines.append(f'<polyline class="{"track best" if track.is_best else "track"}" points="{" ".join(points)}"/>')
    drawn = "".join(_drawn(axis, x) for x, axis in zip(places, axes, strict=True))
    spoken = escape(f"{title}: {', '.join([*names, metric])}, {len(tracks)}")
    return _figure(title, note, _svg(width, HEIGHT, spoken, "".join(lines) + drawn))


def _svg(width: int, height: int, spoken: str, drawn: str) -> str:
    """Never so small or so large that its words cannot be read: on a narrow page a wide one is scrolled."""
    sizes = f"min-width: {width * 0.8:.0f}px; max-width: {width * 1.3:.0f}px"
    svg = f'<svg viewBox="0 0 {width} {height}" style="{sizes}" role="img" aria-label="{spoken}">{drawn}</svg>'
    return f'<div class="table-wrap">{svg}</div>'


def _figure(title: str, note: str, svg: str) -> str:
    caption = f"<figcaption><b>{escape(title)}</b> <span>{escape(note)}</span></figcaption>"
    return f'<figure class="curve study-figure">{caption}{svg}</figure>'


@dataclass(frozen=True)
class _Axis:
    """`low` is at the bottom. With `options` each has its place, else numbers lie between."""

    name: str
    low: float
    high: float
    options: tuple[str, ...] = ()

    def y(self, value: Setting) -> float:
        bottom, height = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
        if self.options:
            return bottom - height * (self.options.index(_words(value)) + 0.5) / len(self.options)
        number = float(value)
        if self.low > 0 and self.high / self.low >= LOGARITHMIC_FROM:
            return bottom - height * math.log(number / self.low) / math.log(self.high / self.low)
        return bottom - height * (number - self.low) / (self.high - self.low or 1.0)


def _axis(name: str, values: Sequence[Setting]) -> _Axis:
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if is_number and any(isinstance(value, float) for value in values):
        numbers = [float(value) for value in values]
        return _Axis(name, min(numbers), max(numbers))
    order = sorted(set(values), key=lambda value: (float(value) if is_number else 0.0, str(value)))
    return _Axis(name, 0.0, 1.0, tuple(map(_words, order)))


def _drawn(axis: _Axis, x: float) -> str:
    bottom = HEIGHT - BOTTOM
    parts = [
        f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>',
        f'<text class="axis" x="{x:.1f}" y="{TOP - 18}" text-anchor="middle">{_short(axis.name, NAME_CHARACTERS)}</text>',
    ]
    if axis.options:
        parts += [
            f'<text x="{x + 4:.1f}" y="{axis.y(option):.1f}" dy="0.35em">{_short(option, OPTION_CHARACTERS)}</text>'
            for option in axis.options
        ]
        return "".join(parts)
    edges = ((axis.low, bottom + 14), (axis.high, TOP - 4))
    parts += [f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(_words(edge))}</text>' for edge, y in edges]
    return "".join(parts)


def _short(words: str, most: int) -> str:
    """Cut where it is longer; all of it is said when it is pointed at."""
    if len(words) <= most:
        return escape(words)
    return f"{escape(words[: most - 1].rstrip())}…<title>{escape(words)}</title>"


def _words(value: Setting) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

"""The lineage of a creation as a small graph: boxes from left to right, a line from each to what was made of it.

Everything in it is escaped here; a box opens its creation. Knows no gradio.
"""

from studio.library.creations import Creation
from studio.library.lineage import Lineage, Step
from studio.ui import lists
from studio.ui.safe import escape
from studio.ui.words import say

WIDTH, HEIGHT, GAP_X, GAP_Y = 176, 64, 48, 16  # pixels


def graph(lineage: Lineage, current: str, language: str) -> str:
    """`current` is the creation that was asked for."""
    across = max(step.column for step in lineage.steps) + 1
    down = max(step.row for step in lineage.steps) + 1
    width, height = across * (WIDTH + GAP_X) - GAP_X, down * (HEIGHT + GAP_Y) - GAP_Y
    places = {step.creation.id: step for step in lineage.steps}
    lines = "".join(_line(places[parent], places[child]) for parent, child in lineage.edges)
    boxes = "".join(_box(step, current, language) for step in lineage.steps)
    cut = f'<p class="mono">{escape(say("lineage_cut", language, n=len(lineage.steps)))}</p>' if lineage.is_cut else ""
    title = escape(say("lineage", language))
    return (
        f'<section class="lineage" aria-label="{title}"><div class="line-title">{title}</div><div class="lineage-scroll">'
        f'<div class="lineage-board" style="width:{width}px;height:{height}px">'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">{lines}</svg>'
        f"{boxes}</div></div>{cut}</section>"
    )


def _at(step: Step) -> tuple[int, int]:
    return step.column * (WIDTH + GAP_X), step.row * (HEIGHT + GAP_Y)


def _line(parent: Step, child: Step) -> str:
    (x1, y1), (x2, y2) = _at(parent), _at(child)
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
    bend = max(GAP_X, x2 - x1) // 2
    return f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _box(step: Step, current: str, language: str) -> str:
    one, (x, y) = step.creation, _at(step)
    mark = ' aria-current="true"' if one.id == current else ""
    picture = ""
    if one.kind in ("image", "film"):
        picture = f'<img loading="lazy" src="media/{escape(one.id)}/thumbnail" alt="">'
    return (
        f'<button type="button" class="lineage-box" data-action="open" data-id="{escape(one.id)}"{mark} '
        f'style="left:{x}px;top:{y}px;width:{WIDTH}px;height:{HEIGHT}px">{picture}'
        f'<span><span class="mono">{escape(_what(one, language))}</span>'
        f"<span>{escape(lists.title_of(one, language))}</span></span></button>"
    )


def _what(creation: Creation, language: str) -> str:
    """What made it, else its kind."""
    request = creation.recipe.get("request")
    asked = request if isinstance(request, dict) else {}
    named = lists.task_name(str(asked.get("task") or asked.get("kind", "")), language)
    return named or say(f"lineage_{creation.kind}", language)

"""What the Image tab shows, as our own HTML and lines of text. Everything in it is escaped here. Knows no gradio.

Buttons carry data-action and data-id (see `components.items`); data-view opens a picture at full size in the browser.
"""

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipelines.networks import latent_map as latent_maps
from pipelines.networks.latent_map import LatentMap
from pipelines.types.events import Progress
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ModelSpec
from studio.library.creations import Item
from studio.ui import lists
from studio.ui.facts import doing_line, duration, error_line
from studio.ui.safe import escape
from studio.ui.stream import Live
from studio.ui.words import say
from studio.ui.working import Working, meter, seconds_left
from studio.ui.working import queue as working_queue

SHOWN_UNREAD = 160  # characters
MOST_LEGEND = 24  # classes
FORMATS = (("PNG", ""), ("WebP", "?as=webp"), ("JPEG", "?as=jpeg"))


@dataclass(frozen=True)
class Picture:
    """A result: `id` is its creation's, or its number where it is not kept; `url` and `before_url` can be shown."""

    id: str
    url: str
    title: str
    is_kept: bool = True
    before_url: str = ""


# ── lines of text ─────────────────────────────────────────────────────────────────────────────────────────────────────


def working_line(working: Working, language: str, now: float) -> str:
    """ "step 3 of 8 · 1.2 steps/s · 4 s left", as far as it is known."""
    stage = working.live.stage
    if not isinstance(stage, Progress) or not stage.total:
        return doing_line(working.live, language)
    parts = [say("image_step", language, done=stage.done, total=stage.total)]
    rate = working.live.rate
    if rate:
        parts.append(say("image_rate", language, n=_figure(rate)))
    left = seconds_left(working, now)
    if left is not None:
        parts.append(say("image_left", language, n=duration(left, language)))
    return " · ".join(parts)


def image_facts(result: ImageResult, name: str, language: str) -> str:
    """ "OpenMoji LDM · 24 steps · 8.1 steps/s · 128 × 128 · seed 42–45 · 3.2 s"."""
    request, parts = result.request, [name]
    if request.steps:
        parts.append(say("image_steps", language, n=request.steps))
    if result.steps_per_second:
        parts.append(say("image_rate", language, n=_figure(result.steps_per_second)))
    parts.append(f"{result.width} × {result.height}")
    if request.seed is not None and not request.place:
        last = f"–{request.seed + request.count - 1}" if request.count > 1 else ""
        last = last if request.toward is None else f" → {request.toward}"
        parts.append(say("facts_seed", language, n=f"{request.seed}{last}"))
    if request.place:
        parts.append(say("facts_place", language, n=_places(request.place)))
    parts.append(duration(result.seconds, language))
    if result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason == "cancelled":
        parts.append(say("finish_cancelled", language))
    return " · ".join(parts)


def image_notes(result: ImageResult, language: str) -> str:
    """What a person should know of the pictures besides: which are missing, and which words were not read."""
    notes = []
    if result.withheld:
        names = ", ".join(str(number + 1) for number in result.withheld)
        notes.append(say("image_withheld", language, n=len(result.withheld), of=result.request.count, names=names))
    if result.unread:
        words = result.unread if len(result.unread) <= SHOWN_UNREAD else f"{result.unread[:SHOWN_UNREAD].rstrip()} …"
        notes.append(say("image_unread", language, n=len(result.unread), words=words))
    return "".join(f'<div class="notice-line">{escape(note)}</div>' for note in notes)


def recipe_facts(request: ImageRequest, name: str, language: str) -> str:
    """What a recipe tells of a picture whose job is gone."""
    parts = [name]
    if request.steps:
        parts.append(say("image_steps", language, n=request.steps))
    if request.seed is not None:
        parts.append(say("facts_seed", language, n=request.seed))
    return " · ".join(filter(None, parts))


def model_notice(spec: ModelSpec, language: str) -> str:
    """What a person should know of a model before they ask it, and what suits it."""
    note = spec.note_zh if language == "zh" else spec.note_en
    own = ""
    if spec.defaults:
        one = spec.defaults
        values = {"width": one.width, "height": one.height, "steps": one.steps, "guidance": f"{one.guidance_scale:g}"}
        own = say("image_defaults", language, **values)
    return " ".join(filter(None, [note, own]))


def adapters_offered(names: Sequence[str], laid: Collection[str], language: str) -> str:
    """One press lays an adapter over the model, another takes it off; "" where there is none."""
    if not names:
        return ""
    offered = "".join(lists.button("lay", name, name, is_pressed=name in laid) for name in names)
    return f'<div class="chips"><span class="help">{escape(say("adapters_offered", language))}</span> {offered}</div>'


def latent_sliders(count: int, language: str) -> str:
    """One for each of the first `count` numbers that a picture is made of; in the middle it stays as it was drawn."""
    low, high = ImageRequest.LATENT_RANGE
    rows = "".join(
        f'<input type="range" min="{low:g}" max="{high:g}" step="0.1" value="0" '
        f'aria-label="{escape(say("latent_number", language, n=number))}">'
        for number in range(1, count + 1)
    )
    return f'<p class="help">{escape(say("latent_help", language))}</p><div class="latent">{rows}</div>'


def latent_map(chart: LatentMap, picture: bytes, place: str, language: str) -> str:
    """What lies where, and the pictures that were learnt from, by class; `place` is marked. A press is told with its place."""
    reach, colours = (
        latent_maps.REACH,
        [f"hsl({360 * n // len(chart.classes)} 75% 45%)" for n in range(len(chart.classes))],
    )
    dots = "".join(
        f'<circle cx="{x:g}" cy="{-y:g}" r="0.035" fill="{colours[kind] if 0 <= kind < len(colours) else "#226d5f"}"/>'
        for x, y, kind in chart.points
    )
    legend = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for colour, name in zip(colours, chart.classes[:MOST_LEGEND], strict=False)
    )
    source = f"data:image/webp;base64,{b64encode(picture).decode()}"
    return (
        f'<p class="help">{escape(say("map_help", language))}</p>'
        f'<div class="map-field" tabindex="0" role="application" aria-label="{escape(say("map_label", language))}" '
        f'data-reach="{reach:g}" data-place="{escape(place)}"><img src="{source}" alt="" draggable="false">'
        f'<svg viewBox="{-reach:g} {-reach:g} {2 * reach:g} {2 * reach:g}">{dots}'
        '<polyline class="map-way"/><circle class="map-mark" r="0.09" hidden/></svg></div>'
        f'<p class="map-legend">{legend}</p><div class="map-wishes">'
        f'<label><input type="checkbox" name="walks"> {escape(say("map_walk", language))}</label>'
        f'<label><input type="checkbox" name="dots" checked> {escape(say("map_dots", language))}</label>'
        f'<button type="button" class="item-button" name="leave">{escape(say("map_leave", language))}</button></div>'
    )


def _places(place: Sequence[float]) -> str:
    return " → ".join(f"{x:g}, {y:g}" for x, y in zip(place[::2], place[1::2], strict=True))


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


# ── the stage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def empty_stage(language: str, *, has_models: bool) -> str:
    return f'<div class="stage stage-empty">{lists.empty(say("image_empty" if has_models else "image_no_model", language))}</div>'


def working_stage(working: Working, language: str, now: float) -> str:
    """The newest look at an unfinished job, with its bar and its line."""
    live, title = working.live, working.job.title
    line = f'<div class="mono stage-line">{escape(working_line(working, language, now))}</div>'
    look = f'<div class="stage-wait">{escape(say("image_soon", language))}</div>'
    if live.preview is not None and live.preview.file:
        url = f"media/jobs/{working.job.id}/{live.preview.file}"
        look = f'<img class="preview" src="{escape(url)}" alt="{escape(say("image_preview", language, title=title))}">'
    return f'<div class="stage stage-working">{look}{meter(live, language)}</div>{line}'


def failed_stage(live: Live, language: str) -> str:
    return f'<div class="stage stage-failed" role="alert">{escape(error_line(live.error, language))}</div>'


def no_pictures(language: str) -> str:
    """It was stopped before a picture was finished, or its pictures are gone."""
    return f'<div class="stage stage-empty">{lists.empty(escape(say("image_none", language)))}</div>'


def gallery(pictures: Sequence[Picture], picked: str, language: str) -> str:
    """The results; the one that the buttons below are about is marked."""
    tiles = []
    for number, picture in enumerate(pictures, 1):
        label = say("image_number", language, n=number, title=picture.title)
        mark = str(picture.id == picked).lower()
        tiles.append(
            f'<figure class="tile"><button type="button" class="tile-pick" data-action="pick" data-id="{escape(picture.id)}" '
            f'aria-pressed="{mark}"><img src="{escape(picture.url)}" alt="{escape(label)}"></button>'
            f'<button type="button" class="tile-view" data-view="{escape(picture.url)}" data-alt="{escape(label)}" '
            f'aria-label="{escape(say("image_large", language))}" title="{escape(say("image_large", language))}">'
            '<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" '
            'fill="none" stroke="currentColor" stroke-width="1.5"/></svg></button></figure>'
        )
    several = (
        "gallery-one"
        if len(pictures) == 1
        else "gallery-many gallery-few"
        if len(pictures) in (2, 4)
        else "gallery-many"
    )
    return f'<div class="stage gallery {several}">{"".join(tiles)}</div>'


def comparison(before: Picture | None, before_url: str, after: Picture, language: str) -> str:
    """Two pictures over each other with a slider between them; without a `before_url`, how to get one."""
    if not before_url:
        return f'<div class="notice-line">{escape(say("compare_pick", language))}</div>'
    left = say("compare_input" if before is None else "compare_other", language)
    return (
        '<div class="compare" style="--at:50%">'
        f'<img class="compare-after" src="{escape(after.url)}" alt="{escape(say("compare_result", language))}">'
        f'<img class="compare-before" src="{escape(before_url)}" alt="{escape(left)}">'
        f'<input type="range" min="0" max="100" value="50" aria-label="{escape(say("compare", language))}"></div>'
        f'<div class="mono compare-names"><span>{escape(left)}</span><span>{escape(say("compare_result", language))}</span></div>'
    )


def downloads(picture: Picture, language: str) -> str:
    """The file in each format, recipe inside; of what is not kept the one that the page holds."""
    if not picture.is_kept:
        return f'<a class="item-button" href="{escape(picture.url)}" download="picture.png">{escape(say("download", language))}</a>'
    links = [
        f'<a class="item-button" href="media/{escape(picture.id)}{suffix}" download="{escape(picture.id)}.{name.lower()}" '
        f'aria-label="{escape(say("download_as", language, name=name))}">{name}</a>'
        for name, suffix in FORMATS
    ]
    return (
        f'<div class="item-actions"><span class="mono">{escape(say("download", language))}</span>{"".join(links)}</div>'
    )


# ── what waits and what was made ──────────────────────────────────────────────────────────────────────────────────────


def queue(rows: Sequence[Working], language: str, now: float) -> str:
    """What runs and waits in this tab, each with its bar and its Stop; nothing where there is nothing more than one."""
    told = [(row, row.job.title or say("untitled_picture", language), working_line(row, language, now)) for row in rows]
    return working_queue(told, language)


def recent(entries: Sequence[Item], language: str) -> str:
    if not entries:
        return lists.empty(escape(say("image_recent_empty", language)))
    tiles = [
        f'<button type="button" class="recent-picture" data-action="open" data-id="{escape(entry.creation.id)}" '
        f'title="{escape(entry.creation.title)}"><img loading="lazy" src="media/{escape(entry.creation.id)}/thumbnail" '
        f'alt="{escape(entry.creation.title)}"></button>'
        for entry in entries
    ]
    return f'<div class="strip">{"".join(tiles)}</div>'

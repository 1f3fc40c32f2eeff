"""Lists of the page as our own HTML: conversations, creations, jobs, examples. Everything in them is escaped here.

Buttons carry data-action and data-id (see `components.items`). Knows no gradio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from studio.jobs.job import Job, Place
from studio.library.conversations import Header
from studio.library.creations import Creation, Item
from studio.ui import sending
from studio.ui.facts import place_line
from studio.ui.image.chosen import IMAGE_TASKS
from studio.ui.safe import escape
from studio.ui.words import say


def button(
    action: str, item_id: str, label: str, *, classes: str = "item-button", is_pressed: bool | None = None
) -> str:
    pressed = "" if is_pressed is None else f' aria-pressed="{str(is_pressed).lower()}"'
    return (
        f'<button type="button" class="{classes}" data-action="{escape(action)}" data-id="{escape(item_id)}"{pressed}>'
        f"{escape(label)}</button>"
    )


def empty(words: str) -> str:
    """An empty state. `words` are ours (see words.py) and may hold tags."""
    return f'<div class="nothing">{words}</div>'


def ago(time: str, language: str, now: datetime | None = None) -> str:
    """How long ago an ISO time was: "now", "5 min", "3 h", "2 d"."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return say(f"ago_{unit}", language, n=int(seconds // length))
    return say("ago_now", language)


def conversation_rows(headers: Sequence[Header], current: str, query: str, language: str) -> str:
    """The list of conversations; the one that is open is marked."""
    if not headers:
        return empty(escape(say("conversations_none" if query.strip() else "conversations_empty", language)))
    rows = []
    for header in headers:
        mark = ' aria-current="true"' if header.id == current else ""
        title = escape(header.title or say("untitled", language))
        rows.append(
            f'<li><button type="button" class="line" data-action="open" data-id="{escape(header.id)}"{mark}>'
            f'<span class="line-title">{title}</span><span class="line-note">{escape(ago(header.updated, language))}</span>'
            "</button></li>"
        )
    return f'<ul class="lines">{"".join(rows)}</ul>'


def example_chips(examples: Sequence[dict], language: str) -> str:
    """Example prompts; the id of a chip is its place in `examples`."""
    chips = "".join(button("example", str(at), one[language], classes="chip-button") for at, one in enumerate(examples))
    return f'<div class="chips" role="group" aria-label="{escape(say("examples", language))}">{chips}</div>'


@dataclass(frozen=True)
class JobRow:
    """A job in the drawer. `place` is known while it waits."""

    job: Job
    place: Place | None


def job_rows(rows: Sequence[JobRow], language: str, now: float) -> str:
    """The job drawer: what runs and waits first, then what has ended."""
    if not rows:
        return empty(escape(say("jobs_empty", language)))
    parts = []
    for row in sorted(rows, key=lambda row: (row.job.is_ended, row.job.state != "running")):
        job = row.job
        note = say(f"state_{job.state}", language)
        if job.request.kind not in ("text", "image"):  # its title does not say what it does
            note = f"{say(f'job_{job.request.kind}', language)} · {note}"
        if row.place is not None:
            note = f"{note} · {place_line(row.place, language)}"
        elif job.state == "running" and job.started:
            note = f"{note} · {say('seconds', language, n=round(now - job.started))}"
        bar = '<div class="bar" aria-hidden="true"></div>' if job.state == "running" else ""
        first = button("open", job.id, say("open", language)) if job.keep else ""
        last = "" if job.is_ended else button("stop", job.id, say("stop", language))
        if job.state in ("failed", "interrupted"):
            last = button("again", job.id, say("run_again", language))
        parts.append(
            f'<li class="job job-{escape(job.state)}"><div class="line-title">{escape(job.title)}</div>'
            f'<div class="mono">{escape(note)}</div>{bar}<div class="item-actions">{first}{last}</div></li>'
        )
    return f'<ul class="lines">{"".join(parts)}</ul>'


def recent_strip(entries: Sequence[Item], language: str) -> str:
    """A strip of small cards, newest first."""
    if not entries:
        return empty(escape(say("recent_empty", language)))
    cards = [
        f'<button type="button" class="small-card" data-action="open" data-id="{escape(entry.creation.id)}">'
        f'{_poster(entry.creation)}<span class="line-title">{escape(title_of(entry.creation, language))}</span>'
        f'<span class="line-note">{escape(_more_of(entry, language)[:80])}</span></button>'
        for entry in entries
    ]
    return f'<div class="strip">{"".join(cards)}</div>'


def _poster(creation: Creation) -> str:
    if creation.kind not in ("image", "film"):
        return ""
    return f'<img loading="lazy" src="media/{escape(creation.id)}/thumbnail" alt="">'


def _more_of(entry: Item, language: str) -> str:
    """The excerpt, and of one that begins as the title does what comes after that."""
    title, words = title_of(entry.creation, language).removesuffix("…"), " ".join(entry.excerpt.split())
    if not title or not words.startswith(title):
        return words
    return f"…{words.removeprefix(title)}" if words != title else ""


def creation_card(entry: Item, language: str, *, is_asked: bool, is_related: bool = False) -> str:
    """A creation in the library. `is_asked`: the person pressed Delete and is asked whether they are sure. `is_related`: it
    came of others, or others of it."""
    one = entry.creation
    if is_asked:
        actions = (
            f'<span class="sure">{escape(say("delete_creation_sure", language))}</span>'
            + button("delete", one.id, say("delete", language), classes="item-button danger")
            + button("keep", one.id, say("cancel", language))
        )
    else:
        star = button("star", one.id, say("unstar" if one.is_starred else "star", language), is_pressed=one.is_starred)
        link = download_link(one.id, language)
        actions = (
            button("open", one.id, say("open", language), classes="item-button strong")
            + star
            + link
            + sending.menu(one.kind, one.id, language)
            + (button("trace", one.id, say("lineage", language)) if is_related else "")
            + button("ask-delete", one.id, say("delete", language))
        )
    request = one.recipe.get("request", {})
    task, model = (
        str(request.get("task") or request.get("kind", "")),
        str(one.recipe.get("result", {}).get("model", request.get("model", ""))),
    )
    note = " · ".join(
        part
        for part in (
            task_name(task, language),
            model,
            ago(one.created, language),
        )
        if part
    )
    title, body = escape(title_of(one, language)), f'<p class="excerpt">{escape(entry.excerpt)}</p>'
    if one.kind == "sound":
        body += f'<audio controls preload="none" src="media/{escape(one.id)}" aria-label="{title}"></audio>'
    if one.kind == "film":
        url = f"media/{escape(one.id)}"
        body = f'<video controls preload="none" poster="{url}/thumbnail" src="{url}" aria-label="{title}"></video>'
    if one.kind == "image":
        body = f'<img class="card-picture" loading="lazy" src="media/{escape(one.id)}/thumbnail" alt="{title}">'
    return (
        f'<article class="card"><div class="line-title">{title}</div><div class="mono">{escape(note)}</div>'
        f'{body}<div class="item-actions">{actions}</div></article>'
    )


def title_of(creation: Creation, language: str) -> str:
    """A sound that was made of another one may have no name of its own."""
    return creation.title or (say("untitled_sound", language) if creation.kind == "sound" else "")


def download_link(creation_id: str, language: str) -> str:
    """The file of a creation, served by our own route."""
    return f'<a class="item-button" href="media/{escape(creation_id)}" download>{escape(say("download", language))}</a>'


def conversation_card(header: Header, language: str) -> str:
    """A conversation in the library; its other actions stand in the Text tab."""
    title = escape(header.title or say("untitled", language))
    note = escape(f"{say('chat', language)} · {ago(header.updated, language)}")
    actions = button("open-conversation", header.id, say("open", language), classes="item-button strong")
    return (
        f'<article class="card"><div class="line-title">{title}</div><div class="mono">{note}</div>'
        f'<div class="item-actions">{actions}</div></article>'
    )


def task_name(task: str, language: str) -> str:
    if task in IMAGE_TASKS:
        return say(f"mode_{task}", language)
    if task in SOUND_TASKS:
        return say(f"job_{SOUND_TASKS[task]}", language)
    return say(f"task_{task}", language) if task in TASKS else say("chat", language) if task == "chat" else ""


SOUND_TASKS = {
    "speech": "speech", "music": "music", "sound": "sound", "transcribe": "transcribe", "translate-speech": "transcribe", "edit-sound": "workbench",
    "caption": "caption", "ask-picture": "caption", "read-picture": "caption", "story-film": "story", "film": "film", "video": "video", "clip": "clip",
    "frames": "frames", "text-to-video": "video", "image-to-video": "video",
}  # fmt: skip
TASKS = ("write", "summarise", "rewrite", "translate", "continue", "fill-mask", "poem")

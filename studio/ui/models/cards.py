"""The Models tab as our own HTML: cards, downloads, what is loaded, memory, disk, a look. Everything is escaped here.

Buttons carry data-action and data-id (see `components.items`). Knows no gradio.
"""

from collections.abc import Mapping, Sequence

from pipelines.errors.base import StudioError
from pipelines.loading.catalog import Candidate
from pipelines.loading.memory.forecast import Form
from pipelines.types.model import ModelSpec
from studio.library.removal import Uses
from studio.ui.facts import duration, plan_line, size
from studio.ui.lists import button, empty
from studio.ui.models.rows import FITS_SHARE, MemoryBar, ModelRow, forecasts, smallest_bytes
from studio.ui.safe import escape
from studio.ui.words import say

STRONG = "item-button strong"
DANGER = "item-button danger"
SHOWN_FILES = 12
TITLE_LENGTH = 60


# ── the catalog ───────────────────────────────────────────────────────────────────────────────────────────────────────


def model_cards(
    rows: Sequence[ModelRow], language: str, *, asked: str, uses: Uses, hidden: int, is_managed: bool
) -> str:
    """The catalog. `asked` is the model whose removal is to be confirmed, which `uses` it; `hidden` more are not shown.
    `is_managed`: with what can be done.
    """
    if not rows:
        return empty(escape(say("models_none", language)))
    cards = [_card(row, language, uses if row.spec.id == asked else None, is_managed) for row in rows]
    more = button("all", "", say("show_all", language, n=len(rows) + hidden)) if hidden else ""
    return f'<div class="cards">{"".join(cards)}</div><div class="more">{more}</div>'


def _card(row: ModelRow, language: str, uses: Uses | None, is_managed: bool) -> str:
    spec = row.spec
    mark = {"loaded": "●", "here": "○", "loading": "○", "away": "↓"}.get(row.state, "↓")
    facts = [size(spec.size_bytes)] if spec.size_bytes else []
    facts += [_licence(spec)] if spec.licence else []
    if spec.is_gated:
        facts.append(escape(say("gated", language)))
    note = spec.note_zh if language == "zh" else spec.note_en
    about = f'<p class="excerpt">{escape(note)}</p>' if note else ""
    room = "" if row.fits else f'<p class="too-large">{escape(_too_large(row, language))}</p>'
    room += "" if row.plan is None else f'<p class="line-note">{escape(plan_line(row.plan, language))}</p>'
    room += "" if row.refusal is None else f'<p class="sure">{_with_link(row.refusal, language)}</p>'
    actions = _sure(row, uses, language) if uses is not None else _actions(row, language) if is_managed else ""
    starter = f'<span class="tag">{escape(say("starter", language))}</span>' if spec.source == "starter" else ""
    return (
        f'<article class="card model model-{row.state}" data-model="{escape(spec.id)}">'
        f'<div class="line-title"><span class="mark" title="{escape(say(f"model_{row.state}", language))}">{mark}</span> '
        f"{escape(spec.name)} {starter}</div>"
        f'<div class="mono">{" · ".join(facts)}</div>{about}'
        f'<div class="model-facts">{_languages(spec, language)}{_memory(row, language)}</div>'
        f'{room}<div class="item-actions">{actions}</div></article>'
    )


def _too_large(row: ModelRow, language: str) -> str:
    """What it takes at least, and in which form it can be loaded all the same."""
    fitting = [f for f, count in forecasts(row.spec, row.forms).items() if count <= FITS_SHARE * row.memory_total]
    key = "fits_smaller" if fitting else "fits_not" if "offload" in row.forms else "fits_never"
    forms = ", ".join(say(f"form_{form}", language) for form in fitting)
    return say(key, language, needed=size(smallest_bytes(row.spec)), total=size(row.memory_total), forms=forms)


def _actions(row: ModelRow, language: str) -> str:
    model = row.spec.id
    if row.state == "loaded":
        return button("unload", model, say("unload", language)) + _remove(row, language)
    if row.state == "here":
        return button("load", model, say("load", language), classes=STRONG) + _remove(row, language)
    if row.state == "away":
        return button("download", model, say("download", language), classes=STRONG) + _forget(row, language)
    return f'<span class="line-note">{escape(say(f"model_{row.state}", language))}</span>'


def _remove(row: ModelRow, language: str) -> str:
    if row.is_own and row.spec.source == "folder":  # those files are not the studio's
        return _forget(row, language)
    return button("ask-remove", row.spec.id, say("remove", language))


def _forget(row: ModelRow, language: str) -> str:
    return button("forget", row.spec.id, say("forget", language)) if row.is_own else ""


def _sure(row: ModelRow, uses: Uses, language: str) -> str:
    """What else uses it, then whether it is to go. What is at work stays."""
    model, lines = row.spec.id, []
    if uses.jobs:
        line = escape(say("used_by_jobs", language, n=uses.jobs))
        return f'<span class="sure">{line}</span>' + button("keep", model, say("cancel", language))
    if uses.conversations:
        lines.append(say("used_by_conversations", language, n=len(uses.conversations), names=_few(uses.conversations)))
    if uses.adapters:
        lines.append(say("used_by_adapters", language, n=len(uses.adapters), names=_few(uses.adapters)))
    is_folder = row.spec.source == "folder"
    lines.append(say("remove_folder_sure" if is_folder else "remove_sure", language, size=size(row.spec.size_bytes)))
    said = "".join(f'<span class="sure">{escape(line)}</span>' for line in lines)
    return (
        said
        + button("remove", model, say("remove", language), classes=DANGER)
        + button("keep", model, say("cancel", language))
    )


def _few(names: Sequence[str]) -> str:
    shown = [f"“{name[:40]}”" for name in names[:3]]
    return ", ".join(shown) + (" …" if len(names) > 3 else "")


def _licence(spec: ModelSpec) -> str:
    if not spec.licence_url.startswith("https://"):
        return escape(spec.licence)
    return f'<a href="{escape(spec.licence_url)}" target="_blank" rel="noreferrer noopener">{escape(spec.licence)}</a>'


def _languages(spec: ModelSpec, language: str) -> str:
    if not spec.languages:
        return ""
    shown = " ".join(spec.languages[:6]) + (f" +{len(spec.languages) - 6}" if len(spec.languages) > 6 else "")
    return f"<span>{escape(say('model_languages', language))} <b>{escape(shown)}</b></span>"


def _memory(row: ModelRow, language: str) -> str:
    told = _forecast_line(row.spec, row.forms, language)
    return f"<span>{escape(say('model_memory', language))} <b>{told}</b></span>" if told else ""


def _forecast_line(spec: ModelSpec, forms: Sequence[Form], language: str) -> str:
    """ "fp32 1.4 GB · bf16 724 MB …", each of which stays on one line."""
    parts = [f"{say(f'form_{form}', language)} {size(count)}" for form, count in forecasts(spec, forms).items()]
    return " · ".join(f'<span class="whole">{escape(part)}</span>' for part in parts)


# ── downloads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def downloads(rows: Sequence[ModelRow], speeds: Mapping[str, float], language: str) -> str:
    """What comes now, what is paused, and what failed."""
    parts = [_download(row, speeds.get(row.spec.id, 0.0), language) for row in rows]
    return f'<ul class="lines downloads">{"".join(parts)}</ul>' if parts else ""


def _download(row: ModelRow, bytes_per_second: float, language: str) -> str:
    model = row.spec.id
    share = row.done / row.total if row.total else 0.0
    facts = [say(f"model_{row.state}", language)]
    if row.total and row.state != "away":
        facts.append(f"{size(row.done)} / {size(row.total)}")
    if bytes_per_second:
        facts.append(say("per_second", language, size=size(int(bytes_per_second))))
        facts.append(say("time_left", language, time=duration((row.total - row.done) / bytes_per_second, language)))
    failed = (
        f'<p class="sure">{_with_link(row.error, language)}</p>'
        if row.error and row.state in ("paused", "away")
        else ""
    )
    if row.state in ("downloading", "waiting"):
        actions = button("pause", model, say("pause", language)) + button(
            "cancel", model, say("cancel_download", language)
        )
        actions = actions if row.job_id else ""
    else:
        word = "resume" if row.done else "try_again"
        actions = button("download", model, say(word, language), classes=STRONG)
        actions += button("cancel", model, say("cancel_download", language))
    bar = (
        f'<div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share * 100:.0f}"'
        f' aria-label="{escape(row.spec.name)}"><span style="width:{share:.1%}"></span></div>'
    )
    return (
        f'<li class="download download-{row.state}" data-model="{escape(model)}"><div class="line-title">{escape(row.spec.name)}</div>'
        f'{bar}<div class="mono">{escape(" · ".join(facts))}</div>{failed}<div class="item-actions">{actions}</div></li>'
    )


def _with_link(error: StudioError, language: str) -> str:
    """The sentence; where it names the page of a licence, that is a link."""
    said = escape(error.say(language))
    link = error.details.get("link")
    if not isinstance(link, str) or not link.startswith("https://"):
        return said
    anchor = f'<a href="{escape(link)}" target="_blank" rel="noreferrer noopener">{escape(link)}</a>'
    return said.replace(escape(link), anchor)


# ── memory and disk ───────────────────────────────────────────────────────────────────────────────────────────────────


def memory_bars(bars: Sequence[MemoryBar], language: str) -> str:
    """A bar for each device, with its numbers below it."""
    return "".join(_memory_bar(bar, language) for bar in bars) or empty(escape(say("device_unknown", language)))


def _memory_bar(bar: MemoryBar, language: str) -> str:
    parts = {name: getattr(bar, name) for name in ("loaded", "reserved", "training", "others", "free")}
    total = max(sum(parts.values()), 1)
    spans = "".join(
        f'<span class="part-{name}" style="width:{value / total:.2%}"></span>' for name, value in parts.items()
    )
    numbers = "".join(
        f'<li><span class="swatch part-{name}"></span>{escape(say(f"memory_{name}", language))} <b>{size(value) if value else 0}</b></li>'
        for name, value in parts.items()
        if value or name in ("loaded", "free")
    )
    title = f"{say(f'store_{bar.store}', language)} · {size(bar.total)}"
    return (
        f'<div class="memory"><div class="line-title">{escape(title)}</div>'
        f'<div class="memory-bar" role="img" aria-label="{escape(title)}">{spans}</div><ul class="legend">{numbers}</ul></div>'
    )


def loaded_rows(
    rows: Sequence[Mapping], names: Mapping[str, str], titles: Mapping[str, str], language: str, *, is_managed: bool
) -> str:
    """What is in memory: how big, where, by whom leased, how long idle. `titles` are of the person's own jobs, by id."""
    if not rows:
        return empty(escape(say("loaded_none", language)))
    parts = []
    for row in rows:
        model, leased_by = str(row["model"]), row["leased_by"]
        facts = [size(int(row["size_bytes"])), f"{row['device']} {row['dtype']}".strip()]
        if row["is_parked"]:
            facts.append(say("model_parked", language))
        facts += _users(leased_by, titles, language) or [_idle(float(row["idle_seconds"]), language)]
        is_pinned = bool(row["is_pinned"])
        actions = button(
            "unpin" if is_pinned else "pin",
            model,
            say("pinned" if is_pinned else "pin", language),
            is_pressed=is_pinned,
        )
        actions += button("unload", model, say("unload", language))
        parts.append(
            f'<li class="resident" data-model="{escape(model)}"><div class="line-title">● {escape(names.get(model, model))}</div>'
            f'<div class="mono">{escape(" · ".join(facts))}</div>'
            f'{f"""<div class="item-actions">{actions}</div>""" if is_managed else ""}</li>'
        )
    return f'<ul class="lines residents">{"".join(parts)}</ul>'


def _users(leased_by: Sequence[str], titles: Mapping[str, str], language: str) -> list[str]:
    """The person's own jobs by name; of others only how many."""
    own = [say("in_use_by", language, title=titles[job_id][:TITLE_LENGTH]) for job_id in leased_by if job_id in titles]
    others = sum(job_id not in titles for job_id in leased_by)
    return own + ([say("in_use_by_others", language, n=others)] if others else [])


def _idle(seconds: float, language: str) -> str:
    """In steps, so that the list does not change each second."""
    if seconds < 60:
        return say("idle_now", language)
    return say(
        "idle",
        language,
        time=duration(max(90.0, seconds // 60 * 60), language) if seconds >= 90 else duration(60, language),
    )


def disk_lines(folders: Sequence[tuple[str, str, int, int]], language: str) -> str:
    """(what, path, bytes free, bytes of all) of each disk that holds models or what people make."""
    lines = [
        f'<li><span>{escape(say(f"disk_{what}", language))}</span> <span class="mono">{escape(path)}</span> '
        f"<b>{escape(say('disk_free', language, free=size(free), total=size(total)))}</b></li>"
        for what, path, free, total in folders
    ]
    return f'<ul class="disk">{"".join(lines)}</ul>'


# ── a look before a download ──────────────────────────────────────────────────────────────────────────────────────────


def look_card(
    found: Candidate, language: str, *, is_here: bool, is_listed: bool, is_ours: bool, tasks: Sequence[str],
    forms: Sequence[Form], disk: tuple[int, int],
) -> str:  # fmt: skip
    """What a pasted name would be, and what can be done with it. `is_ours`: its files could go; `forms` are the smaller ones
    in which it could be loaded; `disk` is where models lie: bytes free, bytes of all.
    """
    spec = found.spec
    rows: list[tuple[str, str]] = []
    if spec.size_bytes:
        rows.append((say("look_here" if is_here else "look_size", language), escape(size(spec.size_bytes))))
    if not is_here:
        room = say("disk_free", language, free=size(disk[0]), total=size(disk[1]))
        rows.append((say("disk", language), escape(room)))
    if spec.licence:
        rows.append((say("licence", language), _licence(spec)))
    if tasks:
        rows.append((say("look_tasks", language), escape(" · ".join(tasks))))
    if spec.family:
        rows.append((say("look_family", language), f'<span class="mono">{escape(spec.family)}</span>'))
    if told := _forecast_line(spec, forms, language):
        rows.append((say("model_memory", language), told))
    if found.commit:
        rows.append((say("look_commit", language), f'<span class="mono">{escape(found.commit[:12])}</span>'))
    if found.files:
        names = ", ".join(found.files[:SHOWN_FILES]) + (" …" if len(found.files) > SHOWN_FILES else "")
        count = say("look_files", language, n=len(found.files))
        rows.append((count, f'<span class="mono">{escape(names)}</span>'))
    table = "".join(f"<dt>{escape(word)}</dt><dd>{value}</dd>" for word, value in rows)
    gated = f'<p class="too-large">{escape(say("look_gated", language))}</p>' if spec.is_gated else ""
    if found.refusal is not None:
        action = f'<p class="sure">{_with_link(found.refusal, language)}</p>'
        if is_here and is_ours:
            action += button("remove", spec.id, say("remove", language), classes=DANGER)
    elif not is_here:
        action = button("download", spec.id, say("download", language), classes=STRONG)
    elif is_listed:
        action = f'<span class="line-note">{escape(say("look_listed", language))}</span>'
    else:
        action = button("add", spec.id, say("add_to_list", language), classes=STRONG)
    return (
        f'<article class="card look"><div class="line-title">{escape(spec.name)}</div><dl>{table}</dl>{gated}'
        f'<div class="item-actions">{action}</div></article>'
    )

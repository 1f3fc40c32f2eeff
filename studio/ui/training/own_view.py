"""Data sets of one's own as the page shows them: where they may come from, what is at work on them, their captions. Knows no gradio.

Everything that a person, a model or a hub wrote is escaped here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.training.uploads.captions import BY_PERSON
from pipelines.types.dataset import LANGUAGES, CaptionDataResult, FetchDataResult
from pipelines.types.events import Loading, Progress
from studio.jobs.job import Job
from studio.library.datasets import Said
from studio.library.works import WORKS
from studio.ui.facts import error_line, size
from studio.ui.lists import button
from studio.ui.safe import escape
from studio.ui.words import say

ROWS = 12  # of captions on a page


@dataclass(frozen=True)
class DataJob:
    """A job on data sets, and the newest that it has told."""

    job: Job
    told: Loading | Progress | None


def ways(language: str) -> str:
    """Where data may come from besides the disk. What stands in its fields comes with every press."""
    kinds = "".join(f'<option value="{kind}">{escape(say(f"way_{kind}", language))}</option>' for kind in WORKS)
    starred, revision = escape(say("way_starred", language)), escape(say("way_revision", language))
    return (
        f'<form class="ways" onsubmit="return false"><h4>{escape(say("way_library", language))}</h4>'
        f'<div class="way"><select name="kind" aria-label="{escape(say("way_library", language))}">{kinds}</select>'
        f'<label><input type="checkbox" name="starred" id="training-way-starred"> {starred}</label>'
        f"{button('library', '', say('way_take', language))}</div>"
        f'<h4>{escape(say("way_hub", language))}</h4><div class="way">'
        f'<input type="text" name="name" maxlength="193" autocomplete="off" id="training-way-hub" '
        f'placeholder="{escape(say("way_hub_name", language))}" aria-label="{escape(say("way_hub_name", language))}">'
        f'<input type="text" name="revision" maxlength="200" autocomplete="off" value="main" aria-label="{revision}">'
        f"{button('fetch', '', say('way_fetch', language))}</div>"
        f'<p class="help">{escape(say("way_hub_help", language))}</p></form>'
    )


def data_jobs(rows: Sequence[DataJob], language: str) -> str:
    """What is at work on data sets, and what has just ended."""
    return "".join(_data_job(row, language) for row in rows)


def _data_job(row: DataJob, language: str) -> str:
    job = row.job
    note, actions = say(f"state_{job.state}", language), ""
    if not job.is_ended:
        actions = button("stop", job.id, say("stop", language))
        if isinstance(row.told, Loading):
            note = say("data_doing_bytes", language, done=size(row.told.done), total=size(row.told.total))
        elif isinstance(row.told, Progress):
            note = say("data_doing_pictures", language, done=row.told.done, total=row.told.total)
    elif job.error is not None:
        note = error_line(job.error, language)
    elif isinstance(job.result, FetchDataResult) and job.state == "done":
        words = "data_fetched" if job.result.dataset else "data_fetched_nothing"
        note = say(words, language, n=f"{job.result.count:,}", found=f"{job.result.found:,}")
        actions = button("choose", job.result.dataset, say("data_choose", language)) if job.result.dataset else ""
    elif isinstance(job.result, CaptionDataResult):
        done = job.result
        note = say("data_captioned", language, written=done.written, unknown=done.unknown, kept=done.kept)
        actions = button("captions", done.dataset, say("captions_show", language))
    kind = say(f"job_{job.request.kind}", language)
    title = f"{kind}: {job.title}"
    return (
        f'<div class="notice data-job data-job-{escape(job.state)}"><span>{escape(title)}</span> '
        f'<span class="mono" role="status">{escape(note)}</span> {actions}</div>'
    )


def caption_table(
    dataset: str, said: Sequence[Said], number: int, models: Sequence[tuple[str, str]], language: str
) -> str:
    """Page `number` of the pictures or sounds with their captions; `models` are (label, id) of those that describe pictures."""
    pages = max(1, -(-len(said) // ROWS))
    number = min(max(number, 0), pages - 1)
    shown = said[number * ROWS : (number + 1) * ROWS]
    rows = "".join(_row(dataset, one, language) for one in shown)
    facts = say("captions_page", language, first=number * ROWS + 1, last=number * ROWS + len(shown), total=len(said))
    back = button("page", f"{dataset}:{number - 1}", say("captions_back", language)) if number else ""
    on = button("page", f"{dataset}:{number + 1}", say("captions_next", language)) if number + 1 < pages else ""
    auto = _auto(dataset, models, language) if any(one.media.endswith(".png") for one in said) else ""
    close = button("close", dataset, say("captions_hide", language))
    return (
        f'<div class="captions"><p class="help">{escape(say("captions_saved_help", language))}</p>{auto}'
        f'<div class="caption-rows">{rows}</div>'
        f'<div class="item-actions"><span class="mono">{escape(facts)}</span>{back}{on}{close}</div></div>'
    )


def _row(dataset: str, one: Said, language: str) -> str:
    url = f"media/data/{escape(dataset)}/{escape(one.media)}"
    name = one.file.rpartition("/")[2] or one.media
    if one.media.endswith(".png"):
        media = f'<img src="{url}" alt="{escape(name)}" loading="lazy">'
    else:
        media = f'<audio controls preload="none" src="{url}" aria-label="{escape(name)}"></audio>'
    by = ""
    if one.caption and one.by:
        words = "captions_by_person" if one.by == BY_PERSON else "captions_by_model"
        by = say(words, language, model=one.by)
    note = " · ".join(part for part in (name, one.label, by) if part)
    return (
        f'<div class="caption-row">{media}<div><textarea rows="2" data-set="{escape(dataset)}" '
        f'data-number="{one.number}" aria-label="{escape(say("captions_of", language, file=name))}">'
        f'{escape(one.caption)}</textarea><small class="mono">{escape(note)}</small></div></div>'
    )


def _auto(dataset: str, models: Sequence[tuple[str, str]], language: str) -> str:
    """Let a model caption them."""
    if not models:
        return f'<p class="help">{escape(say("captions_no_model", language))}</p>'
    offered = "".join(f'<option value="{escape(model)}">{escape(label)}</option>' for label, model in models)
    tongues = "".join(
        f'<option value="{code}"{" selected" if code == language else ""}>{escape(say(f"tongue_{code}", language))}</option>'
        for code in LANGUAGES
    )
    return (
        f'<div class="way"><label>{escape(say("captions_auto", language))} '
        f'<select name="model">{offered}</select></label>'
        f'<select name="language" aria-label="{escape(say("captions_in", language))}">{tongues}</select>'
        f'<label><input type="checkbox" name="overwrite" id="training-captions-overwrite"> '
        f"{escape(say('captions_overwrite', language))}</label>"
        f"{button('caption-all', dataset, say('captions_start', language))}</div>"
    )

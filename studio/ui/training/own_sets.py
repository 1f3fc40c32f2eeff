"""Data sets of one's own on the left side of the Training tab: out of the library, from the hub, and their captions."""

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.requests import MalformedRequest
from pipelines.types.dataset import CaptionDataRequest, FetchDataRequest
from pipelines.types.events import Loading, Progress
from studio.identity import GUEST
from studio.jobs.job import Job, event_of
from studio.library.datasets import OwnDataset, Report
from studio.library.works import WORKS, works
from studio.services import Services
from studio.ui.components import model_choices, pressed, quietly
from studio.ui.i18n import language
from studio.ui.told import inform, told
from studio.ui.training import own_view, view
from studio.ui.training.layout import Parts
from studio.ui.training.own_view import DataJob
from studio.ui.words import say

Updates = dict[Any, Any]
JOBS_SHOWN = 2  # that have ended, besides those at work
AT_WORK = 8  # jobs of a kind that are looked at: as many as one person may have
CAPTIONING = "icon-names"  # the starter that is offered first


class OwnSets:
    """`take(kept, trainer, preset, request)` shows what was just kept, `choose(trainer, preset, request, wanted)` chooses a data set,
    `refuse(owner)` refuses whoever would not find it again."""

    def __init__(
        self,
        services: Services,
        parts: Parts,
        take: Callable[[OwnDataset | Report, str, str, gr.Request], Updates],
        choose: Callable[[str, str, str, gr.Request], Updates],
        refuse: Callable[[str], None],
    ) -> None:
        self._services, self._parts = services, parts
        self._take, self._choose, self._refuse = take, choose, refuse

    def wire(self, of_trainer: list[Any]) -> None:
        """`of_trainer` are the parts that change with a choice."""
        p, quiet = self._parts, quietly()
        chosen = [p.trainer, p.preset]
        p.ways.click(told(self._way), chosen, [p.trainer, *of_trainer], **quiet)
        p.data_jobs.click(told(self._press_job), chosen, [p.trainer, *of_trainer, p.captions], **quiet)
        p.data.click(told(self._open), None, p.captions, **quiet)
        p.captions.click(told(self._press_captions), None, [p.captions, p.data], **quiet)
        p.dataset.change(None, None, p.captions, js="() => ''", api_visibility="private")

    def load(self, blocks: gr.Blocks) -> None:
        """Fill in when the page is opened."""
        blocks.load(self._ways, None, self._parts.ways, **quietly())

    def _ways(self, request: gr.Request) -> str:
        return own_view.ways(language(request))

    # ── where they come from ─────────────────────────────────────────────────────────────────────────────────────────

    def _way(self, trainer: str, preset: str, event: gr.EventData, request: gr.Request) -> Updates:
        """Out of the library at once, from the hub as a job. Raises what `works`, `add` and `submit` raise."""
        owner, lang = self._services.identity.who(request), language(request)
        self._refuse(owner)
        action, filled = pressed(event)[0], _values(pressed(event)[1])
        if action == "fetch":
            asked = FetchDataRequest(str(filled.get("name", "")).strip(), str(filled.get("revision") or "main").strip())
            self._services.jobs.submit(owner, asked)
            return {self._parts.dataset: gr.skip()}
        kind = next((one for one in WORKS if one == filled.get("kind")), WORKS[0])
        into = Path(tempfile.mkdtemp(prefix="studio-works-"))
        try:
            only_starred = filled.get("starred") is True
            files = works(self._services.creations, owner, kind, into, only_starred=only_starred)
            kept = self._services.datasets.add(owner, say(f"library_title_{kind}", lang), files)
        finally:
            shutil.rmtree(into, ignore_errors=True)
        return self._take(kept, trainer, preset, request)

    def jobs(self, owner: str, lang: str) -> str:
        """What is at work on this person's data sets, as HTML."""
        if owner == GUEST:
            return ""
        jobs = self._services.jobs
        found = sorted(
            [*jobs.of_kind(owner, "fetch_data", AT_WORK), *jobs.of_kind(owner, "caption_data", AT_WORK)],
            key=lambda job: job.created, reverse=True,
        )  # fmt: skip
        ended = [job for job in found if job.is_ended][:JOBS_SHOWN]
        return own_view.data_jobs([self._told(job) for job in found if not job.is_ended or job in ended], lang)

    def _told(self, job: Job) -> DataJob:
        newest: Loading | Progress | None = None
        if not job.is_ended:
            with suppress(NotFound):
                for line in self._services.jobs.folder(job.owner, job.id).reader().read():
                    event = event_of(line)
                    if event is not None and isinstance(event.data, Loading | Progress):
                        newest = event.data
        return DataJob(job, newest)

    def _press_job(self, trainer: str, preset: str, event: gr.EventData, request: gr.Request) -> Updates:
        """Stop a job, or go to what came of it. Raises NotFound."""
        owner = self._services.identity.who(request)
        match pressed(event):
            case ("stop", which):
                self._services.jobs.cancel(owner, which)
            case ("choose", which):
                return self._choose(trainer, preset, which, request)
            case ("captions", which):
                return {self._parts.captions: self._table(owner, which, 0, language(request))}
        return {self._parts.captions: gr.skip()}

    # ── captions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, event: gr.EventData, request: gr.Request) -> Any:
        """The captions of a data set, asked for on its card. Raises NotFound."""
        action, which = pressed(event)
        if action != "captions":
            return gr.skip()
        return self._table(self._services.identity.who(request), which, 0, language(request))

    def _press_captions(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Turn a page, keep a caption, let a model write them. Raises NotFound, MalformedRequest, and what `submit` raises."""
        p, owner, lang = self._parts, self._services.identity.who(request), language(request)
        action, filled = pressed(event)[0], _values(pressed(event)[1])
        which = str(filled.get("id", ""))
        match action:
            case "page":
                dataset, _, number = which.partition(":")
                if not number.lstrip("-").isdecimal():
                    raise NotFound(thing="page")
                return {p.captions: self._table(owner, dataset, int(number), lang)}
            case "close":
                return {p.captions: ""}
            case "caption":
                row, text = filled.get("number"), filled.get("caption")
                if not isinstance(row, int) or not isinstance(text, str):
                    raise MalformedRequest(reason="a caption is a text for a row")
                self._services.datasets.say(owner, which, row, text)
                return {p.data: view.own_card(self._services.datasets.get(owner, which), lang)}
            case "caption-all":
                self._refuse(owner)
                title = self._services.datasets.get(owner, which).title
                tongue, is_over = str(filled.get("language", "en")), filled.get("overwrite") is True
                asked = CaptionDataRequest(which, str(filled.get("model", "")), tongue, is_over, title)
                self._services.jobs.submit(owner, asked)
                inform("captions_begun", lang)
        return {p.captions: gr.skip()}

    def _table(self, owner: str, dataset: str, number: int, lang: str) -> str:
        models = model_choices(self._services, "caption", lang)
        models.sort(key=lambda row: row[1] != CAPTIONING)
        return own_view.caption_table(dataset, self._services.datasets.said(owner, dataset), number, models, lang)


def _values(told: str) -> dict[str, Any]:
    """What stood in the fields, as the browser told it."""
    try:
        values = json.loads(told)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}

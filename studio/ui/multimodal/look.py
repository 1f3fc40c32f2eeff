"""Look: what is on a picture, in names or in sentences, the answer to a question about it, and what is asked on from there.

A talk about a picture is a chain of jobs: each holds the picture and all that was said before, so whichever is opened shows
the whole of it up to there, and can be gone on with.
"""

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.requests import EmptyPrompt, InvalidRequest
from pipelines.pictures.files import open_picture
from pipelines.provenance import recipe
from pipelines.types.caption import CaptionRequest, CaptionResult, Exchange
from pipelines.types.model import ModelSpec
from studio.jobs.job import Job
from studio.library.creations import Creation
from studio.library.pictures import thumbnail
from studio.ui.audio import layout
from studio.ui.audio.files import Given
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.audio.view import again_action
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.image.files import png
from studio.ui.image.picture_box import url_of
from studio.ui.multimodal import look_view as view
from studio.ui.stage import PageMemory, Scene
from studio.ui.told import inform, told
from studio.ui.watchers import Updates
from studio.ui.working import Working

LANGUAGES = ("en", "zh")
WHATS = ("see", "read")


@dataclass(frozen=True)
class Looked:
    """What stands on the stage: the picture, what was said about it from the beginning, and its creation, where it is kept."""

    picture: bytes
    said: tuple[Exchange, ...]
    keep: bool
    parents: tuple[str, ...]


class Look(SoundPanel):
    area = "look"
    request_class = CaptionRequest
    task = "caption"
    kept_as = "text"

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                picture = gr.Image(
                    type="filepath", format="png", image_mode=None, sources=["upload", "clipboard"], label=t("look_picture"),
                    height=240, buttons=[], elem_id="look-picture",
                )  # fmt: skip
                made["what"] = gr.Radio(
                    [(t(f"look_what_{what}"), what) for what in WHATS], value=WHATS[0], label=t("look_what"), elem_id="look-what",
                    elem_classes="segmented",
                )  # fmt: skip
                made["question"] = gr.Textbox(
                    label=t("look_question"), info=t("look_question_help"), placeholder=t("look_question_hint"), max_lines=4,
                    elem_id="look-question",
                )  # fmt: skip
                made["model"] = layout.model(self._services, "look", self.models("en"), self.first_model())
                made["language"] = gr.Radio(
                    [(t(f"tongue_{code}"), code) for code in LANGUAGES], value="en", label=t("look_language"),
                    elem_id="look-language", elem_classes="segmented",
                )  # fmt: skip
                made["private"] = layout.private("look")
                (run,), stop = layout.runs("look", "look_run")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                shown = layout.stage("look")
                others = self._lay_out_further()
        recent = layout.recent("look")
        return Parts(made, {"image": picture}, ((run, {}),), stop, **shown, recent=recent, others=others)

    def _lay_out_further(self) -> dict[str, Any]:
        """Seen where something was said about a picture (assets/css/studio.css)."""
        with gr.Column(elem_id="look-further"):
            offer = gr.HTML("", elem_id="look-note", elem_classes="notice", visible=False)
            with gr.Row(elem_classes="tight composer"):
                further = gr.Textbox(
                    show_label=False, container=False, label=t("look_further"), placeholder=str(t("look_further_hint")),
                    max_lines=4, scale=8, min_width=160, elem_id="look-further-question",
                )  # fmt: skip
                ask = gr.Button(t("look_ask"), variant="primary", scale=1, min_width=72, elem_id="look-ask")
        return {"offer": offer, "further": further, "ask": ask}

    def _wire(self) -> None:
        super()._wire()
        further, ask, s = self.parts.others["further"], self.parts.others["ask"], self.parts.settings
        asking = {further, s["model"], s["language"], s["private"], self.shown, self.job, self.memory}
        asked = [*self.show_outputs, further]
        gr.on([further.submit, ask.click], told(self._ask_further), asking, asked, **quietly())

    @property
    def load_outputs(self) -> list[Any]:
        return [*self.show_outputs, *self.fresh]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        return {**super()._load(saved, request), **{part: show(language(request)) for part, show in self.fresh.items()}}

    @property
    def rows(self) -> list[ModelSpec]:
        catalog = self._services.catalog
        return list({row.id: row for task in ("caption", "read-picture") for row in catalog.rows(task)}.values())

    @property
    def fresh(self) -> dict[Any, Callable[[str], Any]]:
        """What shows which models there are, and how it does, by language."""
        model = self.parts.settings["model"]
        return {model: lambda lang: gr.update(choices=self.models(lang)), self.parts.others["offer"]: self._noted}

    def _noted(self, lang: str) -> Any:
        """Which models could talk about a picture, where none is here."""
        rows = self._services.catalog.rows("ask-picture")
        is_there = any(self._services.catalog.is_on_disk(row) for row in rows)
        return gr.update(value="" if is_there else view.no_model(rows, lang), visible=not is_there)

    def asked(self, values: Mapping[str, Any]) -> tuple[CaptionRequest, dict[str, Given]]:
        """Raises UnreadablePicture or PictureTooLarge."""
        path = values["image"]
        given = Given(path, png(open_picture(Path(path)))) if isinstance(path, str) and path else None
        model, question = (str(values[name] or "").strip() for name in ("model", "question"))
        reads = values["what"] == "read"
        asked = CaptionRequest(
            model, question="" if reads else question, language=str(values["language"] or ""), reads=reads
        )
        return asked, {"image": given} if given else {}

    def boxed(self, data: bytes) -> str:
        return save_bytes_to_cache(data, "picture.png", get_upload_folder())

    def filled(self, asked: CaptionRequest) -> Updates:
        s = self.parts.settings
        tongue = asked.language if asked.language in LANGUAGES else LANGUAGES[0]
        what = WHATS[asked.reads]
        return {s["what"]: what, s["model"]: asked.model, s["question"]: asked.question, s["language"]: tongue}

    # ── asking on ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask_further(self, values: Updates, request: gr.Request) -> Updates:
        """Ask about the picture on the stage, with all that was said about it. Whatever is refused leaves the box as it is."""
        owner, s = self._services.identity.who(request), self.parts.settings
        before = self._looked(owner, values[self.shown], values[self.job], values[self.memory])
        question, model = (str(values[part] or "").strip() for part in (self.parts.others["further"], s["model"]))
        if not question:
            raise EmptyPrompt()
        asked = CaptionRequest(model, question=question, language=str(values[s["language"]] or ""), earlier=before.said)
        job = self._services.jobs.submit(
            owner, asked, keep=before.keep and not values[s["private"]], files={"image": before.picture}, parents=before.parents
        )  # fmt: skip
        return {**self.show("follow", job.id, is_kept=job.keep), self.parts.others["further"]: ""}

    def _looked(self, owner: str, shown: tuple[str, str], job_id: str, memory: PageMemory) -> Looked:
        """Raises NotFound."""
        # 1 What is kept
        what, which = shown
        unkept = memory.get(owner, job_id)
        job = self._job(owner, job_id) or (unkept[0] if unkept else None)
        kept = self._creation_of(owner, job) if job is not None else None
        if what == "creation":
            kept = self._services.creations.get(owner, which)
        if kept is not None:
            return self._looked_in_library(owner, kept)

        # 2 What is not, or not yet: its picture is with its job, or with this page
        if job is None or not isinstance(job.request, CaptionRequest):
            raise NotFound(thing="picture")
        said = job.request.earlier
        result = job.result if isinstance(job.result, CaptionResult) else None
        if result is not None and result.is_known and (result.text or result.finish_reason != "cancelled"):
            said = _said(job.request, result.text)
        if unkept is not None and "image" in unkept[1]:
            return Looked(base64.b64decode(unkept[1]["image"].partition(",")[2]), said, job.keep, ())
        try:
            files = self._services.jobs.folder(owner, job_id).files(job.request)
        except FileNotFoundError as error:
            raise NotFound(thing="picture") from error
        return Looked(files["image"], said, job.keep, ())

    def _looked_in_library(self, owner: str, creation: Creation) -> Looked:
        asked = _asked_for(creation)
        picture = self._services.creations.parts(owner, creation.id, ("image",)).get("image")
        if asked is None or picture is None:
            raise NotFound(thing="picture")
        text = self._services.creations.text(owner, creation.id).strip()
        return Looked(picture, _said(asked, text), True, (creation.id,))

    def _press(self, event: gr.EventData, request: gr.Request) -> Updates:
        updates = super()._press(event, request)
        match pressed(event):
            case ("use", creation_id):
                creation = self._services.creations.get(self._services.identity.who(request), creation_id)
                if (asked := _asked_for(creation)) and asked.earlier:
                    inform("look_begins_anew", language(request))
        return updates

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _working_stage(self, scene: Scene, mine: Working, now: float) -> Updates:
        updates, asked = super()._working_stage(scene, mine, now), mine.job.request
        if isinstance(asked, CaptionRequest) and asked.question:
            updates[self.parts.stage] = view.working_stage(asked, mine.live, scene.language)
        return updates

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        creation, result = outcome.creation, outcome.result
        facts = view.facts(result, self.model_name(result.model), language) if result else ""
        if creation is not None:
            url = self.url_of_part(creation, "image")
            text = result.text if result else self._services.creations.text(creation.owner, creation.id).strip()
            asked = _asked_for(creation) or CaptionRequest("")
            actions = view.actions(creation, outcome.job.id if outcome.job else "", language)
            return view.stage(url, text, result, language, asked), facts, actions
        if result is None or outcome.job is None:
            return "", "", ""
        url = outcome.urls.get("image") or self._seen(outcome.job)
        request = outcome.job.request
        assert isinstance(request, CaptionRequest)
        stage = view.stage(url, result.text, result, language, request)
        is_stopped = outcome.job.keep and result.finish_reason == "cancelled"
        return stage, facts, again_action(outcome.job.id, language) if is_stopped else ""

    def _seen(self, job: Job) -> str:
        """The picture, small, of a job of which nothing was kept; "" where it is gone."""
        with suppress(NotFound, FileNotFoundError):
            files = self._services.jobs.folder(job.owner, job.id).files(job.request)
            return url_of(thumbnail(open_picture(files["image"])), "image/webp") if "image" in files else ""
        return ""


def _asked_for(creation: Creation) -> CaptionRequest | None:
    """What a creation was asked for with. A recipe may be anything."""
    with suppress(InvalidRequest, KeyError, TypeError, ValueError):
        asked = recipe.request_of(creation.recipe)
        return asked if isinstance(asked, CaptionRequest) else None
    return None


def _said(asked: CaptionRequest, answer: str) -> tuple[Exchange, ...]:
    """All that was said; an `answer` is "" where the model had none."""
    return (*asked.earlier, Exchange(view.question_of(asked), answer))

"""Look: what is on a picture, in names or in sentences, or the answer to a question about it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.pictures import open_picture
from pipelines.types.caption import CaptionRequest
from pipelines.types.model import ModelSpec
from studio.jobs.job import Job
from studio.library.pictures import thumbnail
from studio.ui.audio import layout
from studio.ui.audio.files import Given
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome, Updates
from studio.ui.audio.view import text_actions
from studio.ui.i18n import language, t
from studio.ui.image.files import png
from studio.ui.image.picture_box import url_of
from studio.ui.multimodal import look_view as view

LANGUAGES = ("en", "zh")
WHATS = ("see", "read")
FORMATS = (("MD", ""),)  # with its recipe at the end


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
        return Parts(made, {"image": picture}, ((run, {}),), stop, **shown, recent=layout.recent("look"))

    @property
    def load_outputs(self) -> list[Any]:
        return [*self.show_outputs, self.parts.settings["model"]]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        return {**super()._load(saved, request), **{part: show(language(request)) for part, show in self.fresh.items()}}

    @property
    def rows(self) -> list[ModelSpec]:
        catalog = self._services.catalog
        return list({row.id: row for task in ("caption", "read-picture") for row in catalog.rows(task)}.values())

    @property
    def fresh(self) -> dict[Any, Callable[[str], Any]]:
        """What shows which models there are, and how it does, by language."""
        return {self.parts.settings["model"]: lambda lang: gr.update(choices=self.models(lang))}

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

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        creation, result = outcome.creation, outcome.result
        facts = view.facts(result, self.model_name(result.model), language) if result else ""
        if creation is not None:
            url = self.url_of_part(creation, "image")
            text = result.text if result else self._services.creations.text(creation.owner, creation.id).strip()
            actions = text_actions(creation.id, language, is_starred=creation.is_starred, formats=FORMATS)
            return view.stage(url, text, result, language), facts, actions
        if result is None:
            return "", "", ""
        return (
            view.stage(outcome.urls.get("image") or self._seen(outcome.job), result.text, result, language),
            facts,
            "",
        )

    def _seen(self, job: Job | None) -> str:
        """The picture, small, of a job of which nothing was kept; "" where it is gone."""
        if job is None:
            return ""
        with suppress(NotFound, FileNotFoundError):
            files = self._services.jobs.folder(job.owner, job.id).files(job.request)
            return url_of(thumbnail(open_picture(files["image"])), "image/webp") if "image" in files else ""
        return ""

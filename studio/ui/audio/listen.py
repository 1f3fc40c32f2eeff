"""Listen: a recording is written down, with its times, or translated into English."""

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.types.speech import Sentence
from pipelines.types.transcription import TranscribeRequest, TranscribeTask
from studio.services import Services
from studio.ui.audio import layout, view
from studio.ui.audio.files import Given, sound
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.i18n import language, t
from studio.ui.watchers import Updates

TONGUES = ("en", "zh", "ja", "ko", "de", "fr", "es", "it", "pt", "ru", "nl", "pl", "tr", "ar")


class Listen(SoundPanel):
    area = "listen"
    request_class = TranscribeRequest
    task = "transcribe"
    kept_as = "text"

    def __init__(self, services: Services, wish: gr.State) -> None:
        super().__init__(services, wish)

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                audio = layout.sound_box("listen", "audio", "listen_audio")
                made["model"] = layout.model(self._services, "listen", self.models("en"), self.first_model())
                made["task"] = gr.Radio(
                    [(t("listen_transcribe"), "transcribe"), (t("listen_translate"), "translate-speech")], value="transcribe",
                    label=t("listen_task"), elem_id="listen-task", elem_classes="segmented",
                )  # fmt: skip
                tongues = [(t("tongue_auto"), ""), *((t(f"tongue_{code}"), code) for code in TONGUES)]
                made["language"] = gr.Dropdown(tongues, value="", label=t("listen_language"), info=t("listen_language_help"), elem_id="listen-language", allow_custom_value=True)  # fmt: skip
                made["private"] = layout.private("listen")
                (run,), stop = layout.runs("listen", "listen_run")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                shown = layout.stage("listen")
        return Parts(made, {"audio": audio}, ((run, {}),), stop, **shown, recent=layout.recent("listen"))

    @property
    def load_outputs(self) -> list[Any]:
        return [*self.show_outputs, self.parts.settings["model"]]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        choices = gr.update(choices=self.models(language(request)))
        return {**super()._load(saved, request), self.parts.settings["model"]: choices}

    def asked(self, values: Mapping[str, Any]) -> tuple[TranscribeRequest, dict[str, Given]]:
        given = sound(values["audio"])
        task: TranscribeTask = "translate-speech" if values["task"] == "translate-speech" else "transcribe"
        model, tongue = str(values["model"] or "").strip(), str(values["language"] or "")
        return TranscribeRequest(model, task, language=tongue), {"audio": given} if given else {}

    def filled(self, asked: TranscribeRequest) -> Updates:
        s = self.parts.settings
        return {s["model"]: asked.model, s["task"]: asked.task, s["language"]: asked.language}

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        creation, result = outcome.creation, outcome.result
        facts = view.transcript_facts(result, self.model_name(result.model), language) if result else ""
        if creation is None:
            if result is None:
                return "", "", ""
            url = next((url for name, url in outcome.urls.items() if name == "audio"), "")
            return view.transcript_stage(url, result.segments, language), facts, ""
        found = self._services.creations.parts(creation.owner, creation.id, ["segments"])
        kept = json.loads(found["segments"])["segments"] if found else []
        segments = [Sentence(**segment) for segment in kept]
        stage = view.transcript_stage(self.url_of_part(creation, "audio"), segments, language)
        actions = view.text_actions(creation.id, language, is_starred=creation.is_starred)
        return stage, facts, actions

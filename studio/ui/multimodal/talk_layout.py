"""The parts of Talk and where they stand. Knows nothing of what they do (`talk.py`)."""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.services import Services
from studio.ui.components import first_model, items, model_choices
from studio.ui.i18n import t
from studio.ui.safe import escape
from studio.ui.words import WORDS

TONGUES = ("en", "zh", "ja", "ko", "de", "fr", "es", "it", "pt", "ru")
IN_BROWSER = (
    "talk_hold", "talk_release", "talk_press_end", "talk_free", "talk_waits", "talk_opening", "talk_short",
    "talk_no_microphone", "talk_long",
)  # fmt: skip


@dataclass(frozen=True)
class TalkParts:
    """`settings` are kept in the browser, by name."""

    settings: dict[str, Any]
    button: gr.HTML
    text: gr.Textbox
    send: gr.Button
    stop: gr.Button
    notice: gr.HTML
    stage: gr.HTML
    voice: gr.HTML
    facts: gr.HTML
    actions: gr.HTML


def lay_out(services: Services) -> TalkParts:
    made: dict[str, Any] = {}
    with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            button = talk_button()
            text = gr.Textbox(label=t("talk_type"), placeholder=str(t("composer")), max_lines=6, elem_id="talk-text", max_length=20_000)  # fmt: skip
            with gr.Row(elem_classes="tight runs"):
                send = gr.Button(t("send"), variant="primary", elem_id="talk-send", elem_classes="studio-run", scale=3, min_width=96)  # fmt: skip
                stop = gr.Button(t("stop"), elem_id="talk-stop", elem_classes="studio-stop", scale=1, min_width=96, interactive=False)  # fmt: skip
            notice = gr.HTML("", elem_id="talk-notice", elem_classes="notice", visible=False)
            is_demo = services.settings.is_public_demo
            made["model"] = gr.Dropdown(
                model_choices(services, "chat", "en"), value=first_model(services, "chat"), label=t("talk_model"),
                elem_id="talk-model", allow_custom_value=not is_demo,
            )  # fmt: skip
            voices = _voices(services)
            with gr.Row(elem_classes="tight sizes"):
                made["voice"] = gr.Dropdown(voices, value=voices[0] if voices else None, label=t("speak_voice"), elem_id="talk-voice", min_width=120)  # fmt: skip
                tongues = [(t("tongue_auto"), ""), *((t(f"tongue_{code}"), code) for code in TONGUES)]
                made["language"] = gr.Dropdown(tongues, value="", label=t("talk_language"), elem_id="talk-language", min_width=120)  # fmt: skip
            made["private"] = gr.Checkbox(False, label=t("private"), info=t("private_help"), elem_id="talk-private")
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            stage = items("talk-stage")
            voice = gr.HTML("", elem_id="talk-spoken")
            facts = gr.HTML("", elem_id="talk-facts", elem_classes="facts")
            actions = items("talk-actions")
    return TalkParts(made, button, text, send, stop, notice, stage, voice, facts, actions)


def talk_button() -> gr.HTML:
    """The button that is held. Its script is assets/js/talk.js; it tells "click" when a person begins to speak, and "upload"
    {"name", "data", "size"} of what they said."""
    words = json.dumps({key.removeprefix("talk_"): WORDS[key] for key in IN_BROWSER})
    return gr.HTML(
        html_template=f'<div class="talk-control" data-words="{escape(words)}"></div>',
        js_on_load="window.studioTalk(element, trigger)",
        elem_id="talk-button",
    )


def _voices(services: Services) -> list[str]:
    speaker = first_model(services, "speech")
    spec = next((row for row in services.catalog.rows("speech") if row.id == speaker), None)
    return list(spec.voices) if spec else []

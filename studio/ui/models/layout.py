"""The parts of the Models tab and where they stand. Knows nothing of what they do (`tabs/models.py`)."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.ui.components import items, small
from studio.ui.i18n import t
from studio.ui.models.rows import SIZES

GROUPS = {  # what models are looked for by → the key of its words
    "chat": "chat",
    "continue": "task_continue",
    "fill-mask": "task_fill-mask",
    "poem": "task_poem",
    "text-to-image": "mode_text-to-image",
    "image-to-image": "mode_image-to-image",
    "inpaint": "mode_inpaint",
    "edit": "mode_edit",
    "upscale": "mode_upscale",
    "caption": "job_caption",
    "read-picture": "look_what_read",
    "speech": "job_speech",
    "transcribe": "job_transcribe",
    "music": "job_music",
    "sound": "job_sound",
    "text-to-video": "job_video",
    "classify": "group_classify",
    "classify-text": "group_classify-text",
    "classify-sound": "group_classify-sound",
    "embed": "group_embed",
    "embed-together": "group_embed-together",
}


@dataclass(frozen=True)
class AddParts:
    """A name to paste, what it would be, and the token for the hub."""

    name: gr.Textbox
    look: gr.Button
    found: gr.HTML
    token: gr.Textbox
    keep_token: gr.Button
    forget_token: gr.Button
    token_state: gr.HTML


@dataclass(frozen=True)
class MachineParts:
    """What this machine has and holds."""

    memory: gr.HTML
    loaded: gr.HTML
    disk: gr.HTML


@dataclass(frozen=True)
class ListParts:
    """What comes, and the catalog with what narrows it."""

    downloads: gr.HTML
    words: gr.Textbox
    task: gr.Dropdown
    size: gr.Dropdown
    licence: gr.Dropdown
    fitting: gr.Checkbox
    here: gr.Checkbox
    count: gr.HTML
    cards: gr.HTML

    @property
    def filters(self) -> list[Any]:
        return [self.words, self.task, self.size, self.licence, self.fitting, self.here]


@dataclass(frozen=True)
class Parts(ListParts, MachineParts, AddParts):
    """Left the machine and what can be added, right what there is."""


def lay_out(*, is_managed: bool) -> Parts:
    with gr.Row(elem_classes="studio-columns models-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            add = _add(is_managed)
            machine = _machine(is_managed)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            listed = _list()
    return Parts(**vars(add), **vars(machine), **vars(listed))


def _add(is_managed: bool) -> AddParts:
    with gr.Column(elem_classes="studio-card", visible=is_managed):
        gr.Markdown(f"**{t('add_model')}**")
        name = gr.Textbox(
            label=t("add_model"), show_label=False, info=t("add_model_help"), placeholder=t("add_model_hint"),
            max_lines=1, elem_id="models-name",
        )  # fmt: skip
        look = gr.Button(t("look"), variant="primary", elem_id="models-look")
        found = items("models-found")
        with gr.Accordion(t("hub_token"), open=False, elem_id="models-token-part"):
            gr.Markdown(t("hub_token_help"))
            token_state = gr.HTML("", elem_id="models-token-state", elem_classes="line-note")
            token = gr.Textbox(
                label=t("hub_token"), show_label=False, type="password", max_lines=1, placeholder="hf_…",
                elem_id="models-token",
            )  # fmt: skip
            with gr.Row(elem_classes="tight"):
                keep_token = small("save", "models-token-keep")
                forget_token = small("forget", "models-token-forget")
    return AddParts(name, look, found, token, keep_token, forget_token, token_state)


def _machine(is_managed: bool) -> MachineParts:
    with gr.Column(elem_classes="studio-card"):
        gr.Markdown(f"**{t('memory')}**")
        memory = gr.HTML("", elem_id="models-memory")
        gr.Markdown(f"**{t('loaded_models')}**")
        loaded = items("models-loaded")
    with gr.Column(elem_classes="studio-card", visible=is_managed):  # strangers see no paths
        gr.Markdown(f"**{t('disk')}**")
        disk = gr.HTML("", elem_id="models-disk")
    return MachineParts(memory, loaded, disk)


def _list() -> ListParts:
    downloads = items("models-downloads")
    every = (t("any"), "")
    with gr.Row(elem_classes="library-bar models-filters"):
        words = gr.Textbox(
            label=t("library_search"), placeholder=t("models_search_hint"), max_lines=1, scale=3, min_width=200,
            elem_id="models-search",
        )  # fmt: skip
        task = gr.Dropdown(
            [every, *((t(key), task) for task, key in GROUPS.items())], value="", label=t("task_of_model"), scale=2,
            min_width=120, elem_id="models-task",
        )  # fmt: skip
        size = gr.Dropdown(
            [every, *((t(f"size_{name}"), name) for name in SIZES)], value="", label=t("size_on_disk"), scale=2,
            min_width=120, elem_id="models-size",
        )  # fmt: skip
        licence = gr.Dropdown(
            [every, (t("licence_free"), "free"), (t("licence_conditions"), "conditions")], value="",
            label=t("licence"), scale=2, min_width=120, elem_id="models-licence",
        )  # fmt: skip
    with gr.Row(elem_classes="tight models-marks"):
        count = gr.HTML("", elem_id="models-count", elem_classes="line-note")
        fitting = gr.Checkbox(False, label=t("only_fitting"), container=False, min_width=0, elem_id="models-fitting")
        here = gr.Checkbox(False, label=t("only_here"), container=False, min_width=0, elem_id="models-here")
    return ListParts(downloads, words, task, size, licence, fitting, here, count, items("models-cards"))

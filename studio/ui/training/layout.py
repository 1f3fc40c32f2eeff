"""The parts of the Training tab and where they stand. Knows nothing of what they do (`tabs/training.py`)."""

from collections.abc import Collection
from dataclasses import dataclass

import gradio as gr

from pipelines.training.uploads.reading import PICTURES, TEXTS
from studio.ui.components import items
from studio.ui.i18n import t
from studio.ui.training.pad import pad
from studio.ui.words import WORDS

# Tells the whole form whenever a setting was changed: { name: text or true }.
_TELL_FORM = """
const values = () => Object.fromEntries([...element.querySelectorAll('[name]')]
  .map((field) => [field.name, field.type === 'checkbox' ? field.checked : field.value]));
element.addEventListener('change', () => trigger('click', {action: 'changed', id: JSON.stringify(values())}));"""

# The form as it stands when a button is pressed: the first input of the press is replaced by it.
WITH_FORM = """(_, ...rest) => [Object.fromEntries([...document.querySelectorAll('#training-settings [name]')]
  .map((field) => [field.name, field.type === 'checkbox' ? field.checked : field.value])), ...rest]"""


FILE_TYPES = (*TEXTS, ".jsonl", ".json", ".csv", ".tsv", ".zip", *PICTURES)


@dataclass(frozen=True)
class FormParts:
    """What is to be trained, on what and how."""

    trainer: gr.Dropdown
    about: gr.HTML
    dataset: gr.Dropdown
    data: gr.HTML
    brought: gr.File
    base: gr.Dropdown
    preset: gr.Radio
    name: gr.Textbox
    settings: gr.HTML
    filled: gr.JSON  # the form, as the browser has it
    forecast: gr.HTML
    start: gr.Button


@dataclass(frozen=True)
class RunParts:
    """The run that is shown, and the list of all."""

    head: gr.HTML
    actions: gr.HTML
    model: gr.HTML
    curves: gr.HTML
    samples: gr.HTML
    log: gr.HTML
    runs: gr.HTML
    tried: gr.Textbox  # the id of a finished classifier, "" for none
    trying: gr.Column
    drawn: gr.Textbox  # as the browser has it
    clear: gr.Button
    tell: gr.Button
    answer: gr.HTML
    confusion: gr.HTML


@dataclass(frozen=True)
class Parts(RunParts, FormParts):
    """Left what is to be trained, right what is."""


def lay_out(trainers: Collection[str], *, is_offered: bool) -> Parts:
    """`is_offered`: not a public demo, which shows why instead of the form."""
    with gr.Row(elem_classes="studio-columns training-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            gr.HTML(t("training_not_here"), elem_id="training-refusal", elem_classes="notice", visible=not is_offered)
            form = _form(trainers, is_offered)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            run = _run()
    return Parts(**vars(form), **vars(run))


def _form(names: Collection[str], is_offered: bool) -> FormParts:
    words = list(WORDS)  # trainers stand in the order of their words, those without at the end
    known = {name: words.index(f"trainer_{name}") for name in names if f"trainer_{name}" in WORDS}
    trainers = sorted(names, key=lambda name: known.get(name, len(words)))
    with gr.Column(elem_classes="studio-card prompt-card", visible=is_offered):
        trainer = gr.Dropdown(
            [(t(f"trainer_{name}") if f"trainer_{name}" in WORDS else name, name) for name in trainers],
            value=trainers[0], label=t("trainer"), elem_id="training-trainer",
        )  # fmt: skip
        about = gr.HTML("", elem_id="training-about")
        dataset = gr.Dropdown([], label=t("dataset"), elem_id="training-dataset")
        data = items("training-data")
        with gr.Accordion(t("bring_data"), open=False, elem_id="training-bring-part"):
            gr.HTML(t("bring_data_help"), elem_classes="help")
            brought = gr.File(
                label=t("bring_files"), file_count="multiple", file_types=[*FILE_TYPES], height=150,
                elem_id="training-bring",
            )  # fmt: skip
        base = gr.Dropdown(
            [], label=t("base_model"), info=t("base_model_help"), allow_custom_value=True, visible=False,
            elem_id="training-base",
        )  # fmt: skip
    with gr.Column(elem_classes="studio-card prompt-card", visible=is_offered):
        preset = gr.Radio(
            [(t("preset_cpu"), "cpu"), (t("preset_gpu"), "gpu")], value="cpu", label=t("training_preset"),
            elem_id="training-preset", elem_classes="segmented",
        )  # fmt: skip
        name = gr.Textbox(label=t("run_name"), info=t("run_name_help"), max_lines=1, elem_id="training-name")
        filled = gr.JSON(visible=False)
        settings = gr.HTML("", js_on_load=_TELL_FORM, elem_id="training-settings")
        gr.HTML(t("sharing_rule"), elem_id="training-rule", elem_classes="help")
    with gr.Column(elem_classes="training-begin", visible=is_offered):
        forecast = gr.HTML("", elem_id="training-forecast")
        start = gr.Button(t("start_training"), variant="primary", elem_id="training-start", elem_classes="studio-run")
    return FormParts(trainer, about, dataset, data, brought, base, preset, name, settings, filled, forecast, start)


def _run() -> RunParts:
    with gr.Column(elem_classes="studio-card run-card"):
        head = gr.HTML("", elem_id="training-head")
        actions = items("training-actions")
        model = items("training-model")
        curves = gr.HTML("", elem_id="training-curves")
        samples = gr.HTML("", elem_id="training-samples")
        with gr.Accordion(t("log"), open=False, elem_id="training-log-part"):
            log = gr.HTML("", elem_id="training-log")
    with gr.Column(elem_classes="studio-card prompt-card", visible=False, elem_id="training-try") as trying:
        gr.HTML(t("try_help"), elem_classes="help")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=240):
                pad("training-drawing")
                with gr.Row(elem_classes="tight"):
                    clear = gr.Button(t("pad_clear"), size="sm", elem_id="training-clear")
                    tell = gr.Button(t("try_tell"), variant="primary", size="sm", elem_id="training-tell")
            with gr.Column(min_width=240):
                answer = gr.HTML("", elem_id="training-answer")
        with gr.Accordion(t("confusion"), open=False):
            confusion = gr.HTML("", elem_id="training-confusion")
    runs, tried, drawn = items("training-runs"), gr.Textbox(visible=False), gr.Textbox(visible=False)
    shown = (head, actions, model, curves, samples, log, runs)
    return RunParts(*shown, tried, trying, drawn, clear, tell, answer, confusion)

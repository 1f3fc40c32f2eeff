"""The parts of the Training tab and where they stand. Knows nothing of what they do (`tabs/training.py`)."""

from collections.abc import Collection
from dataclasses import dataclass

import gradio as gr

from pipelines.training.uploads.reading import PICTURES, SOUNDS, TEXTS
from pipelines.types.study import METHODS
from studio.ui.audio.layout import sound_box
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


# A press on a button tells the values of all fields beside its id; a caption is told when its box is left.
_TELL_VALUES = """
const values = () => Object.fromEntries([...element.querySelectorAll('[name]')]
  .map((field) => [field.name, field.type === 'checkbox' ? field.checked : field.value]));
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-action]');
  if (!pressed) return;
  trigger('click', {action: pressed.dataset.action, id: JSON.stringify({...values(), id: pressed.dataset.id || ''})});
});
element.addEventListener('change', (event) => {
  const box = event.target.closest('textarea[data-number]');
  if (!box) return;
  const told = {id: box.dataset.set, number: Number(box.dataset.number), caption: box.value};
  trigger('click', {action: 'caption', id: JSON.stringify(told)});
});"""

# Where the page has no right to the clipboard, as over plain http, a selection can still be copied.
_COPY = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-copy]');
  if (!pressed) return;
  getSelection().selectAllChildren(pressed.previousElementSibling);
  if (document.execCommand('copy')) pressed.textContent = pressed.dataset.copy;
});"""

FILE_TYPES = (*TEXTS, ".jsonl", ".json", ".csv", ".tsv", ".parquet", ".zip", *PICTURES, *SOUNDS)


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
class DataParts:
    """Data sets of one's own: where else they may come from, what is at work on them, their captions; what changes do. And the command for several processes."""

    ways: gr.HTML
    data_jobs: gr.HTML
    captions: gr.HTML
    show_changes: gr.Button
    changes: gr.HTML
    show_launch: gr.Button
    launch: gr.HTML


@dataclass(frozen=True)
class StudyParts:
    """A search for the best settings of what is chosen above."""

    study_part: gr.Accordion
    families: gr.CheckboxGroup
    vary: gr.Dropdown
    method: gr.Radio
    trials: gr.Number
    minutes: gr.Number
    search: gr.Button


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
    comparison: gr.HTML
    study: gr.HTML
    tried: gr.Textbox  # the id of a finished classifier, "" for none
    trying: gr.Column
    drawing: gr.Column
    pasted: gr.Textbox  # a text, for a classifier of texts
    heard: gr.Audio  # a sound, for a classifier of sounds
    drawn: gr.Textbox  # as the browser has it
    clear: gr.Button
    tell: gr.Button
    answer: gr.HTML
    confusion: gr.HTML
    tuned: gr.Textbox  # the id of a run that has tuned a language model, "" for none
    beside: gr.Column
    question: gr.Textbox
    ask: gr.Button
    answers: gr.HTML


@dataclass(frozen=True)
class PushParts:
    """The finished model to the hub."""

    pushable: gr.Textbox  # the id of a run whose model is there, "" for none
    push_part: gr.Accordion
    repository: gr.Textbox
    token: gr.Textbox
    is_secret: gr.Checkbox
    push: gr.Button
    pushed: gr.HTML


@dataclass(frozen=True)
class Parts(RunParts, PushParts, StudyParts, FormParts, DataParts):
    """Left what is to be trained, right what is."""


def lay_out(trainers: Collection[str], *, is_offered: bool) -> Parts:
    """`is_offered`: not a public demo, which shows why instead of the form."""
    with gr.Row(elem_classes="studio-columns training-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            gr.HTML(t("training_not_here"), elem_id="training-refusal", elem_classes="notice", visible=not is_offered)
            form, data = _form(trainers, is_offered)
            study = _study(is_offered)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            run, push = _run()
    return Parts(**vars(form), **vars(data), **vars(study), **vars(run), **vars(push))


def _form(names: Collection[str], is_offered: bool) -> tuple[FormParts, DataParts]:
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
            ways = gr.HTML("", js_on_load=_TELL_VALUES, elem_id="training-ways")
        data_jobs = items("training-data-jobs")
        captions = gr.HTML("", js_on_load=_TELL_VALUES, elem_id="training-captions")
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
        show_changes = gr.Button(t("changes_show"), size="sm", elem_id="training-show-changes")
        changes = gr.HTML("", elem_id="training-changes")
        show_launch = gr.Button(t("launch_show"), size="sm", elem_id="training-show-launch")
        launch = gr.HTML("", js_on_load=_COPY, elem_id="training-launch")
        gr.HTML(t("sharing_rule"), elem_id="training-rule", elem_classes="help")
    with gr.Column(elem_classes="training-begin", visible=is_offered):
        forecast = gr.HTML("", elem_id="training-forecast")
        start = gr.Button(t("start_training"), variant="primary", elem_id="training-start", elem_classes="studio-run")
    form = FormParts(trainer, about, dataset, data, brought, base, preset, name, settings, filled, forecast, start)
    return form, DataParts(ways, data_jobs, captions, show_changes, changes, show_launch, launch)


def _study(is_offered: bool) -> StudyParts:
    with gr.Accordion(t("study_part"), open=False, elem_id="training-study-part", visible=is_offered) as part:
        gr.HTML(t("study_help"), elem_classes="help")
        families = gr.CheckboxGroup([], label=t("study_families"), visible=False, elem_id="training-families")
        vary = gr.Dropdown(
            [], label=t("study_vary"), info=t("study_vary_help"), multiselect=True, elem_id="training-vary"
        )
        method = gr.Radio(
            [(t(f"study_method_{name}"), name) for name in METHODS], value="tpe", label=t("study_method"),
            elem_id="training-method",
        )  # fmt: skip
        with gr.Row(elem_classes="tight"):
            trials = gr.Number(12, label=t("study_trials"), precision=0, min_width=80, elem_id="training-trials")
            minutes = gr.Number(0, label=t("study_minutes"), min_width=80, elem_id="training-minutes")
        search = gr.Button(t("study_start"), elem_id="training-search")
    return StudyParts(part, families, vary, method, trials, minutes, search)


def _push() -> PushParts:
    pushable = gr.Textbox(visible=False)
    with gr.Accordion(t("push_part"), open=False, visible=False, elem_id="training-push-part") as part:
        gr.HTML(t("push_help"), elem_classes="help")
        repository = gr.Textbox(
            label=t("push_repository"), placeholder="owner/name", info=t("push_repository_help"), max_lines=1,
            elem_id="training-repository",
        )  # fmt: skip
        token = gr.Textbox(
            label=t("push_token"), info=t("push_token_help"), type="password", max_lines=1, placeholder="hf_…",
            elem_id="training-token",
        )  # fmt: skip
        is_secret = gr.Checkbox(True, label=t("push_private"), elem_id="training-push-private")
        push = gr.Button(t("push_run"), size="sm", elem_id="training-push")
        pushed = gr.HTML("", elem_id="training-pushed")
    return PushParts(pushable, part, repository, token, is_secret, push, pushed)


def _run() -> tuple[RunParts, PushParts]:
    with gr.Column(elem_classes="studio-card run-card"):
        head = gr.HTML("", elem_id="training-head")
        actions = items("training-actions")
        model = items("training-model")
        curves = gr.HTML("", elem_id="training-curves")
        samples = gr.HTML("", elem_id="training-samples")
        with gr.Accordion(t("log"), open=False, elem_id="training-log-part"):
            log = gr.HTML("", elem_id="training-log")
    push = _push()
    with gr.Column(elem_classes="studio-card prompt-card", visible=False, elem_id="training-try") as trying:
        with gr.Row(equal_height=False):
            with gr.Column(min_width=240):
                with gr.Column() as drawing:
                    gr.HTML(t("try_help"), elem_classes="help")
                    pad("training-drawing")
                    clear = gr.Button(t("pad_clear"), size="sm", elem_id="training-clear")
                pasted = gr.Textbox(
                    label=t("try_text"), placeholder=t("try_text_help"), lines=6, max_lines=16, visible=False,
                    elem_id="training-pasted",
                )  # fmt: skip
                heard = sound_box("training", "heard", "try_sound", is_visible=False)
                tell = gr.Button(t("try_tell"), variant="primary", size="sm", elem_id="training-tell")
            with gr.Column(min_width=240):
                answer = gr.HTML("", elem_id="training-answer")
        with gr.Accordion(t("confusion"), open=False):
            confusion = gr.HTML("", elem_id="training-confusion")
    with gr.Column(elem_classes="studio-card prompt-card", visible=False, elem_id="training-beside") as beside:
        question = gr.Textbox(
            label=t("beside_ask"), info=t("beside_help"), lines=2, max_lines=6, elem_id="training-question"
        )
        ask = gr.Button(t("beside_run"), variant="primary", size="sm", elem_id="training-ask")
        answers = gr.HTML("", elem_id="training-answers")
    tuned = gr.Textbox(visible=False)
    runs, tried, drawn = items("training-runs"), gr.Textbox(visible=False), gr.Textbox(visible=False)
    comparison = gr.HTML("", elem_id="training-comparison")
    study = items("training-study")
    shown = (head, actions, model, curves, samples, log, runs, comparison, study)
    parts = RunParts(
        *shown, tried, trying, drawing, pasted, heard, drawn, clear, tell, answer, confusion,
        tuned, beside, question, ask, answers,
    )  # fmt: skip
    return parts, push

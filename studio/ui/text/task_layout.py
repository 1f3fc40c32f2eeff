"""The parts of the tasks and where they stand. Knows nothing of what they do (`tasks.py`)."""

from dataclasses import dataclass

import gradio as gr

from studio.services import Services
from studio.ui import lists
from studio.ui.components import LATEX, SettingsPanel, items, settings_panel, small
from studio.ui.i18n import t


@dataclass(frozen=True)
class FormParts:
    """What to do with which text."""

    kind: gr.Radio
    prompt: gr.Textbox
    option: gr.Dropdown
    verse: gr.Row
    first_line: gr.Textbox
    heads: gr.Textbox
    examples: gr.HTML
    run: gr.Button
    stop: gr.Button
    notice: gr.HTML


@dataclass(frozen=True)
class ResultParts:
    """What came out, and what can be done with it."""

    result: gr.Markdown
    candidates: gr.HTML
    facts: gr.HTML
    actions: gr.Row
    again: gr.Button
    star: gr.Button
    download: gr.HTML
    sending: gr.HTML
    use: gr.Button


@dataclass(frozen=True)
class TaskParts(ResultParts, FormParts):
    """Left the form, right the result, below what was made before."""

    recent: gr.HTML


def lay_out(services: Services) -> tuple[SettingsPanel, TaskParts]:
    with gr.Row(elem_classes="studio-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            form = _form()
            panel = settings_panel(services, "task", "write", has_system=False)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            result = _result(services)
    gr.Markdown(f"**{t('recent')}**", elem_classes="strip-title")
    return panel, TaskParts(**vars(form), **vars(result), recent=items("task-recent"))


def _form() -> FormParts:
    kinds = [(t(f"task_{name}"), name) for name in lists.TASKS]
    kind = gr.Radio(kinds, value="write", label=t("task"), elem_id="task-kind")
    prompt = gr.Textbox(label=t("prompt_write"), lines=5, max_lines=14, elem_id="task-prompt", max_length=400_000)
    examples = items("task-examples")
    option = gr.Dropdown(
        [], label=t("tone"), info=t("tone_help"), allow_custom_value=True, visible=False, elem_id="task-option"
    )
    with gr.Row(visible=False) as verse:
        first_line = gr.Textbox(
            label=t("first_line"), info=t("first_line_help"), max_lines=1, min_width=120, elem_id="task-first-line"
        )
        heads = gr.Textbox(label=t("heads"), info=t("heads_help"), max_lines=1, min_width=120, elem_id="task-heads")
    notice = gr.HTML("", elem_id="task-notice", elem_classes="notice", visible=False)
    with gr.Row(elem_classes="tight runs"):
        run = gr.Button(t("run"), variant="primary", elem_id="task-run", elem_classes="studio-run", scale=3)
        stop = gr.Button(
            t("stop"), elem_id="task-stop", elem_classes="studio-stop", scale=1, min_width=96, interactive=False
        )
    return FormParts(kind, prompt, option, verse, first_line, heads, examples, run, stop, notice)


def _result(services: Services) -> ResultParts:
    with gr.Column(elem_classes="studio-card result-card"):
        result = gr.Markdown(
            str(t("result_empty")), elem_id="task-result", elem_classes="result", latex_delimiters=LATEX
        )
        candidates = items("task-candidates", visible=False)
    facts = gr.HTML("", elem_id="task-facts", elem_classes="facts")
    with gr.Row(elem_classes="tight actions", visible=False) as actions:
        again = small("run_again", "task-again", variant="primary", visible=False)
        star = small("star", "task-star")
        download = gr.HTML("", elem_id="task-download", visible=False)
        sending = items("task-send")
        use = small("use_settings", "task-use")
    return ResultParts(result, candidates, facts, actions, again, star, download, sending, use)

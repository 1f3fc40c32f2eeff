"""What every sub-tab of the Audio tab is laid out of: form left, stage right, recent results below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gradio as gr

from studio.services import Services
from studio.ui.components import items
from studio.ui.i18n import t


@dataclass(frozen=True)
class Parts:
    """`settings` are kept in the browser, by name; `files` are the boxes of sound; `runs` are the buttons that submit."""

    settings: dict[str, Any]
    files: dict[str, Any]
    runs: tuple[tuple[gr.Button, Mapping[str, Any]], ...]
    stop: gr.Button
    stage: gr.HTML
    facts: gr.HTML
    actions: gr.HTML
    queue: gr.HTML
    recent: gr.HTML
    others: dict[str, Any] = field(default_factory=dict)


def stage(area: str) -> dict[str, Any]:
    """The right side."""
    return {
        "stage": items(f"{area}-stage"),
        "facts": gr.HTML("", elem_id=f"{area}-facts", elem_classes="facts"),
        "actions": items(f"{area}-actions"),
        "queue": items(f"{area}-queue"),
    }


def recent(area: str) -> gr.HTML:
    gr.Markdown(f"**{t('recent')}**", elem_classes="strip-title")
    return items(f"{area}-recent")


def model(services: Services, area: str, choices: list[tuple[str, str]], first: str | None) -> gr.Dropdown:
    is_demo = services.settings.is_public_demo
    return gr.Dropdown(
        choices, value=first, label=t("model"), elem_id=f"{area}-model", allow_custom_value=not is_demo,
        info=t("model_help_demo" if is_demo else "model_help"),
    )  # fmt: skip


def sound_box(
    area: str,
    field_name: str,
    key: str,
    *,
    sources: Sequence[Literal["upload", "microphone"]] = ("upload", "microphone"),
    is_visible: bool = True,
) -> gr.Audio:
    return gr.Audio(
        sources=list(sources), type="filepath", label=t(key), elem_id=f"{area}-{field_name}", editable=False, buttons=[],
        visible=is_visible,
        waveform_options=gr.WaveformOptions(waveform_color="#94a3a0", waveform_progress_color="#2f8072", show_recording_waveform=True),
    )  # fmt: skip


def number(area: str, name: str, key: str, *, value: str = "", placeholder: str = "") -> gr.Textbox:
    """A box for a number that may be empty: gradio 6.31 makes an empty gr.Number 0 when it is first shown."""
    hint = str(t(placeholder)) if placeholder else None
    return gr.Textbox(value, label=t(key), placeholder=hint, max_lines=1, elem_id=f"{area}-{name}", min_width=72)


def private(area: str) -> gr.Checkbox:
    return gr.Checkbox(False, label=t("private"), info=t("audio_private_help"), elem_id=f"{area}-private")


def runs(area: str, *keys: str) -> tuple[list[gr.Button], gr.Button]:
    """The buttons that submit, the first one the main one, and Stop."""
    with gr.Row(elem_classes="tight runs image-runs"):
        made = [
            gr.Button(
                t(key), variant="secondary" if at else "primary", elem_id=f"{area}-run{f'-{at}' if at else ''}",
                elem_classes="" if at else "studio-run", scale=3, min_width=96,
            )
            for at, key in enumerate(keys)
        ]  # fmt: skip
        stop = gr.Button(t("stop"), elem_id=f"{area}-stop", elem_classes="studio-stop", scale=1, min_width=96, interactive=False)  # fmt: skip
    return made, stop

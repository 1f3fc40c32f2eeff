"""Parts that several tabs are made of. Knows gradio, and nothing of what a tab does with them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from gradio.components import Component

from pipelines.types.model import ModelSpec, Task
from pipelines.types.text import Sampling
from studio.services import Services
from studio.ui import sending
from studio.ui.facts import model_label
from studio.ui.i18n import t
from studio.ui.text.chosen import DEFAULT_PRESET, OWN, PRESETS, SAMPLING_NAMES, Chosen
from studio.ui.theme import SAVE_FILE

# A single $ is money or jQuery more often than mathematics.
LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]

# A press on any element with data-action is told as the event "click" with that action and its data-id.
_TELL_ACTION = """element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-action]');
  if (pressed) trigger('click', {action: pressed.dataset.action, id: pressed.dataset.id || ''});
  pressed?.closest('details')?.removeAttribute('open');
})"""


def quietly(**more: Any) -> dict[str, Any]:
    """How every event of the page is set up: no endpoint, no veil over its outputs, no limit of gradio's queue.

    With no part to show progress on, none is sent: gradio 6.31 looks through the whole page for each part that it tells.
    """
    return {
        "api_visibility": "private",
        "show_progress": "hidden",
        "show_progress_on": [],
        "concurrency_limit": None,
        **more,
    }


def items(elem_id: str, value: Any = "", *, visible: bool = True) -> gr.HTML:
    """A list of our own escaped HTML whose buttons carry data-action and data-id; its handler takes `pressed`."""
    return gr.HTML(value, js_on_load=_TELL_ACTION, elem_id=elem_id, elem_classes="studio-items", visible=visible)


def pressed(event: gr.EventData) -> tuple[str, str]:
    """The action and the id of a press in `items`. They come from the browser: look them up, never trust them."""
    data = event._data if isinstance(event._data, dict) else {}
    return str(data.get("action", "")), str(data.get("id", ""))


def send_on(menus: Sequence[gr.HTML], wish: gr.State) -> None:
    """Menus of results (`sending.menu`): a press is the page's wish."""

    def send(event: gr.EventData) -> Any:
        return sending.sent(*pressed(event)) or gr.skip()

    gr.on([menu.click for menu in menus], send, None, wish, **quietly())


def small(key: str, elem_id: str, **kwargs: Any) -> gr.Button:
    return gr.Button(t(key), size="sm", elem_id=elem_id, min_width=0, **kwargs)


def saves_file(trigger: Any, make_file: Any, inputs: Any) -> None:
    """Let the browser save what `make_file` returns: {"name", "type", "text"}. Nothing is written on the server."""
    file = gr.JSON(visible=False)
    made = trigger(make_file, inputs, file, api_visibility="private", show_progress="hidden")
    made.success(None, file, None, js=SAVE_FILE, api_visibility="private")


@dataclass(frozen=True)
class SettingsPanel:
    """The settings of a text request; the names are those of `Chosen`. Chat alone has a system prompt."""

    model: gr.Dropdown
    preset: gr.Radio
    max_new_tokens: gr.Slider
    temperature: gr.Slider
    top_p: gr.Slider
    top_k: gr.Slider
    repetition_penalty: gr.Slider
    seed: gr.Textbox
    adapter: gr.Textbox
    adapter_weight: gr.Slider
    private: gr.Checkbox
    system: gr.Textbox | None = None

    @property
    def components(self) -> dict[str, Any]:
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: component for name, component in every.items() if component is not None}

    def read(self, values: dict[Component, Any]) -> Chosen:
        """The settings among the values of an event whose inputs were a set."""
        return Chosen.read({name: values.get(component) for name, component in self.components.items()})

    def filled(self, chosen: Chosen) -> dict[Component, Any]:
        """Updates that show `chosen`."""
        return {
            component: gr.update(value=_shown(getattr(chosen, name))) for name, component in self.components.items()
        }


def keep(parts: dict[str, Any], saved: gr.BrowserState) -> None:
    """Write what the parts hold into the browser whenever the person changes one; the server is not asked."""
    js = f"(...values) => Object.fromEntries({list(parts)}.map((name, at) => [name, values[at]]))"
    every = list(parts.values())
    # gradio 6.31 tells of a paste with what stood there before it: so what is left is kept once more
    left = [part.blur for part in every if isinstance(part, gr.Textbox)]
    gr.on([part.input for part in every] + left, None, every, saved, js=js, api_visibility="private")


def bring_back(blocks: gr.Blocks, parts: dict[str, Any], saved: gr.BrowserState) -> None:
    """Show what of `keep` is usable when the page is opened. An answer of the server could overwrite what is typed by then."""
    choices = {name: [value for _, value in part.choices] for name, part in parts.items() if isinstance(part, gr.Radio)}
    js = f"""(saved, ...now) => {list(parts)}.map((name, at) => {{
      const kept = saved?.[name], choices = {json.dumps(choices)}[name];
      return typeof kept === typeof (now[at] ?? '') && (!choices || choices.includes(kept)) ? kept : now[at];
    }})"""
    every = list(parts.values())
    blocks.load(None, [saved, *every], every, js=js, api_visibility="private")


def _shown(value: object) -> object:
    """A setting as its part shows it: a seed that is drawn is an empty box."""
    return "" if value is None else value


def settings_panel(services: Services, area: str, task: Task, *, has_system: bool) -> SettingsPanel:
    """The model, the sampling presets, and the rest under More settings."""
    settings = services.settings
    model = gr.Dropdown(
        model_choices(services, task, "en"),
        value=first_model(services, task),
        label=t("model"),
        info=t("model_help_demo" if settings.is_public_demo else "model_help"),
        allow_custom_value=not settings.is_public_demo,
        elem_id=f"{area}-model",
    )
    system = None
    if has_system:
        system = gr.Textbox(label=t("system"), info=t("system_help"), lines=2, max_lines=6, elem_id=f"{area}-system")
    preset = gr.Radio(
        [(t(name), name) for name in (*PRESETS, OWN)],
        value=DEFAULT_PRESET,
        label=t("preset"),
        info=t("preset_help"),
        elem_id=f"{area}-preset",
    )
    with gr.Accordion(t("more_settings"), open=False, elem_id=f"{area}-more"):
        sliders = {name: _slider(area, name) for name in SAMPLING_NAMES}
        # not a gr.Number: gradio 6.31 makes an empty one 0 when it is first shown
        seed = gr.Textbox("", label=t("seed"), info=t("seed_help"), max_lines=1, elem_id=f"{area}-seed")
        adapter = gr.Textbox(
            label=t("adapter"), info=t("adapter_help"), elem_id=f"{area}-adapter", visible=not settings.is_public_demo
        )
        weight = gr.Slider(
            0, 2, 1.0, step=0.05, label=t("adapter_weight"), info=t("adapter_weight_help"),
            elem_id=f"{area}-adapter-weight", visible=not settings.is_public_demo,
        )  # fmt: skip
    private = gr.Checkbox(False, label=t("private"), info=t("private_help"), elem_id=f"{area}-private")
    panel = SettingsPanel(
        model=model, preset=preset, seed=seed, adapter=adapter, adapter_weight=weight, private=private, system=system,
        **sliders,
    )  # fmt: skip
    _wire_presets(preset, list(sliders.values()))
    return panel


def _slider(area: str, name: str) -> gr.Slider:
    low, high = Sampling.RANGES[name]
    high = {"max_new_tokens": 4096, "top_k": 200}.get(name, high)
    return gr.Slider(
        low, high, PRESETS[DEFAULT_PRESET][name], step=1 if name in ("max_new_tokens", "top_k") else 0.01,
        label=t(name), info=t(f"{name}_help"), elem_id=f"{area}-{name.replace('_', '-')}",
    )  # fmt: skip


def _wire_presets(preset: gr.Radio, sliders: list[gr.Slider]) -> None:
    """A preset sets the sliders, and a slider that is moved makes the preset "own"; both in the browser."""
    table = {name: [values[setting] for setting in SAMPLING_NAMES] for name, values in PRESETS.items()}
    preset.input(
        None, [preset, *sliders], sliders, js=f"(name, ...now) => ({table})[name] ?? now", api_visibility="private"
    )
    gr.on([slider.input for slider in sliders], None, None, preset, js=f"() => '{OWN}'", api_visibility="private")


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def model_choices(services: Services, task: Task, language: str) -> list[tuple[str, str]]:
    """The models for a task as a picker shows them: loaded ones first, then those on this machine."""
    return model_choices_of(services, services.catalog.rows(task), language)


def model_choices_of(services: Services, specs: Sequence[ModelSpec], language: str) -> list[tuple[str, str]]:
    """These models as a picker shows them."""
    loaded = {model["model"] for model in services.jobs.status()["loaded_models"]}
    rows = []
    for spec in specs:
        is_loaded, is_on_disk = spec.id in loaded, services.catalog.is_on_disk(spec)
        label = model_label(spec, is_loaded=is_loaded, is_on_disk=is_on_disk, language=language)
        rows.append((not is_loaded, not is_on_disk, label, spec.id))
    rows.sort(key=lambda row: row[:2])
    return [(label, model) for *_, label, model in rows]


def first_model(services: Services, task: Task) -> str | None:
    """The model that is chosen before anybody chose: a starter, else one on this machine, else the first row."""
    rows = services.catalog.rows(task)
    by_ease = sorted(rows, key=lambda spec: (spec.source != "starter", not services.catalog.is_on_disk(spec)))
    return by_ease[0].id if by_ease else None


def model_name(services: Services, model: str) -> str:
    """The name of a row of the catalog, else what was pasted."""
    return next((spec.name for spec in services.catalog.rows() if spec.id == model), model)

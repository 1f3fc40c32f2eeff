"""The parts of the Image tab and where they stand. Knows nothing of what they do (`presses.py`)."""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from pipelines.diffusion.schedulers import SCHEDULERS
from pipelines.types.image import ImageRequest
from studio.services import Services
from studio.ui.components import items, small
from studio.ui.i18n import t
from studio.ui.image.chosen import IMAGE_TASKS, OWN_SHAPE, SHAPES
from studio.ui.image.map_box import map_box
from studio.ui.image.picture_box import picture_box


@dataclass(frozen=True)
class ImageSettings:
    """What a request is made of; the names are those of `ImageChosen`."""

    mode: gr.Radio
    prompt: gr.Textbox
    negative_prompt: gr.Textbox
    model: gr.Dropdown
    shape: gr.Radio
    width: gr.Textbox
    height: gr.Textbox
    count: gr.Slider
    steps: gr.Textbox
    guidance_scale: gr.Textbox
    scheduler: gr.Dropdown
    strength: gr.Slider
    left: gr.Textbox
    top: gr.Textbox
    right: gr.Textbox
    bottom: gr.Textbox
    factor: gr.Radio
    seed: gr.Textbox
    adapters: gr.Textbox
    latent: gr.Textbox  # as the sliders have it, with commas between
    toward: gr.Textbox
    place: gr.Textbox  # as the map has it, with commas between
    private: gr.Checkbox

    @property
    def components(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class ImageForm:
    """The rest of the left side: what helps with the request, and what starts it."""

    examples: gr.HTML
    enrich: gr.Button
    undo: gr.Button
    box: gr.HTML
    margins: gr.Row
    note: gr.HTML
    offered: gr.HTML  # the adapters that were trained over the model
    wordless: gr.Column  # for models that take no words
    sliders: gr.HTML
    map: gr.HTML
    run: gr.Button
    stop: gr.Button


@dataclass(frozen=True)
class ImageStage:
    """The right side: what is made, and what can be done with it."""

    stage: gr.HTML
    facts: gr.HTML
    actions: gr.Row
    again: gr.Button
    use: gr.Button
    as_input: gr.Button
    sending: gr.HTML
    compare: gr.Button
    retouch: gr.Button
    star: gr.Button
    download: gr.HTML
    compared: gr.HTML
    queue: gr.HTML
    recent: gr.HTML
    drop: gr.UploadButton


@dataclass(frozen=True)
class RetouchParts:
    """Crop, turn, flip and resize; saved as a new picture."""

    panel: gr.Column
    crop_left: gr.Textbox
    crop_top: gr.Textbox
    crop_right: gr.Textbox
    crop_bottom: gr.Textbox
    turn: gr.Radio
    flips: gr.CheckboxGroup
    width: gr.Textbox
    height: gr.Textbox
    save: gr.Button
    close: gr.Button


# Tells the numbers of all sliders when one was let go of.
_TELL_SLIDERS = """element.addEventListener('change', () => trigger('click',
  {action: 'latent', id: [...element.querySelectorAll('input')].map((slider) => slider.value).join()}))"""
# Puts the sliders where the numbers say, when those come from elsewhere.
MOVE_SLIDERS = """(numbers) => { document.querySelectorAll('#image-latent input')
  .forEach((slider, at) => { slider.value = (numbers || '').split(',')[at] || 0; }); }"""


def lay_out(services: Services, models: list[tuple[str, str]], first: str | None) -> tuple[ImageSettings, ImageForm, ImageStage, RetouchParts]:  # fmt: skip
    with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            settings, form = _form(services, models, first)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            shown, retouch = _stage()
    with gr.Row(elem_classes="tight strip-bar"):
        gr.Markdown(f"**{t('recent')}**", elem_classes="strip-title")
        drop = gr.UploadButton(
            str(t("image_drop")), file_types=[".png", ".webp", ".jpg", ".jpeg", ".json"], size="sm", elem_id="image-drop", min_width=0, scale=0,
        )  # fmt: skip
    stage = ImageStage(**shown, recent=items("image-recent"), drop=drop)
    return settings, form, stage, retouch


def _form(services: Services, models: list[tuple[str, str]], first: str | None) -> tuple[ImageSettings, ImageForm]:
    made: dict[str, Any] = {}
    with gr.Column(elem_classes="studio-card prompt-card"):
        made["prompt"] = gr.Textbox(label=t("image_prompt"), lines=4, max_lines=12, elem_id="image-prompt", max_length=400_000)  # fmt: skip
        with gr.Row(elem_classes="tight actions"):
            enrich = small("enrich", "image-enrich")
            undo = small("undo_enrich", "image-undo", visible=False)
        examples = items("image-examples")
    made["model"] = gr.Dropdown(
        models, value=first, label=t("model"), elem_id="image-model", allow_custom_value=not services.settings.is_public_demo,
        info=t("model_help_demo" if services.settings.is_public_demo else "model_help"),
    )  # fmt: skip
    offered = items("image-adapters-offered")
    note = gr.HTML("", elem_id="image-note", elem_classes="notice", visible=False)
    made["mode"] = gr.Radio(
        [(t(f"mode_{task}"), task) for task in IMAGE_TASKS], value="text-to-image", label=t("mode"), elem_id="image-mode", elem_classes="segmented",
    )  # fmt: skip
    box = picture_box("image-box")
    low, high = ImageRequest.RANGES["strength"]
    made["strength"] = gr.Slider(low, high, 0.75, step=0.01, label=t("strength"), info=t("strength_help"), elem_id="image-strength", visible=False)  # fmt: skip
    made["factor"] = gr.Radio([("2 ×", 2), ("3 ×", 3), ("4 ×", 4)], value=2, label=t("factor"), elem_id="image-factor", elem_classes="segmented", visible=False)  # fmt: skip
    with gr.Row(elem_classes="tight sizes", visible=False, elem_id="image-margins") as margins:
        for side in ("left", "top", "right", "bottom"):
            made[side] = _number(f"margin_{side}", f"image-margin-{side}", value="64")
    shapes = [(t("own") if name == OWN_SHAPE else name, name) for name in (*SHAPES, OWN_SHAPE)]
    made["shape"] = gr.Radio(shapes, value="1:1", label=t("shape"), elem_id="image-shape", elem_classes="segmented")
    with gr.Row(elem_classes="tight sizes"):
        made["count"] = gr.Slider(1, 16, 4, step=1, label=t("count"), elem_id="image-count", min_width=160, scale=2)
        made["seed"] = _number("seed", "image-seed", placeholder="seed_drawn")
    with gr.Column(visible=False, elem_id="image-wordless") as wordless:
        made["toward"] = gr.Textbox("", label=t("toward"), info=t("toward_help"), max_lines=1, elem_id="image-toward")
        sliders = gr.HTML("", js_on_load=_TELL_SLIDERS, elem_id="image-latent")
        made["latent"] = gr.Textbox("", visible=False)
        place_map = map_box("image-map")
        made["place"] = gr.Textbox("", visible=False)
    with gr.Accordion(t("more_settings"), open=False, elem_id="image-more"):
        made |= _more(services)
    made["private"] = gr.Checkbox(False, label=t("private"), info=t("image_private_help"), elem_id="image-private")
    with gr.Row(elem_classes="tight runs image-runs"):
        run = gr.Button(t("make_pictures"), variant="primary", elem_id="image-run", elem_classes="studio-run", scale=3)
        stop = gr.Button(t("stop"), elem_id="image-stop", elem_classes="studio-stop", scale=1, min_width=96, interactive=False)  # fmt: skip
    return ImageSettings(**made), ImageForm(
        examples, enrich, undo, box, margins, note, offered, wordless, sliders, place_map, run, stop
    )


def _more(services: Services) -> dict[str, Any]:
    """Empty boxes stand for what suits the model; the page shows it in them."""
    made: dict[str, Any] = {}
    made["negative_prompt"] = gr.Textbox(label=t("negative_prompt"), info=t("negative_prompt_help"), lines=2, max_lines=6, elem_id="image-negative")  # fmt: skip
    with gr.Row(elem_classes="tight sizes"):
        made["width"] = _number("width", "image-width")
        made["height"] = _number("height", "image-height")
    with gr.Row(elem_classes="tight sizes"):
        made["steps"] = _number("steps", "image-steps")
        made["guidance_scale"] = _number("guidance_scale", "image-guidance")
    gr.HTML(f"{t('sampling_help')}", elem_classes="help")
    names: list[Any] = [(t("scheduler_own"), ""), *((scheduler.name, scheduler.name) for scheduler in SCHEDULERS)]
    made["scheduler"] = gr.Dropdown(names, value="", label=t("scheduler"), info=t("scheduler_help"), elem_id="image-scheduler")  # fmt: skip
    made["adapters"] = gr.Textbox(
        label=t("adapters"), info=t("adapters_help"), lines=2, max_lines=6, elem_id="image-adapters", visible=not services.settings.is_public_demo,
    )  # fmt: skip
    return made


def _number(key: str, elem_id: str, *, value: str = "", placeholder: str = "") -> gr.Textbox:
    """A box for a number that may be empty: gradio 6.31 makes an empty gr.Number 0 when it is first shown."""
    return gr.Textbox(
        value, label=t(key), placeholder=str(t(placeholder)) if placeholder else None, max_lines=1, elem_id=elem_id, min_width=72,
    )  # fmt: skip


def _stage() -> tuple[dict[str, Any], RetouchParts]:
    stage = items("image-stage")
    facts = gr.HTML("", elem_id="image-facts", elem_classes="facts")
    with gr.Row(elem_classes="tight actions", visible=False) as actions:
        parts = {
            "again": small("run_again", "image-again", variant="primary", visible=False),
            "use": small("use_settings", "image-use"),
            "as_input": small("use_as_input", "image-as-input"),
            "sending": items("image-send"),
            "compare": small("compare", "image-compare"),
            "retouch": small("retouch", "image-retouch"),
            "star": small("star", "image-star"),
            "download": gr.HTML("", elem_id="image-download"),
        }
    compared = items("image-compared", visible=False)
    with gr.Column(elem_classes="studio-card", visible=False, elem_id="image-retouching") as panel:
        retouch = _retouch(panel)
    queue = items("image-queue")
    return {"stage": stage, "facts": facts, "actions": actions, **parts, "compared": compared, "queue": queue}, retouch


def _retouch(panel: gr.Column) -> RetouchParts:
    with gr.Row(elem_classes="tight sizes"):
        crops = {
            f"crop_{side}": _number(f"crop_{side}", f"image-crop-{side}") for side in ("left", "top", "right", "bottom")
        }
    with gr.Row(elem_classes="tight sizes"):
        turn = gr.Radio([("0°", 0), ("90°", 90), ("180°", 180), ("270°", 270)], value=0, label=t("turn"), elem_id="image-turn", elem_classes="segmented", scale=2)  # fmt: skip
        flips = gr.CheckboxGroup([(t("flip_horizontal"), "horizontal"), (t("flip_vertical"), "vertical")], label=t("flip"), elem_id="image-flip", scale=2)  # fmt: skip
    with gr.Row(elem_classes="tight sizes"):
        width = _number("new_width", "image-new-width")
        height = _number("new_height", "image-new-height")
    with gr.Row(elem_classes="tight actions"):
        save = small("retouch_save", "image-retouch-save", variant="primary")
        close = small("cancel", "image-retouch-close")
    return RetouchParts(panel, **crops, turn=turn, flips=flips, width=width, height=height, save=save, close=close)

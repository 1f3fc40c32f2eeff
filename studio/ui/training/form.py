"""The settings of a trainer as a form of our own HTML, drawn from its dataclass, and what a person filled into it.

Knows no gradio. What comes back is text from a browser: it is read by the kind of the setting, and checked where every
request is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from pipelines.errors.training import WrongSetting
from pipelines.training.trainer import accumulates, choices, flat, ranges
from pipelines.types.training import Setting
from studio.ui.safe import escape
from studio.ui.words import WORDS, say

FIRST = ("plan.steps", "batch", "plan.learning_rate")  # the others stand under More settings
KINDS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Field:
    """A setting: its name in a request, its value now, where it lies, and what it may be where that is a list."""

    name: str
    value: Setting
    bounds: tuple[float, float] | None
    options: tuple[str, ...]


def fields_of(trainer: ModuleType, preset: str) -> list[Field]:
    """Every setting of a trainer with the value that a preset gives it, the most important first."""
    settings = trainer.PRESETS[preset]
    bounds, options = ranges(settings), choices(settings)
    found = [Field(name, value, bounds.get(name), options.get(name, ())) for name, value in flat(settings).items()]
    if not accumulates(trainer):
        found = [field for field in found if field.name != "plan.accumulation"]
    order = {name: place for place, name in enumerate(FIRST)}
    return sorted(found, key=lambda field: (order.get(field.name, len(order)), field.name.startswith("plan.")))


def read(trainer: ModuleType, preset: str, filled: Mapping[str, object]) -> dict[str, Setting]:
    """What of the form differs from the preset, as a request has it. Raises WrongSetting."""
    wanted: dict[str, Setting] = {}
    for field in fields_of(trainer, preset):
        if field.name in filled and (value := _value(field, filled[field.name])) != field.value:
            wanted[field.name] = value
    return wanted


def _value(field: Field, written: object) -> Setting:
    if isinstance(field.value, bool):
        return written is True
    text = str(written).strip()
    if isinstance(field.value, str):
        return text
    try:
        return type(field.value)(text)
    except ValueError as error:
        label = setting_name(field.name, "en")
        raise WrongSetting(setting=label, value=text[:60], wanted=KINDS[type(field.value)]) from error


def setting_name(name: str, language: str) -> str:
    """What the page calls a setting; one that has no words yet is called by its name."""
    key = f"set_{name}"
    return say(key, language) if key in WORDS else name.removeprefix("plan.").replace("_", " ").capitalize()


# ── as HTML ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def form(fields: list[Field], values: Mapping[str, Setting], language: str) -> str:
    """The form with `values` in place of the preset's. Its elements are read by the names of the settings."""
    first = "".join(_row(field, values, language) for field in fields if field.name in FIRST)
    more = "".join(_row(field, values, language) for field in fields if field.name not in FIRST)
    return (
        f'<form class="settings" onsubmit="return false">{first}'
        f"<details><summary>{escape(say('more_settings', language))}</summary>{more}</details></form>"
    )


def _row(field: Field, values: Mapping[str, Setting], language: str) -> str:
    name, key = escape(field.name), f"set_{field.name}_help"
    element = f"training-set-{name.replace('.', '-').replace('_', '-')}"
    note = escape(say(key, language)) if key in WORDS else ""
    if field.bounds is not None:
        note = f"{note} <span class='mono'>{_short(field.bounds[0])} – {_short(field.bounds[1])}</span>"
    return (
        f'<div class="setting"><label for="{element}">{escape(setting_name(field.name, language))}</label>'
        f"{_input(field, values.get(field.name, field.value), element)}<small>{note}</small></div>"
    )


def _input(field: Field, value: Setting, element: str) -> str:
    named = f'id="{element}" name="{escape(field.name)}"'
    if isinstance(field.value, bool):
        return f'<input type="checkbox" {named}{" checked" if value is True else ""}>'
    if field.options:
        offered = "".join(
            f'<option{" selected" if option == value else ""} value="{escape(option)}">{escape(option)}</option>'
            for option in field.options
        )
        return f"<select {named}>{offered}</select>"
    mode = "numeric" if isinstance(field.value, int) else "decimal" if isinstance(field.value, float) else "text"
    return f'<input type="text" inputmode="{mode}" autocomplete="off" {named} value="{escape(value)}">'


def _short(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e12 else f"{number:g}"

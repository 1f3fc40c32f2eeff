"""The form of a trainer's settings, and what comes back of it."""

from html.parser import HTMLParser

import pytest

from pipelines.errors.training import WrongSetting
from pipelines.training.trainer import accumulates, find_trainers, flat
from studio.ui.training.form import fields_of, form, read, setting_name

TRAINERS = find_trainers()


class Names(HTMLParser):
    """The fields of a form with the values that they show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, object] = {}
        self.scripts = 0
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        self.scripts += tag == "script"
        if tag == "input" and about.get("name"):
            is_box = about.get("type") == "checkbox"
            self.values[str(about["name"])] = "checked" in about if is_box else about.get("value")
        elif tag == "select":
            self._select = str(about["name"])
        elif tag == "option" and "selected" in about:
            self.values[self._select] = about["value"]


@pytest.mark.parametrize("trainer", sorted(TRAINERS))
@pytest.mark.parametrize("preset", ["cpu", "gpu"])
def test_every_setting_of_every_trainer_is_in_the_form_and_comes_back_as_it_was(trainer: str, preset: str) -> None:
    module = TRAINERS[trainer]
    shown = Names(form(fields_of(module, preset), {}, "en")).values
    refused = set() if accumulates(module) else {"plan.accumulation"}  # with two networks and two losses
    assert set(shown) == set(flat(module.PRESETS[preset])) - refused
    assert read(module, preset, shown) == {}, "what is left as it is is not asked for"


def test_only_what_differs_from_the_preset_is_asked_for() -> None:
    module = TRAINERS["cnn"]
    filled = {"plan.steps": " 50 ", "plan.learning_rate": "4e-3", "plan.bf16": True, "batch": "64", "nonsense": "1"}
    assert read(module, "cpu", filled) == {"plan.steps": 50, "plan.bf16": True}


@pytest.mark.parametrize("written", ["", "many", "1.5", "<script>", "9" * 5000])
def test_what_is_no_number_is_refused_by_the_name_that_the_page_shows(written: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        read(TRAINERS["cnn"], "cpu", {"plan.steps": written})
    assert "Steps" in refused.value.say("en") and len(refused.value.say("en")) < 300


def test_what_stands_in_a_field_is_text() -> None:
    attack = '"><script>alert(1)</script>'
    html = form(fields_of(TRAINERS["cnn"], "cpu"), {"plan.steps": attack}, "en")
    shown = Names(html)
    assert shown.scripts == 0 and shown.values["plan.steps"] == attack


def test_a_setting_without_words_is_called_by_its_name() -> None:
    assert setting_name("plan.some_thing_new", "zh") == "Some thing new"
    assert setting_name("plan.steps", "zh") == "步数"

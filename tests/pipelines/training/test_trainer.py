"""What the page and a request need of a trainer: its settings, their ranges, and what is refused."""

import pytest

from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.training import UnknownSetting, WrongSetting
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import changed, choices, find_trainers, flat, ranges

TRAINERS = find_trainers()
DATASETS = find_datasets()


@pytest.mark.parametrize("name", TRAINERS)
def test_a_trainer_has_the_shape(name):
    trainer = TRAINERS[name]
    assert trainer.IS_BETTER in ("higher", "lower")
    assert isinstance(trainer.METRIC, str) and isinstance(trainer.NEEDS_MODEL, bool)
    assert set(trainer.PRESETS) == {"cpu", "gpu"}
    assert [dataset for dataset in DATASETS.values() if serves(dataset, trainer)]
    for preset in trainer.PRESETS.values():
        values, bounds, options = flat(preset), ranges(preset), choices(preset)
        assert set(bounds) | set(options) <= set(values)
        assert changed(name, preset, values) == preset  # so every preset lies within its own ranges
        numbers = [key for key, value in values.items() if type(value) in (int, float)]
        assert set(numbers) <= set(bounds)
        assert {key for key, value in values.items() if isinstance(value, str)} <= {*options, "words"}  # free text


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_says_where_it_comes_from(name):
    dataset = DATASETS[name]
    assert dataset.LICENCE and dataset.SOURCE.startswith(("https://", "the synthesiser of this studio"))
    assert isinstance(dataset.ATTRIBUTION, str)
    assert isinstance(dataset.LANGUAGES, tuple)
    assert [trainer for trainer in TRAINERS.values() if serves(dataset, trainer)]


def test_settings_are_changed_by_name_and_what_is_wrong_is_refused():
    cpu = TRAINERS["cnn"].PRESETS["cpu"]
    made = changed("cnn", cpu, {"plan.steps": 7, "plan.learning_rate": 1, "width": 8})
    assert (made.plan.steps, made.plan.learning_rate, made.width) == (7, 1.0, 8)
    assert made.plan.betas == cpu.plan.betas
    for wrong in ({"heigth": 3}, {"plan": 3}, {"plan.betas": 0.5}):
        with pytest.raises(UnknownSetting):
            changed("cnn", cpu, wrong)
    for wrong in ({"width": 8.0}, {"width": "8"}, {"width": True}, {"plan.bf16": 1}):
        with pytest.raises(WrongSetting):
            changed("cnn", cpu, wrong)
    for wrong in ({"width": 0}, {"plan.steps": 0}, {"plan.learning_rate": float("nan")}):
        with pytest.raises(SettingOutOfRange):
            changed("cnn", cpu, wrong)

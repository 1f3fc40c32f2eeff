"""A data set divided anew: by its seed, every class alike, every fold once, and never an example on two sides."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipelines.errors.training import CannotBeSplit, NoSuchFold
from pipelines.training.data import Concepts, Data, Dialogues, LabelledTexts, Pictures, Sounds, Texts, find_datasets
from pipelines.training.plan import Plan
from pipelines.training.splitting import folds, split
from pipelines.training.trainer import find_trainers
from tests.pipelines.tiny_concepts import tiny_concepts
from tests.pipelines.training.short import SETTINGS, data_of, settings_of

PLAN = Plan(steps=1, learning_rate=0.1)
WORDS = tuple(f"text {number}" for number in range(90))
LABELS = tuple(0 if number % 3 else 1 for number in range(90))  # a third
LABELLED = LabelledTexts(WORDS[:80], WORDS[80:], LABELS[:80], LABELS[80:], ("common", "rare"))


def told(data: Data) -> tuple[list, list]:
    """What tells the examples of both sides apart."""
    if isinstance(data, Pictures):
        return [one.numpy().tobytes() for one in data.pictures], [one.numpy().tobytes() for one in data.held_out]
    if isinstance(data, Sounds):
        return [one.tolist() for one in data.sounds], [one.tolist() for one in data.held_out]
    return list(data.dialogues if isinstance(data, Dialogues) else data.texts), list(data.held_out)


def every(count: int) -> list[Data]:
    pixels = torch.arange(count * 12, dtype=torch.int64).remainder(251).byte().view(count, 3, 2, 2)
    labels, part = torch.arange(count) % 2, count * 3 // 4
    waves = tuple(torch.full((4,), number / count) for number in range(count))
    said = tuple(f"said {number}" for number in range(count))
    talks = tuple(({"role": "user", "content": text}, {"role": "assistant", "content": "?"}) for text in said)
    numbers = tuple(labels.tolist())
    return [
        Pictures(pixels[:part], pixels[part:], labels[:part], labels[part:], ("a", "b"), 255, said[:part], said[part:]),
        Pictures(pixels[:part], pixels[part:], labels[:0], labels[:0], (), 255),
        Sounds(waves[:part], waves[part:], numbers[:part], numbers[part:], ("a", "b"), said[:part], said[part:], 8000),
        Texts(said[:part], said[part:]),
        LabelledTexts(said[:part], said[part:], numbers[:part], numbers[part:], ("a", "b")),
        Dialogues(talks[:part], talks[part:]),
    ]


def test_as_it_comes_it_stays() -> None:
    assert split(LABELLED, PLAN, "x").data is LABELLED and split(LABELLED, PLAN, "x").test is None


@pytest.mark.parametrize("data", every(40), ids=lambda data: type(data).__name__)
def test_nothing_is_lost_doubled_or_on_two_sides(data: Data) -> None:
    parts = split(data, replace(PLAN, validation=0.25, test=0.1), "x")
    assert parts.test is not None
    (train, held_out), (again, test) = told(parts.data), told(parts.test)
    assert train == again and (len(train), len(held_out), len(test)) == (26, 10, 4)
    before = told(data)
    assert sorted(map(str, train + held_out + test)) == sorted(map(str, before[0] + before[1]))
    if isinstance(data, Pictures) and data.captions:  # each keeps its own
        where = dict(zip([*before[0], *before[1]], data.captions + data.held_out_captions, strict=True))
        assert [where[one] for one in held_out] == list(parts.data.held_out_captions)


def test_every_class_is_divided_alike_by_the_seed() -> None:
    plan = replace(PLAN, validation=0.2, test=0.2)
    one, same, other = (split(LABELLED, replace(plan, split_seed=seed), "x") for seed in (1, 1, 2))
    assert one == same and one.data.held_out != other.data.held_out
    for part in (one, other):
        assert part.data.held_out_labels.count(1) == part.test.held_out_labels.count(1) == 6
    assert split(LABELLED, replace(plan, validation=0.4), "x").test.held_out != ()
    assert split(LABELLED, replace(plan, validation=0.4), "x").test.held_out == split(LABELLED, plan, "x").test.held_out


def test_each_example_is_held_out_in_one_fold_and_the_test_part_in_none() -> None:
    plan = replace(PLAN, folds=4, test=0.1)
    runs = [split(LABELLED, replace(plan, fold=wanted["plan.fold"]), "x") for wanted in folds(plan)]
    assert len(runs) == 4
    held_out = [text for run in runs for text in run.data.held_out]
    assert len(held_out) == len(set(held_out)) == 81 and not set(held_out) & set(runs[0].test.held_out)
    assert len({run.test.held_out for run in runs}) == 1
    assert {run.data.held_out_labels.count(1) for run in runs} <= {6, 7}
    assert all(len(run.data.texts) + len(run.data.held_out) == 81 for run in runs)


def test_a_test_part_alone_leaves_held_out_what_was() -> None:
    parts = split(LABELLED, replace(PLAN, test=0.3), "x")
    assert set(parts.data.held_out) < set(LABELLED.held_out) | set(parts.test.held_out)
    assert set(parts.data.held_out).isdisjoint(LABELLED.texts)


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (3, 3), (2, 19)])
def test_there_is_no_such_fold(folds: int, fold: int) -> None:
    with pytest.raises(NoSuchFold):
        split(LABELLED, replace(PLAN, folds=folds, fold=fold), "x")


def test_what_cannot_be_split_says_so() -> None:
    concepts = tiny_concepts()
    assert isinstance(concepts, Concepts) and split(concepts, PLAN, "x").data is concepts
    for data in (concepts, Texts(("a", "b"), ("c",))):
        with pytest.raises(CannotBeSplit):
            split(data, replace(PLAN, validation=0.2), "x")


def test_real_data_too() -> None:
    digits = find_datasets()["digits"].load(Path("unused"))
    parts = split(digits, replace(PLAN, folds=5, fold=1), "digits")
    counts = parts.data.held_out_labels.bincount()
    assert len(parts.data.held_out) in (359, 360) and int(counts.max() - counts.min()) <= 3


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"captioner", "fusion"}))
def test_what_is_trained_can_be_measured_on_what_was_kept_for_the_end(name: str) -> None:
    """A course made for the test part has the same networks as the one that learnt, whatever words stand in that part."""
    trainer, settings = find_trainers()[name], settings_of(name, 1)
    data = data_of(trainer.DATA)
    if isinstance(data, Pictures):
        told = [f"{name} {number}" for number in range(len(data.pictures) + len(data.held_out))]
        count = len(data.pictures)
        data = replace(data, captions=tuple(told[:count]), held_out_captions=tuple(told[count:]))
    parts = split(data, replace(settings.plan, test=0.2), name)
    assert parts.test is not None
    course, other = (trainer.start(settings, part, "cpu") for part in parts)
    for network, weights in course.networks.items():
        other.networks[network].load_state_dict(weights.state_dict())

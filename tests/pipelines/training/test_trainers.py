"""Each trainer, in seconds: it learns more than its baseline knows, resumes to the bit, and its model is served by a family."""

import math
from pathlib import Path

import pytest
import torch

from pipelines.base import find_families
from pipelines.loading.inspection.weights import check_model
from pipelines.networks import latent_map
from pipelines.training.loop import train
from pipelines.training.trainer import find_trainers
from tests.pipelines.training.short import SETTINGS, data_of, settings_of
from tests.pipelines.training.tiny_course import Notes, Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
TRAINERS = find_trainers()
# They keep a score of each held-out example
SCORED = ("cnn", "resnet", "lstm", "char_transformer", "bert_classifier", "lstm_classifier", "sound_classifier")
WITHOUT_A_FAMILY = {"cnn", "resnet"}  # classifiers are tried where they are trained


def start(name, steps=None):
    settings, data = settings_of(name, steps), data_of(TRAINERS[name].DATA)
    torch.manual_seed(settings.plan.seed)
    return TRAINERS[name].start(settings, data, "cpu"), settings.plan


@pytest.fixture(scope="module")
def learnt(one_thread, tmp_path_factory):
    """name → (course, notes, reached) of a short training, made once."""
    made = {}

    def learn(name):
        if name not in made:
            course, plan = start(name)
            notes = Notes()
            made[name] = course, notes, train(course, plan, tmp_path_factory.mktemp(name), notes, Wishes())
        return made[name]

    return learn


def test_no_trainer_is_left_out():
    assert {name for name, trainer in TRAINERS.items() if not trainer.NEEDS_MODEL} == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_it_learns_more_than_its_baseline_and_the_untrained_network(name, learnt):
    trainer, (_, notes, reached) = TRAINERS[name], learnt(name)
    baseline = trainer.baseline(data_of(trainer.DATA), settings_of(name))[trainer.METRIC]
    untrained, trained = notes.rows[0][trainer.METRIC], reached.values[trainer.METRIC]
    better = (lambda a, b: a > b) if trainer.IS_BETTER == "higher" else (lambda a, b: a < b)
    assert better(trained, baseline), (trained, baseline, untrained)
    assert better(trained, untrained), (trained, baseline, untrained)


@pytest.mark.parametrize("name", SETTINGS)
def test_its_samples_come_from_the_same_noise(name, learnt):
    course, _, _ = learnt(name)
    one, other = (_sample(course) for _ in range(2))
    assert one == other
    assert any(one)


def _sample(course):
    torch.manual_seed(3)
    with torch.no_grad():
        sample = course.sample()
    return sample.texts, sample.picture.tobytes() if sample.picture else b""


@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_and_resumed_it_ends_with_the_same_bits(name, tmp_path):
    whole, in_parts = Notes(), Notes()
    course, plan = start(name, steps=6)
    train(course, plan, tmp_path / "whole", whole, Wishes())
    train(start(name, steps=6)[0], plan, tmp_path / "parts", in_parts, Wishes(stop_at=2))
    resumed = start(name, steps=6)[0]
    train(resumed, plan, tmp_path / "parts", in_parts, Wishes())
    for key, network in course.networks.items():
        again = resumed.networks[key].state_dict()
        assert all(torch.equal(value, again[inner]) for inner, value in network.state_dict().items()), key
    assert in_parts.points() == whole.points()
    assert in_parts.samples == whole.samples


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - WITHOUT_A_FAMILY))
def test_its_model_is_one_that_a_family_serves(name, learnt, tmp_path: Path):
    learnt(name)[0].export(tmp_path)
    weights = check_model(tmp_path, name)
    serving = [
        family for family in find_families().values() if family.serves(weights.architectures, weights.file_format)
    ]
    assert len(serving) == 1
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".py", ".bin", ".pt", ".pkl")]


def test_a_map_of_latents_keeps_nothing_for_a_gradient(learnt, tmp_path, monkeypatch):
    seen, charted = [], latent_map.charted
    monkeypatch.setattr(latent_map, "charted", lambda means, *rest: seen.append(means) or charted(means, *rest))
    learnt("vae")[0].export(tmp_path)
    assert [means.requires_grad for means in seen] == [False]
    chart = latent_map.read(tmp_path)
    assert chart is not None and len(chart.classes) == 10 and len(chart.points) > 100


@pytest.mark.parametrize("name", SCORED)
def test_its_scores_of_examples_make_its_metric(name, learnt):
    course, _, reached = learnt(name)
    torch.manual_seed(settings_of(name).plan.seed)  # as the loop does before an evaluation
    with torch.no_grad():
        scores = course.held_out_scores()
    mean = sum(scores.values) / len(scores.values)
    assert (math.exp(mean) if scores.is_log else mean) == pytest.approx(reached.values[TRAINERS[name].METRIC], rel=1e-4)

"""The whole path: a request becomes a run's folder and a model in the catalog, also in several goes."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.training import (
    DataChanged,
    HeadsDoNotFit,
    NetworkTooLarge,
    NoBaseModel,
    TextTooShort,
    UnknownDataset,
    UnknownSetting,
    UnknownTrainer,
    WrongData,
)
from pipelines.image import ImagePipeline
from pipelines.text import TextPipeline
from pipelines.training import trainer
from pipelines.training.data import find_datasets, serves
from pipelines.training.datasets import python_docs
from pipelines.training.metrics import read_metrics
from pipelines.training.run import run
from pipelines.types.image import ImageRequest
from pipelines.types.text import Sampling, TextRequest
from pipelines.types.training import Metrics, Sampled, TrainRequest
from tests.pipelines.training.short import SETTINGS, data_of
from tests.pipelines.training.tiny_course import Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
ASKED = TrainRequest("vae", "digits", {**SETTINGS["vae"], "plan.steps": 10}, name="My digits!", run=RUN)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home, where runs/ and models/ are; short texts."""
    texts = data_of("texts")
    monkeypatch.setattr(python_docs, "load", lambda packages: texts)
    return tmp_path


def test_a_request_becomes_a_folder_a_model_and_what_was_told(home):
    # 1 Trained
    told = []
    folder = home / "runs" / RUN
    result = run(ASKED, folder, told.append)
    assert (result.trainer, result.run, result.step, result.finish_reason) == ("vae", RUN, 10, "stop")
    assert result.seconds > 0
    assert {"reconstruction_error", "baseline_reconstruction_error"} <= set(result.metrics)

    # 2 What a page reads
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == [event.step for event in told if isinstance(event, Metrics)]
    assert "baseline_reconstruction_error" in rows[0]
    samples = [event for event in told if isinstance(event, Sampled)]
    assert [event.step for event in samples] == list(range(11))
    for event in samples:
        assert Image.open(folder / "samples" / event.file).width >= 512
    order = json.loads((folder / "run.json").read_text())
    assert order["settings"]["plan.steps"] == 10 and order["settings"]["latent"] == 16
    assert order["request"]["preset"] == "cpu"

    # 3 The model
    place = home / "models" / result.model
    assert result.model == "my-digits"
    assert not (folder / "model").exists()
    facts = json.loads((place / "model.json").read_text())
    assert (facts["trainer"], facts["dataset"], facts["licence"], facts["run"]) == ("vae", "digits", "CC-BY-4.0", RUN)
    assert facts["metrics"] == result.metrics


def test_a_run_in_several_goes_is_the_same_run_whatever_is_asked_later(home):
    whole = run(ASKED, home / "a" / "runs" / RUN)
    folder = home / "b" / "runs" / RUN
    assert run(ASKED, folder, commands=Wishes(stop_at=0, how="cancel")).step == 0
    assert run(ASKED, folder, commands=Wishes(stop_at=0)).finish_reason == "saved"
    stopped = run(ASKED, folder, commands=Wishes(stop_at=4))
    assert (stopped.step, stopped.finish_reason, stopped.model) == (4, "saved", "")
    cancelled = run(replace(ASKED, settings={}), folder, commands=Wishes(stop_at=2, how="cancel"))
    assert (cancelled.step, cancelled.finish_reason) == (6, "cancelled")
    resumed = run(TrainRequest("cnn", "digits", run=RUN), folder)
    assert (resumed.step, resumed.finish_reason, resumed.model) == (10, "stop", "my-digits")
    assert resumed.metrics == whole.metrics
    one, other = (read_metrics(home / part / "runs" / RUN / "metrics.jsonl") for part in "ab")
    assert [{**row, "seconds": 0} for row in one] == [{**row, "seconds": 0} for row in other]
    weights = [(home / part / "models" / "my-digits" / "model.safetensors").read_bytes() for part in "ab"]
    assert weights[0] == weights[1]


def test_what_was_sampled_after_the_checkpoint_goes_when_the_run_goes_on_from_there(home):
    folder = home / "runs" / RUN
    run(ASKED, folder, commands=Wishes(stop_at=4))
    (folder / "samples" / "step-00000009.png").write_bytes((folder / "samples" / "step-00000004.png").read_bytes())
    run(ASKED, folder, commands=Wishes(stop_at=1))
    assert sorted(path.stem for path in (folder / "samples").iterdir()) == [f"step-{step:08d}" for step in range(6)]


def test_a_run_goes_on_only_with_the_data_it_began_with(home, monkeypatch):
    asked = TrainRequest("lstm", "python_docs", SETTINGS["lstm"], run=RUN)
    folder = home / "runs" / RUN
    run(asked, folder, commands=Wishes(stop_at=1))
    began = data_of("texts")
    monkeypatch.setattr(python_docs, "load", lambda packages: replace(began, texts=(*began.texts, "one more")))
    with pytest.raises(DataChanged):
        run(asked, folder)


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"width": 36, "heads": 8}, HeadsDoNotFit), ({"context": 8192}, TextTooShort), ({"width": 512}, NetworkTooLarge)],
)
def test_settings_that_cannot_work_are_told_in_plain_words(home, monkeypatch, settings, error):
    short = replace(data_of("texts"), held_out=data_of("texts").held_out[:1])
    monkeypatch.setattr(python_docs, "load", lambda packages: short)
    monkeypatch.setattr("pipelines.training.run.free_bytes", lambda store: 60_000_000)
    with pytest.raises(error):
        run(TrainRequest("char_transformer", "python_docs", settings, run=RUN), home / "runs" / RUN)


def test_a_finished_run_that_is_asked_again_makes_its_model_again_and_no_second(home):
    first = run(ASKED, home / "runs" / RUN)
    again = run(ASKED, home / "runs" / RUN)
    assert again.model == first.model and again.metrics == first.metrics
    assert [path.name for path in (home / "models").iterdir()] == ["my-digits"]
    other = run(replace(ASKED, run="1" * 32), home / "runs" / ("1" * 32))
    assert other.model == "my-digits-2"


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "../../escape", "我的 数字"])
def test_a_model_hides_no_other_and_stays_in_its_folder(home, name):
    result = run(replace(ASKED, name=name, settings={**SETTINGS["vae"], "plan.steps": 1}), home / "runs" / RUN)
    assert [path.name for path in (home / "models").iterdir()] == [result.model]
    expected = {"smollm2-135m-instruct": "smollm2-135m-instruct-2", "../../escape": "escape", "我的 数字": "我的-数字"}
    assert result.model == expected[name]


def test_a_trained_generator_stands_in_the_image_tab_and_keeps_its_seeds(home):
    result = run(ASKED, home / "runs" / RUN)
    pipeline = ImagePipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    assert result.model in [row.id for row in pipeline.catalog.rows("text-to-image")]
    drawn = pipeline.generate(ImageRequest(result.model, seed=7, count=3))
    assert (drawn.width, drawn.height, drawn.images[0].mode) == (8, 8, "RGB")
    assert len({image.tobytes() for image in drawn.images}) == 3
    second = pipeline.generate(ImageRequest(result.model, seed=8))
    assert second.images[0].tobytes() == drawn.images[1].tobytes()


@pytest.mark.parametrize("name", ["char_transformer", "lstm"])
def test_a_trained_language_model_goes_on_with_a_text_in_the_text_tab(home, name):
    settings = {**SETTINGS[name], "plan.steps": 4}
    result = run(TrainRequest(name, "python_docs", settings, run=RUN), home / "runs" / RUN)
    assert result.model == f"{name}-python_docs"
    text = (home / "runs" / RUN / "samples" / "step-00000004.txt").read_text()
    assert text.strip()
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    sampling = Sampling(max_new_tokens=12, seed=3)
    request = TextRequest(result.model, "continue", text="The class", sampling=sampling)
    one, again = pipeline.generate(request), pipeline.generate(request)
    assert one.text and one.text == again.text
    other = pipeline.generate(replace(request, sampling=replace(sampling, seed=4)))
    assert other.text != one.text


def test_a_trained_bert_fills_a_gap_in_the_text_tab(home):
    settings = {**SETTINGS["bert_mlm"], "plan.steps": 4}
    result = run(TrainRequest("bert_mlm", "python_docs", settings, run=RUN), home / "runs" / RUN)
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    filled = pipeline.generate(TextRequest(result.model, "fill-mask", text="the [MASK] of a class"))
    assert len(filled.candidates) == 5


def test_a_model_of_words_and_pictures_is_drawn_with_like_any_other(home):
    settings = {**SETTINGS["latent_diffusion"], "plan.steps": 4}
    result = run(TrainRequest("latent_diffusion", "digits", settings, run=RUN), home / "runs" / RUN)
    pipeline = ImagePipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    spec = pipeline.catalog.find(result.model)
    assert spec.defaults is not None
    assert (spec.defaults.width, spec.defaults.steps, spec.defaults.guidance_scale) == (16, 12, 2.0)
    three, eight = (pipeline.generate(ImageRequest(result.model, prompt=word, seed=1)).images[0] for word in ("3", "8"))
    assert three.size == (16, 16)
    assert three.tobytes() != eight.tobytes()  # it listens


def test_a_trained_classifier_is_read_by_transformers_and_says_the_same(home):
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    settings = {**SETTINGS["cnn"], "plan.steps": 30}
    result = run(TrainRequest("cnn", "digits", settings, run=RUN), home / "runs" / RUN)
    place = home / "models" / result.model
    data = data_of("pictures")
    pictures = [Image.fromarray(row[0].numpy()) for row in data.held_out]
    inputs = AutoImageProcessor.from_pretrained(place)(pictures, return_tensors="pt")
    model = AutoModelForImageClassification.from_pretrained(place).eval()
    with torch.no_grad():
        said = model(**inputs).logits.argmax(1)
    accuracy = (said == data.held_out_labels).float().mean().item()
    assert accuracy == pytest.approx(result.metrics["accuracy"], abs=0.05)
    confusion = json.loads((place / "model.json").read_text())["confusion"]
    assert sum(map(sum, confusion)) == len(data.held_out)
    right = sum(confusion[label][label] for label in range(10)) / len(data.held_out)
    assert right == pytest.approx(result.metrics["accuracy"])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"trainer": "nobody"}, UnknownTrainer),
        ({"dataset": "nothing"}, UnknownDataset),
        ({"dataset": "python_docs"}, WrongData),
        ({"settings": {"plan.stepz": 3}}, UnknownSetting),
        ({"settings": {"plan.steps": 0}}, SettingOutOfRange),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(home, change, error):
    with pytest.raises(error):
        run(replace(ASKED, **change), home / "runs" / RUN)
    assert not (home / "runs" / RUN).exists()


def test_a_trainer_that_needs_a_base_says_so(home):
    needing = {name: one for name, one in trainer.find_trainers().items() if one.NEEDS_MODEL}
    for name, one in needing.items():
        dataset = next(name for name, dataset in find_datasets().items() if serves(dataset, one))
        with pytest.raises(NoBaseModel):
            run(TrainRequest(name, dataset, run=RUN), home / "runs" / RUN)

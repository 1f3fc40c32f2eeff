"""All weights of models that draw: they learn, resume to the bit, are averaged, and are models of their own in the Image tab."""

import json

import numpy
import pytest
import torch
from safetensors.torch import load_file

from pipelines.errors.training import NetworkTooLarge
from pipelines.image import ImagePipeline
from pipelines.training import denoiser_course
from pipelines.training.datasets import digits
from pipelines.training.metrics import read_metrics
from pipelines.training.run import run
from pipelines.types.image import ImageRequest
from pipelines.types.training import TrainRequest
from tests.pipelines import tiny_images
from tests.pipelines.training.test_image_lora import pictures_of
from tests.pipelines.training.tiny_course import Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
SETTINGS = {"plan.steps": 4, "plan.learning_rate": 0.005, "batch": 2, "side": 32, "words": "a red"}
DENOISERS = {
    "sd": "unet",
    "flux": "transformer",
    "pixart": "transformer",
}  # the last one takes no adapters, and says more
FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def home(tmp_path, monkeypatch):
    noise = torch.randint(256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = pictures_of(noise, ("cat", "apple", "", "cat", "apple", "cat"))
    monkeypatch.setattr(digits, "load", lambda packages: data)
    monkeypatch.setattr(denoiser_course, "SHOWN_STEPS", 1)
    return tmp_path


@pytest.mark.parametrize("kind", DENOISERS)
def test_it_learns_and_is_a_model_of_its_own_that_draws(kind, home):
    # 1 Learnt: better than the base, which is the first row
    models, folder = home / "models", home / "runs" / RUN
    getattr(tiny_images, kind)(models / kind)
    settings = {**SETTINGS, "plan.steps": 12}
    result = run(TrainRequest("image_full", "digits", settings, model=kind, name="mine", run=RUN), folder)
    assert result.metrics["denoising_error"] < read_metrics(folder / "metrics.jsonl")[0]["denoising_error"]

    # 2 All of the denoiser has changed, and nothing else
    for part, is_trained in ((DENOISERS[kind], True), ("vae", False)):
        before, after = (load_file(models / name / part / FILE) for name in (kind, "mine"))
        assert before.keys() == after.keys()
        assert any(not torch.equal(value, after[name]) for name, value in before.items()) == is_trained

    # 3 It stands in the list, under its own card, and draws otherwise
    facts = json.loads((models / "mine" / "model.json").read_text())
    assert (facts["base"], facts["words"]) == (kind, ["a red", "a red, apple", "a red, cat"])
    assert "is_adapter" not in facts
    said = [json.loads(file.read_text()) for file in (models / "mine").rglob("*.json")]
    assert {one["_name_or_path"] for one in said if isinstance(one, dict) and one.get("_name_or_path")} == {kind}
    assert not [file for file in (models / "mine").rglob("*.json") if str(home) in file.read_text()]
    assert f"- Base: `{kind}`" in (models / "mine" / "README.md").read_text()
    images = ImagePipeline.on_this_machine(models, device="cpu")
    assert "mine" in {row.id for row in images.catalog.rows()} and images.catalog.adapters_of(kind) == []
    few = {"prompt": "a red cat", "seed": 1, "steps": 2, "width": 32, "height": 32, "guidance_scale": 1.0}
    drawn = [numpy.asarray(images.generate(ImageRequest(name, **few)).images[0]) for name in (kind, "mine")]
    assert (drawn[0] != drawn[1]).any()


def test_stopped_and_resumed_it_ends_with_the_same_bits(home):
    (home / "models").mkdir()
    tiny_images.sd(home / "models" / "tiny")
    asked = TrainRequest("image_full", "digits", SETTINGS, model="tiny", name="mine", run=RUN)
    for name, stops in (("whole", ()), ("parts", (2, 1))):
        folder = home / name / "runs" / RUN
        (home / name / "models").mkdir(parents=True)
        (home / name / "models" / "tiny").symlink_to(home / "models" / "tiny")
        for stop in stops:
            assert run(asked, folder, commands=Wishes(stop)).finish_reason == "saved"
        run(asked, folder)
    whole, parts = (load_file(home / name / "models" / "mine" / "unet" / FILE) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_a_base_that_has_no_room_to_be_trained_is_refused(home, monkeypatch):
    tiny_images.sd(home / "models" / "tiny")
    monkeypatch.setattr("pipelines.training.size.free_bytes", lambda store: 100_000)
    with pytest.raises(NetworkTooLarge):
        run(TrainRequest("image_full", "digits", SETTINGS, model="tiny", run=RUN), home / "runs" / RUN)

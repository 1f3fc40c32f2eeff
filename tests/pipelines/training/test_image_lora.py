"""A LoRA of models that draw: it learns from ten pictures, resumes to the bit, and is laid over its base in the Image tab."""

from pathlib import Path

import numpy
import pytest
import torch
from PIL import ImageOps
from safetensors.torch import load_file

from pipelines.errors.training import BaseNotTrainable
from pipelines.image import ImagePipeline
from pipelines.training import denoiser_course
from pipelines.training.base_model import BaseModel, find_base
from pipelines.training.data import Pictures
from pipelines.training.datasets import digits
from pipelines.training.metrics import read_metrics
from pipelines.training.pictures import to_tensor
from pipelines.training.run import run
from pipelines.training.trainer import changed
from pipelines.training.trainers import image_lora
from pipelines.types.adapter import Adapter
from pipelines.types.events import ignore
from pipelines.types.image import ImageRequest
from pipelines.types.training import TrainRequest
from tests.pipelines import tiny_images
from tests.pipelines.training.tiny_course import Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
STARTER = "openmoji-128"
THINGS = ("red apple", "dog face", "guitar", "rocket", "umbrella", "tulip", "fish", "house", "star", "cat face")
SETTINGS = {"plan.steps": 3, "plan.learning_rate": 0.05, "batch": 2, "side": 32, "words": "a red"}
TRAINABLE = ("sd", "sdxl", "sd3", "flux", "sana")
FILE = "pytorch_lora_weights.safetensors"


def pictures_of(tensor: torch.Tensor, captions: tuple[str, ...] = ()) -> Pictures:
    nothing = torch.empty(0, dtype=torch.long)
    return Pictures(tensor, tensor[::2], nothing, nothing, (), 255, captions, captions[::2])


@pytest.fixture
def home(tmp_path, monkeypatch):
    noise = torch.randint(256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = pictures_of(noise, ("cat", "apple", "", "cat", "apple", "cat"))
    monkeypatch.setattr(digits, "load", lambda packages: data)
    monkeypatch.setattr(denoiser_course, "SHOWN_STEPS", 2)
    return tmp_path


def draw(images: ImagePipeline, model: str, text: str, *adapters: Adapter, **more: object) -> numpy.ndarray:
    request = ImageRequest(model, prompt=text, seed=1, adapters=adapters, **more)
    return numpy.asarray(images.generate(request).images[0].convert("RGB").resize((32, 32))) / 255


def test_ten_pictures_change_what_the_starter_draws_towards_them(tmp_path):
    # 1 Ten things as the starter draws them, but in blue, and what the model without the adapter draws of their names
    images = ImagePipeline.on_this_machine(tmp_path / "models", device="cpu")
    seen = [images.generate(ImageRequest(STARTER, prompt=thing, seed=9, steps=3)).images[0] for thing in THINGS]
    blue = [ImageOps.colorize(picture.convert("L"), "#1030a0", "#ffffff") for picture in seen]
    before = [draw(images, STARTER, thing, steps=3) for thing in THINGS]

    # 2 Learnt
    settings = changed(
        "image_lora", image_lora.PRESETS["cpu"], {"plan.steps": 36, "plan.decay_steps": 18, "plan.learning_rate": 0.002}
    )
    base = find_base(STARTER, tmp_path / "models", ignore)
    course = image_lora.start(settings, pictures_of(to_tensor(blue), THINGS), "cpu", base)
    torch.manual_seed(0)
    with torch.no_grad():
        untrained = course.evaluate()["denoising_error"]
    for number in range(36):
        torch.manual_seed(number)
        course.step(number)
    torch.manual_seed(0)
    with torch.no_grad():
        assert course.evaluate()["denoising_error"] < 0.8 * untrained
    place = tmp_path / "models" / "blue"
    place.mkdir(parents=True)
    assert course.export(place)["is_adapter"] is True

    # 3 From the same noise, with the adapter: nearer to the ten by a fifth at least
    after = [draw(images, STARTER, thing, Adapter("blue"), steps=3) for thing in THINGS]
    wanted = [numpy.asarray(picture.resize((32, 32))) / 255 for picture in blue]
    far, near = (
        numpy.mean([numpy.linalg.norm(one - other) for one, other in zip(drawn, wanted, strict=True)])
        for drawn in (before, after)
    )
    assert near < 0.8 * far, (near, far)


@pytest.mark.parametrize("kind", TRAINABLE)
def test_every_kind_of_denoiser_learns_and_takes_what_was_learnt(kind, home):
    getattr(tiny_images, kind)(home / "models" / kind)
    folder = home / "runs" / RUN
    settings = {**SETTINGS, "plan.test": 0.3} if kind == "sd" else SETTINGS
    result = run(TrainRequest("image_lora", "digits", settings, model=kind, name="mine", run=RUN), folder)
    assert ("test_denoising_error" in result.metrics) == (kind == "sd")
    assert read_metrics(folder / "metrics.jsonl")[-1]["denoising_error"] == result.metrics["denoising_error"]
    assert all("lora_" in name for name in load_file(home / "models" / "mine" / FILE))

    images = ImagePipeline.on_this_machine(home / "models", device="cpu")
    few = {"steps": 2, "width": 32, "height": 32, "guidance_scale": 1.0}
    bare, laid = draw(images, kind, "a red cat", **few), draw(images, kind, "a red cat", Adapter("mine"), **few)
    assert (bare != laid).any()
    assert images.catalog.adapters_of(kind) == ["mine"]
    assert images.catalog.adapters_of("another") == []


def test_stopped_and_resumed_it_ends_with_the_same_bits(home):
    (home / "models").mkdir()
    tiny_images.sd(home / "models" / "tiny")
    asked = TrainRequest("image_lora", "digits", {**SETTINGS, "plan.steps": 5}, model="tiny", name="mine", run=RUN)
    for name, stops in (("whole", ()), ("parts", (2, 1))):
        folder = home / name / "runs" / RUN
        (home / name / "models").mkdir(parents=True)
        (home / name / "models" / "tiny").symlink_to(home / "models" / "tiny")
        for stop in stops:
            assert run(asked, folder, commands=Wishes(stop)).finish_reason == "saved"
        run(asked, folder)
    whole, parts = (load_file(home / name / "models" / "mine" / FILE) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_a_base_in_half_precision_is_measured_as_it_is_trained(home, monkeypatch):
    tiny_images.sd(home / "models" / "tiny")
    load = BaseModel.load_pipeline
    monkeypatch.setattr(BaseModel, "load_pipeline", lambda self, device, dtype: load(self, device, "bfloat16"))
    settings = changed("image_lora", image_lora.PRESETS["gpu"], {**SETTINGS, "side": 32})
    course = image_lora.start(settings, digits.load(Path()), "cpu", find_base("tiny", home / "models", ignore))
    torch.manual_seed(0)
    with torch.no_grad():
        before = course.evaluate()["denoising_error"]
    for number in range(3):
        course.step(number)
    torch.manual_seed(0)
    with torch.no_grad():
        assert 0 < course.evaluate()["denoising_error"] != before
    assert course.sample().picture is not None
    assert course.networks["denoiser"].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pixart", "takes no adapters"),
        ("z_image", "not known"),
        ("qwen_image", "autoencoder"),
        ("pix2pix", "words alone"),
    ],
)
def test_what_cannot_be_trained_is_said(kind, reason, home):
    getattr(tiny_images, kind)(home / "models" / kind)
    with pytest.raises(BaseNotTrainable) as refused:
        run(TrainRequest("image_lora", "digits", SETTINGS, model=kind, run=RUN), home / "runs" / RUN)
    assert reason in refused.value.say("en")
    assert kind in refused.value.say("zh")
    assert refused.value.details["reason"] not in refused.value.say("zh")


def test_a_language_model_is_no_base_for_pictures_nor_the_other_way_round(home):
    from tests.pipelines.tiny_texts import save_causal

    save_causal(home / "image_lora" / "models" / "words")
    tiny_images.sd(home / "causal_lm" / "models" / "pictures")
    for trainer, dataset, model in (("image_lora", "digits", "words"), ("causal_lm", "python_docs", "pictures")):
        with pytest.raises(BaseNotTrainable):
            run(TrainRequest(trainer, dataset, {"plan.steps": 1}, model=model, run=RUN), home / trainer / "runs" / RUN)

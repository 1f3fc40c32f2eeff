"""A whole Stable Diffusion in one safetensors file, as fine-tunes are passed on."""

import shutil
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.errors.models import ModelDamaged, SettingsMissing, UnsafeModel, UnsupportedModel
from pipelines.image import ImagePipeline
from pipelines.loading.inspection.weights import check_model
from pipelines.types.image import ImageRequest
from pipelines.types.model import ImageDefaults
from tests.pipelines import tiny_images
from tests.pipelines.tiny_checkpoint import single_file

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_images.sd(tmp_path_factory.mktemp("sd") / "sd", words=768)


@pytest.fixture
def file(folder: Path, tmp_path: Path) -> Path:
    """A file with the settings beside it."""
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.copytree(folder / part, tmp_path / "tuned" / part, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copy(folder / "model_index.json", tmp_path / "tuned")
    return single_file(folder, tmp_path / "tuned.safetensors")


def test_a_single_file_says_what_it_is(file):
    found = check_model(file, "tuned")
    assert found.file_format == "checkpoint" and found.architectures == ("StableDiffusionPipeline",)
    assert found.defaults == ImageDefaults(512, 512, 30, 7.5) and "inpaint" in found.tasks
    assert check_model(file, "tuned-lightning").defaults == ImageDefaults(512, 512, 4, 0.0)


def test_it_draws_what_the_folder_draws(file, folder):
    images = ImagePipeline.on_this_machine(device="cpu")
    drawn = [
        images.generate(ImageRequest(str(path), prompt="a cat", seed=1, steps=2, width=32, height=32)).images[0]
        for path in (file, folder)
    ]
    one, other = (numpy.asarray(image).astype(int) for image in drawn)
    assert numpy.abs(one - other).max() <= 1


def test_without_the_settings_it_is_refused_plainly(file, tmp_path):
    shutil.rmtree(tmp_path / "tuned")
    with pytest.raises(SettingsMissing) as caught:
        ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(file), prompt="a cat"))
    assert "stable-diffusion-v1-5/stable-diffusion-v1-5" in caught.value.say("zh")


def test_settings_that_ask_for_code_are_refused(file, tmp_path):
    (tmp_path / "tuned" / "unet" / "config.json").write_text('{"auto_map": {"AutoModel": "x.y"}}')
    with pytest.raises(UnsafeModel):
        ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(file), prompt="a cat"))


def test_a_file_with_weights_left_out_is_refused(file):
    tensors = load_file(file)
    del tensors["model.diffusion_model.middle_block.0.in_layers.2.weight"]
    save_file(tensors, file)
    with pytest.raises(ModelDamaged):
        ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(file), prompt="a cat", steps=1))


def test_other_files_are_refused_plainly(file, tmp_path):
    save_file({"double_blocks.0.weight": torch.zeros(2)}, tmp_path / "flux.safetensors")
    renamed = file.rename(tmp_path / "tuned.ckpt")
    for path in (tmp_path / "flux.safetensors", renamed):
        with pytest.raises(UnsupportedModel, match="single file"):
            check_model(path, "x")
    (tmp_path / "pickled.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(UnsafeModel):
        check_model(tmp_path / "pickled.safetensors", "x")

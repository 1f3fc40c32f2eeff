"""LoRA adapters over image models: stacked, weighted, part of the key, and refused in plain words where they do not fit."""

import json
from pathlib import Path

import numpy
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from pipelines.errors.models import AdapterMismatch, ModelDamaged, NotAModel, UnsafeModel
from pipelines.image import ImagePipeline
from pipelines.types.adapter import Adapter
from pipelines.types.image import ImageRequest
from tests.pipelines import tiny_images

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two models, and adapters trained for the first: "one" and "two" as diffusers saves them, "kohya" as others do."""
    root = tmp_path_factory.mktemp("adapters")
    sd = tiny_images.sd(root / "sd")
    return {
        "sd": sd,
        "sd2": tiny_images.sd(root / "sd2", words=32),
        "pixart": tiny_images.pixart(root / "pixart"),
        "flux": tiny_images.flux(root / "flux"),
        "one": _lora(sd, root / "one", seed=1),
        "two": _lora(sd, root / "two", seed=2),
        "kohya": _as_kohya(root / "one", root / "kohya.safetensors"),
    }


def _lora(model: Path, target: Path, seed: int) -> Path:
    import torch
    from diffusers import StableDiffusionPipeline
    from peft import LoraConfig, get_peft_model_state_dict

    pipe = StableDiffusionPipeline.from_pretrained(model)
    pipe.unet.add_adapter(LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    torch.manual_seed(seed)
    for name, weights in pipe.unet.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weights, std=0.3)
    StableDiffusionPipeline.save_lora_weights(target, get_peft_model_state_dict(pipe.unet))
    return target


def _as_kohya(folder: Path, target: Path) -> Path:
    """The names that kohya's trainer gives the same layers; its alpha is a tensor."""
    import torch

    tensors = {}
    with safe_open(folder / "pytorch_lora_weights.safetensors", "pt") as file:
        for name in file.keys():  # noqa: SIM118  it is no dict
            layer, _, side = name.removeprefix("unet.").removesuffix(".weight").rpartition(".")
            kohya = "lora_unet_" + layer.replace(".", "_")
            tensors[f"{kohya}.{'lora_down' if side == 'lora_A' else 'lora_up'}.weight"] = file.get_tensor(name)
            tensors[f"{kohya}.alpha"] = torch.tensor(4.0)
    save_file(tensors, target)
    return target


@pytest.fixture(scope="module")
def images() -> ImagePipeline:
    return ImagePipeline.on_this_machine(device="cpu")


def draw(images: ImagePipeline, model: Path, *adapters: tuple[Path, float]) -> numpy.ndarray:
    laid = tuple(Adapter(str(path), weight) for path, weight in adapters)
    request = ImageRequest(
        str(model), prompt="a red cat", seed=1, steps=3, width=32, height=32, adapters=laid, guidance_scale=1.0
    )
    return numpy.asarray(images.generate(request).images[0]).astype(int)


def test_adapters_change_the_picture_by_their_weight_and_stack(images, folders):
    bare = draw(images, folders["sd"])
    one, two = draw(images, folders["sd"], (folders["one"], 1.0)), draw(images, folders["sd"], (folders["two"], 1.0))
    both = draw(images, folders["sd"], (folders["one"], 1.0), (folders["two"], 0.5))
    weak = draw(images, folders["sd"], (folders["one"], 0.05))
    assert len({image.tobytes() for image in (bare, one, two, both, weak)}) == 5
    assert numpy.abs(weak - bare).mean() < numpy.abs(one - bare).mean()
    assert (draw(images, folders["sd"], (folders["one"], 0.0)) == bare).all()
    assert (draw(images, folders["sd"]) == bare).all()  # the bare model is another copy
    assert (draw(images, folders["sd"], (folders["one"], 1.0)) == one).all()


def test_a_single_file_with_other_names_is_read_too(images, folders):
    bare = draw(images, folders["sd"])
    assert (draw(images, folders["sd"], (folders["kohya"], 1.0)) != bare).any()


@pytest.mark.parametrize("kind", ["sd2", "pixart", "flux"])
def test_an_adapter_of_another_model_is_refused(kind, images, folders):
    with pytest.raises(AdapterMismatch) as caught:
        draw(images, folders[kind], (folders["one"], 1.0))
    assert "adapter" in caught.value.say("en") and "适配器" in caught.value.say("zh")
    assert draw(images, folders[kind]).shape == (32, 32, 3)


def test_an_adapter_for_a_model_that_takes_none_is_refused(images, folders, tmp_path):
    for build in (tiny_images.ddpm, tiny_images.swin2sr):
        target = build(tmp_path / build.__name__)
        request = ImageRequest(str(target), adapters=(Adapter(str(folders["one"])),), steps=1)
        if build is tiny_images.swin2sr:
            from PIL import Image

            Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
            request = ImageRequest(str(target), "upscale", image=str(tmp_path / "p.png"), adapters=request.adapters)
        with pytest.raises(AdapterMismatch):
            images.generate(request)


def test_unsafe_and_broken_adapters_are_refused(images, folders, tmp_path):
    import torch

    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_lora_weights.bin").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(UnsafeModel):
        draw(images, folders["sd"], (pickled, 1.0))

    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NotAModel):
        draw(images, folders["sd"], (empty, 1.0))

    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((folders["one"] / "pytorch_lora_weights.safetensors").read_bytes()[:-100])
    with pytest.raises(ModelDamaged):
        draw(images, folders["sd"], (cut, 1.0))

    code = tmp_path / "code.safetensors"
    settings = json.dumps({"unet.auto_mapping": {"parent_library": "os", "base_model_class": "system"}})
    save_file({"unet.x.lora_A.weight": torch.zeros(1)}, code, metadata={"lora_adapter_metadata": settings})
    with pytest.raises(UnsafeModel, match="auto_mapping"):
        draw(images, folders["sd"], (code, 1.0))

    nonsense = tmp_path / "nonsense.safetensors"
    save_file({"lora.of.nothing": torch.zeros(4, 4)}, nonsense)
    with pytest.raises(AdapterMismatch):
        draw(images, folders["sd"], (nonsense, 1.0))

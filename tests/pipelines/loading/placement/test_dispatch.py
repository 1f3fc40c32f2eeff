"""Where weights lie: dict and disk maps, offload hooks, int8, memory of their own. Real tiny classes on a CPU."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.image import ImagePipeline
from pipelines.loading.memory.cache import ModelCache
from pipelines.loading.placement import dispatch, packed
from pipelines.loading.placement.devices import CPU, Place
from pipelines.types.image import ImageRequest
from tests.pipelines import tiny_images

IDS = [[3, 4, 5, 6]]


def logits(model):
    import torch

    with torch.no_grad():
        return model(torch.tensor(IDS)).logits.float()


def load_causal(folder: Path, **how):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **how)


@pytest.mark.parametrize(
    "device_map",
    [
        {"": "cpu"},
        {"": "disk"},
        {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk", "model.norm": "cpu",
         "model.rotary_emb": "cpu", "lm_head": "disk"},
    ],
    ids=["cpu", "disk", "dict"],
)  # fmt: skip
def test_a_transformers_model_answers_the_same_wherever_it_lies(llama_folder, tmp_path, device_map):
    whole = load_causal(llama_folder)
    model = load_causal(llama_folder, device_map=device_map, offload_folder=str(tmp_path))
    assert (logits(model) == logits(whole)).all()
    on_disk = "disk" in device_map.values()
    assert dispatch.is_movable(model) is not on_disk
    assert dispatch.move([model], "cpu") is not on_disk  # and where it is dispatched nothing is moved
    assert dispatch.bytes_in_memory([model]) < dispatch.bytes_in_memory([whole]) or not on_disk
    assert str(dispatch.device_of(model)) == "cpu"
    before = dispatch.bytes_in_memory([model])
    dispatch.drop(model)
    assert not any(hasattr(part, "_hf_hook") for part in model.modules())
    assert dispatch.bytes_in_memory([model]) == before  # taking hooks off reads nothing back


def test_a_bounded_place_keeps_the_rest_on_disk(make_causal, tmp_path):
    folder = make_causal("Llama", hidden_size=128, num_hidden_layers=6, intermediate_size=512)
    whole = load_causal(folder)
    size = dispatch.bytes_in_memory([whole])
    place = replace(CPU, weights_in_memory_bytes=size // 2, offload_folder=tmp_path)
    on_disk = dispatch.offload_folder(place)
    assert on_disk is not None
    model = load_causal(folder, **dispatch.placed(place, on_disk.name))
    assert (logits(model) == logits(whole)).all()
    assert 0 < dispatch.bytes_in_memory([model]) <= size // 2


@pytest.mark.parametrize("device_map", [{"": "cpu"}, {"": "disk"}, "dict"], ids=["cpu", "disk", "dict"])
def test_a_single_diffusers_model_too(tmp_path, device_map):
    import torch
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    whole = tiny_images.unet().eval()
    whole.save_pretrained(tmp_path / "unet")
    if device_map == "dict":
        device_map = {name: "disk" if "down" in name else "cpu" for name, _ in whole.named_children()}
    how = {"device_map": device_map, "offload_folder": str(tmp_path / "offload")}
    model = UNet2DConditionModel.from_pretrained(tmp_path / "unet", local_files_only=True, **how)
    arguments = (torch.ones(1, 4, 8, 8), 5, torch.ones(1, 3, 16))
    with torch.no_grad():
        assert torch.allclose(model(*arguments).sample, whole(*arguments).sample, atol=1e-5)
    on_disk = "disk" in device_map.values()
    assert dispatch.is_movable(model) is not on_disk
    assert (dispatch.bytes_in_memory([model]) < dispatch.bytes_in_memory([whole])) is on_disk
    dispatch.drop(model)


@pytest.fixture(scope="module")
def sd_folder(tmp_path_factory) -> Path:
    return tiny_images.sd(tmp_path_factory.mktemp("sd"))


def draw(pipeline: ImagePipeline, folder: Path) -> bytes:
    request = ImageRequest(str(folder), prompt="a cat", width=64, height=64, steps=2, seed=7)
    return pipeline.generate(request).images[0].tobytes()


def test_a_pipeline_whose_weights_stay_on_disk_draws_the_same_picture(sd_folder, tmp_path):
    whole = ImagePipeline.on_this_machine(device="cpu", cache_folder=tmp_path)
    picture = draw(whole, sd_folder)
    weights = whole.cache.loaded()[0].about.forecast.weights_bytes
    place = replace(CPU, weights_in_memory_bytes=weights // 3, offload_folder=tmp_path / "offload")
    own = ImagePipeline(whole.catalog, ModelCache(), whole.starters, place)
    assert draw(own, sd_folder) == picture
    (folder,) = (tmp_path / "offload").iterdir()
    on_disk = sum(path.stat().st_size for path in folder.rglob("*.dat"))
    assert 0.6 * weights < on_disk <= weights
    own.cache.unload_all()
    assert list((tmp_path / "offload").iterdir()) == []


@pytest.mark.parametrize("hook", ["model", "sequential", "group"])
def test_diffusers_own_offload_hooks_are_left_alone(sd_folder, tmp_path, hook):
    """What a pipeline of diffusers brings for GPUs, on a CPU as the device to run on."""
    import torch
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(sd_folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)

    def picture():
        generator = torch.Generator().manual_seed(3)
        return pipe("a cat", width=64, height=64, num_inference_steps=2, generator=generator, output_type="np").images

    whole = picture()
    if hook == "group":
        pipe.unet.enable_group_offload(
            onload_device=torch.device("cpu"), offload_type="leaf_level", offload_to_disk_path=str(tmp_path)
        )
        assert any(path.suffix == ".safetensors" for path in tmp_path.iterdir())
    elif hook == "sequential":
        for part in (pipe.unet, pipe.vae, pipe.text_encoder):
            from accelerate import cpu_offload

            cpu_offload(part, execution_device=torch.device("cpu"), offload_buffers=True)
        assert not dispatch.is_movable(pipe.unet)
    else:
        from accelerate import cpu_offload_with_hook

        _, before = cpu_offload_with_hook(pipe.text_encoder, torch.device("cpu"))
        cpu_offload_with_hook(pipe.unet, torch.device("cpu"), prev_module_hook=before)
        assert not dispatch.is_movable(pipe.unet)
    assert abs(picture() - whole).max() < 1e-4
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        dispatch.drop(part)
        assert not any(hasattr(inner, "_hf_hook") for inner in part.modules())


def test_what_killed_processes_left_on_disk_is_swept_away(tmp_path):
    place = replace(CPU, weights_in_memory_bytes=0, offload_folder=tmp_path)
    (tmp_path / "999999999-dead").mkdir()
    (tmp_path / f"{os.getpid()}-alive").mkdir()
    mine = dispatch.offload_folder(place)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert mine is not None and names == sorted([f"{os.getpid()}-alive", Path(mine.name).name])
    assert dispatch.offload_folder(CPU) is None


@pytest.mark.parametrize(("form", "share", "error"), [("int8", 0.45, 0.03), ("int4", 0.33, 0.3)])
def test_packed_weights_are_small_and_nearly_the_same(make_causal, form, share, error):
    folder = make_causal("Qwen2", hidden_size=128, num_hidden_layers=4, intermediate_size=512)
    whole, model = load_causal(folder), load_causal(folder)
    packed.quantise(model, "float32", form)
    assert dispatch.bytes_in_memory([model]) < share * dispatch.bytes_in_memory([whole])
    assert abs(logits(model) - logits(whole)).max() < error * abs(logits(whole)).max()
    assert model.lm_head.weight.dtype == whole.lm_head.weight.dtype  # the scores are not quantised


def t5_words():
    """A text encoder and its words."""
    import torch
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=128, d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4)
    return T5EncoderModel(config).eval(), {"input_ids": torch.tensor(IDS)}


def wan_frames():
    """A denoiser of videos, noise, a time and words."""
    import torch
    from diffusers import WanTransformer3DModel

    model = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=32, in_channels=16, out_channels=16, text_dim=32,
        freq_dim=32, ffn_dim=128, num_layers=1, rope_max_seq_len=32,
    )  # fmt: skip
    shapes = {"hidden_states": (1, 16, 2, 8, 8), "encoder_hidden_states": (1, 4, 32)}
    return model.eval(), {"timestep": torch.tensor([500]), **{name: torch.randn(*of) for name, of in shapes.items()}}


@pytest.mark.parametrize(("form", "error"), [("int8", 0.03), ("int4", 0.25)])
@pytest.mark.parametrize("make", [t5_words, wan_frames])
def test_models_that_ask_for_the_type_of_their_weights_bear_it_too(make, form, error):
    """They bring numbers into the type of the next weight, unless it is the one of quantised weights."""
    import torch

    torch.manual_seed(0)
    model, asked = make()
    with torch.inference_mode():
        whole = model(**asked)[0]
        packed.quantise(model, "float32", form)
        assert (model(**asked)[0] - whole).norm() < error * whole.norm()


def test_four_bits_are_those_of_q4_0():
    """Against gguf's own packing: the same numbers come back."""
    import gguf
    import numpy
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Linear(96, 5)
    wanted = gguf.dequantize(
        gguf.quantize(layer.weight.detach().numpy(), gguf.GGMLQuantizationType.Q4_0), gguf.GGMLQuantizationType.Q4_0
    )
    module = torch.nn.Sequential(layer, torch.nn.Linear(5, 3))
    packed.quantise(module, "float32", "int4")
    assert layer.weight.shape == (5, 48) and module[1].weight.dtype == torch.int8  # 5 are no whole group
    with torch.inference_mode():
        unpacked = layer(torch.eye(96)) - layer.bias
    assert numpy.allclose(unpacked.T.numpy(), wanted, atol=0.01 * abs(wanted).max())


def test_a_gpu_gets_bitsandbytes():
    import transformers

    gpu = Place("cuda", "bfloat16", "auto")
    assert dispatch.quantised(gpu, transformers) == {}
    assert dispatch.quantised(replace(CPU, quantisation="int8"), transformers) == {}  # packed.py does it afterwards
    for form, name in (("int8", "load_in_8bit"), ("int4", "load_in_4bit")):
        config = dispatch.quantised(replace(gpu, quantisation=form), transformers)["quantization_config"]
        assert config.to_dict()[name] is True


def test_weights_do_not_stay_in_the_file(llama_folder, tmp_path):
    """A file that is cut short under a mapped weight would end the process."""
    import shutil

    folder = shutil.copytree(llama_folder, tmp_path / "llama")
    model = load_causal(folder)
    before = logits(model)
    dispatch.own_weights(model)
    os.truncate(folder / "model.safetensors", 100)
    assert (logits(model) == before).all()
    assert json.loads((folder / "config.json").read_text())["model_type"] == "llama"

"""Downloads from a hub that stands on 127.0.0.1 and speaks the hub's own protocol; the client is the real one."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.image import ImagePipeline
from pipelines.loading.hub import cache as hub_cache
from pipelines.loading.hub.client import Hub
from pipelines.loading.inspection.weights import check_model
from pipelines.text import TextPipeline
from pipelines.types.events import Event, Loading, ignore
from pipelines.types.image import ImageRequest
from pipelines.types.text import Message, Sampling, TextRequest
from tests.pipelines import tiny_images
from tests.pipelines.loading.hub.asking import names, spec


def test_a_model_comes_with_what_is_opened_and_nothing_else(hub, llama_folder):
    extra = {"pytorch_model.bin": b"\x80\x02.", "README.md": b"#", "model.py": b"x", "onnx/model.onnx": b"x"}
    contents = {name: (llama_folder / name).read_bytes() for name in names(llama_folder)}
    hub.add("owner/tiny", {**contents, **extra, "../outside.json": b"{}"})
    events: list[Event] = []
    folder = Hub().snapshot(spec("owner/tiny"), events.append)
    assert names(folder) == set(contents)
    assert check_model(folder, "tiny").architectures == ("LlamaForCausalLM",)
    done = [event.done for event in events if isinstance(event, Loading)]
    assert done == sorted(done) and done[-1] == events[-1].total == sum(map(len, contents.values()))
    assert not {"pytorch_model.bin", "model.py", "onnx/model.onnx"} & {one.file for one in hub.sent}
    assert {path.name for path in folder.iterdir() if path.is_symlink()} == set(contents)


def test_the_client_of_the_hub_finds_what_came(hub, llama_folder, monkeypatch):
    from huggingface_hub import hf_hub_download, scan_cache_dir

    hub.add("owner/tiny", llama_folder)
    folder = Hub().snapshot(spec("owner/tiny"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert Path(hf_hub_download("owner/tiny", "model.safetensors")).parent == folder
    (repository,) = scan_cache_dir(hub_cache.cache_folder()).repos
    assert repository.repo_id == "owner/tiny" and repository.size_on_disk == hub_cache.bytes_on_disk(spec("owner/tiny"))


def test_the_second_time_the_hub_is_not_asked(hub, llama_folder):
    repository = hub.add("owner/tiny", llama_folder)
    first = Hub().snapshot(spec("owner/tiny"), ignore)
    hub.asked.clear()
    assert Hub().snapshot(spec("owner/tiny"), ignore) == first
    assert Hub().snapshot(spec("owner/tiny", repository.commit), ignore) == first
    assert hub.asked == []


@pytest.mark.parametrize(
    "files",
    [{"model-q4_k_m.gguf": b"GGUF"}, {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}],
    ids=["gguf", "lora"],
)
def test_a_repository_without_config_is_found_again_without_the_hub(files, hub, monkeypatch):
    hub.add("owner/bare", files)
    assert hub_cache.folder_on_disk(spec("owner/bare")) is None
    first = Hub().snapshot(spec("owner/bare"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert Hub().snapshot(spec("owner/bare"), ignore) == first == hub_cache.folder_on_disk(spec("owner/bare"))
    (first / next(name for name in files if not name.endswith("json"))).unlink()
    assert hub_cache.folder_on_disk(spec("owner/bare")) is None


def test_a_pipeline_comes_in_one_precision_with_its_components(hub):
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    index |= {"scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None]}
    files = {
        "model_index.json": json.dumps(index).encode(),
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": b"x" * 100,
        "unet/diffusion_pytorch_model.fp16.safetensors": b"x" * 50,
        "unet/diffusion_pytorch_model.bin": b"\x80",
        "scheduler/scheduler_config.json": b"{}",
        "safety_checker/model.safetensors": b"x",
        "v1-5-pruned.safetensors": b"x" * 500,
        "v1-5.ckpt": b"\x80",
        "vae_onnx/model.onnx": b"x",
    }
    hub.add("owner/drawer", files)
    folder = Hub().snapshot(spec("owner/drawer"), ignore)
    kept = {"model_index.json", "scheduler/scheduler_config.json", "unet/config.json"}
    assert names(folder) == kept | {"unet/diffusion_pytorch_model.fp16.safetensors"}
    assert hub_cache.folder_on_disk(spec("owner/drawer")) == folder


def test_who_asks_a_model_that_is_not_here_gets_it_with_the_same_progress(hub, llama_folder):
    hub.add("owner/tiny", llama_folder)
    sampling = Sampling(max_new_tokens=4, seed=1)
    request = TextRequest(model="owner/tiny", messages=(Message("user", "hello"),), sampling=sampling)
    heard: list[Event] = []
    assert TextPipeline.on_this_machine(device="cpu").generate(request, heard.append).new_tokens > 0
    came = [event for event in heard if isinstance(event, Loading) and event.stage == "download"]
    assert came and came[-1].done == came[-1].total > 0


def test_a_pipeline_that_came_in_half_precision_draws(hub, tmp_path):
    import torch
    from diffusers import StableDiffusionPipeline

    folder = tiny_images.sd(tmp_path / "sd")
    StableDiffusionPipeline.from_pretrained(folder).to(torch.float16).save_pretrained(tmp_path / "half", variant="fp16")
    shutil.copytree(tmp_path / "half", folder, dirs_exist_ok=True)
    hub.add("owner/drawer", folder)
    request = ImageRequest("owner/drawer", prompt="a red cat", steps=2, seed=1)
    result = ImagePipeline.on_this_machine(device="cpu").generate(request)
    assert len(result.images) == 1
    came = {one.file for one in hub.sent}
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in came
    assert "unet/diffusion_pytorch_model.safetensors" not in came

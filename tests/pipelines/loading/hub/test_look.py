"""What a pasted name would be, before it is fetched; and which files of a repository are needed."""

import json

import pytest

from pipelines.base import open_catalog
from pipelines.errors.models import (
    AsksForCode,
    IsAdapter,
    ModelDamaged,
    ModelGated,
    UnknownModel,
    UnsafeModel,
    UnsupportedFormat,
    UnsupportedModel,
    UnsupportedTask,
)
from pipelines.loading.hub.repository import Repository
from pipelines.loading.hub.transfer import RemoteFile
from pipelines.types.events import ignore
from tests.hub import LocalHub, ask_here


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with LocalHub() as local:
        ask_here(monkeypatch, local.address, tmp_path / "hub")
        yield local


@pytest.fixture
def catalog(tmp_path):
    (tmp_path / "models").mkdir()
    return open_catalog(tmp_path / "models")


def test_a_language_model_is_known_by_its_config(hub, catalog, llama_folder):
    card = {"license": "other", "license_name": "tiny", "license_link": "https://tiny.example/l", "language": "zh"}
    hub.add("owner/tiny", llama_folder, card=card, pipeline_tag="text-generation")
    found = catalog.look("https://huggingface.co/owner/tiny")
    spec = found.spec
    assert (spec.family, found.refusal) == ("transformers_causal", None) and "chat" in spec.tasks
    assert (spec.licence, spec.licence_url, spec.languages) == ("tiny", "https://tiny.example/l", ("zh",))
    assert found.commit == hub.repositories["owner/tiny"].commit and "model.safetensors" in found.files
    assert spec.size_bytes == sum(len(hub.repositories["owner/tiny"].files[name]) for name in found.files)
    assert [one.file for one in hub.sent] == ["config.json"]


def test_a_pipeline_is_known_by_its_index(hub, catalog):
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    index |= {"vae": ["diffusers", "AutoencoderKL"]}
    parts = {f"{part}/{name}": b"{}" for part in ("unet", "vae") for name in ("config.json",)}
    weights = {f"{part}/diffusion_pytorch_model.safetensors": b"x" * 10 for part in ("unet", "vae")}
    hub.add("owner/drawer", {"model_index.json": json.dumps(index).encode(), **parts, **weights})
    found = catalog.look("owner/drawer")
    assert found.refusal is None and found.spec.family == "diffusion"
    assert {"text-to-image", "image-to-image"} <= set(found.spec.tasks)


def test_what_is_here_is_not_asked_for(hub, catalog, llama_folder, bert_folder):
    assert catalog.look(str(llama_folder)).spec.tasks == catalog.find(str(llama_folder)).tasks
    assert catalog.look(str(bert_folder)).spec.tasks == ("fill-mask",)
    assert hub.asked == []


def test_what_is_here_and_damaged_is_shown_with_the_reason(hub, catalog, llama_folder):
    hub.add("owner/tiny", llama_folder)
    folder = catalog.hub.snapshot(catalog.locate("owner/tiny"), ignore)
    (folder / "config.json").unlink()
    (folder / "config.json").write_text("{")
    found = catalog.look("owner/tiny")
    assert isinstance(found.refusal, ModelDamaged) and found.spec.source == "hub"
    with pytest.raises(ModelDamaged):
        catalog.find("owner/tiny")


def _add(hub: LocalHub, files: dict[str, object], **more: object) -> None:
    content = {name: data if isinstance(data, bytes) else json.dumps(data).encode() for name, data in files.items()}
    hub.add("owner/odd", content, **more)


CONFIG = {"architectures": ["LlamaForCausalLM"]}


@pytest.mark.parametrize(
    ("files", "more", "kind", "words"),
    [
        ({"config.json": CONFIG, "pytorch_model.bin": b"\x80"}, {}, UnsafeModel, "pickles"),
        ({"config.json": CONFIG, "model.onnx": b"x"}, {}, UnsupportedFormat, "ONNX"),
        ({"config.json": {**CONFIG, "auto_map": {"AutoModel": "x.Y"}}, "model.safetensors": b"x"}, {}, AsksForCode, "auto_map"),
        ({"model_index.json": {"_class_name": ["x", "Y"]}, "unet/model.safetensors": b"x"}, {}, AsksForCode, "_class_name"),
        ({"model_index.json": {"_class_name": "AllegroPipeline", "vae": ["diffusers", "X"]}, "vae/model.safetensors": b"x"},
         {}, UnsupportedModel, "AllegroPipeline"),
        ({"config.json": {"architectures": ["UnivNetModel"]}, "model.safetensors": b"x"}, {}, UnsupportedModel, "UnivNetModel"),
        ({"config.json": {}, "model.safetensors": b"x"}, {"pipeline_tag": "text-to-speech"}, UnsupportedTask, "text-to-speech"),
        ({"model.safetensors": b"x"}, {}, UnsupportedModel, "not named"),
        ({"adapter_config.json": {}, "adapter_model.safetensors": b"x"}, {}, IsAdapter, "LoRA adapter"),
        ({"pytorch_lora_weights.safetensors": b"x"}, {}, IsAdapter, "LoRA adapter"),
        ({"config.json": CONFIG, "model.safetensors": b"x"}, {"is_gated": True}, ModelGated, "https://huggingface.co/owner/odd"),
        ({"README.md": b"#"}, {}, UnsafeModel, "no safetensors"),
    ],
)  # fmt: skip
def test_why_it_would_not_run_is_said_in_both_languages(files, more, kind, words, hub, catalog):
    _add(hub, files, **more)
    refusal = catalog.look("owner/odd").refusal
    assert type(refusal) is kind and words in refusal.say("en")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in refusal.say("zh"))
    assert not {"model.safetensors", "pytorch_model.bin"} & {one.file for one in hub.sent}


def test_a_gated_model_whose_class_the_hub_tells_is_described(hub, catalog, llama_folder):
    hub.add("owner/gated", llama_folder, is_gated=True, config={"architectures": ["LlamaForCausalLM"]})
    found = catalog.look("owner/gated")
    assert found.refusal is None and found.spec.is_gated and found.spec.family == "transformers_causal"


def test_an_unknown_name_is_unknown(hub, catalog):
    with pytest.raises(UnknownModel):
        catalog.look("owner/nothing")


# ── which files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def needed(sizes: dict[str, int], config: dict | None = None) -> list[str]:
    files = tuple(RemoteFile(name, size) for name, size in sizes.items())
    return [file.name for file in Repository("owner/x", "c" * 40, files, config or {}).needed()]


def test_of_an_openvino_repository_the_weights_come_last():
    names = [
        "openvino_tokenizer.xml",
        "openvino_model.bin",
        "openvino_model.xml",
        "openvino_tokenizer.bin",
        "config.json",
    ]
    assert needed(dict.fromkeys(names, 1))[-1] == "openvino_model.bin"


def test_a_gguf_repository_gives_one_file():
    sizes = {"a-Q8_0.gguf": 3, "a-Q4_K_M.gguf": 2, "a-F16.gguf": 9, "config.json": 1, "sub/x.gguf": 1}
    assert needed(sizes) == ["config.json", "a-Q4_K_M.gguf"]
    assert needed({"z-F16.gguf": 9}) == ["z-F16.gguf"]
    assert needed({"mmproj-a-f16.gguf": 1, "z-Q5_K.gguf": 9}) == ["z-Q5_K.gguf"]
    parts = {"a-Q4_K_M-00001-of-00002.gguf": 2, "a-Q4_K_M-00002-of-00002.gguf": 2}
    assert needed({**parts, "a-Q8_0.gguf": 9}) == ["a-Q8_0.gguf"]
    with pytest.raises(UnsupportedFormat, match="-00001-of-00002"):
        needed(parts)


def test_a_tokenizer_of_subwords_comes_whole():
    names = ["config.json", "sentencepiece.bpe.model", "model.safetensors"]
    assert needed(dict.fromkeys(names, 1)) == names


@pytest.mark.parametrize(
    ("extra", "kept"),
    [
        (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (
            ["model.safetensors", "model-00001-of-00001.safetensors", "model.safetensors.index.json"],
            ["model.safetensors"],
        ),
        (["model-00000-of-00001.safetensors", "consolidated.safetensors"], ["model-00000-of-00001.safetensors"]),
        (
            ["model.safetensors", "original/model.safetensors", "tf_model.h5", "flax_model.msgpack"],
            ["model.safetensors"],
        ),
    ],
)
def test_the_same_weights_come_once(extra, kept):
    assert needed(dict.fromkeys(["config.json", *extra], 1)) == ["config.json", *kept]


def test_of_two_precisions_the_smaller_comes_with_its_own_index():
    index = {
        "_class_name": "P",
        "unet": ["diffusers", "U"],
        "tokenizer": ["transformers", "T"],
        "image_encoder": [None, None],
    }
    sizes = {
        "model_index.json": 1, "tokenizer/vocab.json": 1, "tokenizer/merges.txt": 1, "image_encoder/model.safetensors": 9,
        "unet/config.json": 1, "unet/diffusion_pytorch_model.safetensors.index.json": 1,
        "unet/diffusion_pytorch_model-00001-of-00001.safetensors": 100,
        "unet/diffusion_pytorch_model.safetensors.index.fp16.json": 1,
        "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors": 50,
        "unet/diffusion_pytorch_model.non_ema.safetensors": 10,
    }  # fmt: skip
    assert needed(sizes, index) == [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
    ]
    sizes["unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors"] = 90
    assert needed(sizes, index)[-1] == "unet/diffusion_pytorch_model-00001-of-00001.safetensors"

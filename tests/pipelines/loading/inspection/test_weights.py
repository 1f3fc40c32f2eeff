"""A model's files are judged by what is in them, before a library sees them."""

import ast
import json
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipelines.errors.models import ModelDamaged, NotAModel, UnsafeModel, UnsupportedModel
from pipelines.loading.inspection.weight_files import check_file
from pipelines.loading.inspection.weights import check_adapter, check_model

ROOT = Path(__file__).parents[4]


class Canary:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def canary(tmp_path) -> Path:
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


@pytest.fixture
def pickles(tmp_path, canary) -> list[bytes]:
    """A canary pickle by every protocol, and in the zip that torch.save writes."""
    plain = [pickle.dumps(Canary(canary), protocol=protocol) for protocol in range(6)]
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", plain[2])
    return [*plain, archive.read_bytes()]


def model_folder(folder: Path, config: object, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    for name, content in files.items():
        (folder / name.replace("_DOT_", ".")).write_bytes(content)
    return folder


LLAMA = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64}


def header_bytes(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[:8], "little")


# ── good ones ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_folder_is(llama_folder, bert_folder, starter_folder):
    llama = check_model(llama_folder, "llama")
    assert (llama.file_format, llama.architectures, llama.context_tokens) == (
        "safetensors",
        ("LlamaForCausalLM",),
        2048,
    )
    assert llama.size_bytes == (llama_folder / "model.safetensors").stat().st_size
    assert llama.parameters == (llama.size_bytes - 8 - header_bytes(llama_folder / "model.safetensors")) // 4
    assert check_model(bert_folder, "bert").architectures == ("BertForMaskedLM",)
    assert check_model(starter_folder, "starter").file_format == "openvino"
    (packed,) = starter_folder.glob("*.gguf")
    assert check_model(packed, "packed").architectures == ("llama",)
    assert check_model(packed, "packed").parameters == 134_515_008


def test_a_name_says_nothing(llama_folder, tmp_path):
    for suffix in (".bin", ".SAFETENSORS", ".gguf", "", ".pt"):
        renamed = tmp_path / f"weights{suffix}"
        shutil.copy(llama_folder / "model.safetensors", renamed)
        assert check_file(renamed, "x") == "safetensors"


# ── pickles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["model.safetensors", "model.SAFETENSORS", "Model.SafeTensors", "model.gguf", "model.GGUF"]
)
def test_a_pickle_by_another_name_is_refused(name, pickles, tmp_path):
    for number, content in enumerate(pickles):
        folder = model_folder(tmp_path / f"{number}", LLAMA)
        (folder / name).write_bytes(content)
        with pytest.raises((UnsafeModel, ModelDamaged, NotAModel)):
            check_model(folder, "bad")
        with pytest.raises((UnsafeModel, NotAModel)):
            check_model(folder / name, "bad")


def test_an_onnx_model_is_refused_in_plain_words(tmp_path, pickles):
    folder = model_folder(tmp_path / "m", LLAMA)
    file = folder / "model.onnx"
    file.write_bytes(b"\x08\x08\x12\x04test\x3a\x01g")
    for path in (folder, file):
        with pytest.raises(UnsupportedModel, match="ONNX format, which is not opened here"):
            check_model(path, "m")
    file.write_bytes(pickles[2])
    with pytest.raises(UnsafeModel):
        check_model(folder, "m")


def test_a_folder_that_goes_away_says_so(tmp_path):
    with pytest.raises(ModelDamaged):
        check_model(tmp_path / "gone", "x")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "model.PKL"])
def test_a_folder_with_only_pickles_is_refused(name, pickles, tmp_path):
    folder = model_folder(tmp_path / "m", LLAMA)
    (folder / name).write_bytes(pickles[2])
    with pytest.raises(UnsafeModel, match="pickle"):
        check_model(folder, "bad")


def test_no_code_of_ours_unpickles_or_trusts_code():
    """Every source file: no pickle, no torch.load, no trust_remote_code but False."""
    for path in [*ROOT.glob("pipelines/**/*.py"), *ROOT.glob("studio/**/*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "dill", "joblib", "cloudpickle", "shelve"} & set(names), path
            if isinstance(node, ast.Attribute) and node.attr == "load":
                assert not (isinstance(node.value, ast.Name) and node.value.id == "torch"), path
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path


# ── code of the model's own ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "extra",
    [
        {"auto_map": {"AutoModelForCausalLM": "evil.Model"}},
        {"text_config": {"auto_map": {"AutoConfig": "evil.Config"}}},
        {"layers": [{"deep": {"auto_map": {"AutoModel": "owner/name--evil.Model"}}}]},
        {"trust_remote_code": True},
        {"_attn_implementation": "somebody/kernels"},
        {"text_config": {"attn_implementation": "somebody/kernels@v1:run"}},
        {"custom_pipelines": {"x": {"impl": "evil.Pipeline"}}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_a_config_that_asks_for_code_is_refused(extra, name, llama_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(llama_folder, folder)
    path = folder / name
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **extra}))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UnsafeModel, match="code of its own"):
        check_model(folder, "bad")


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "null", '"text"', "[" * 50_000, '{"architectures": 5'], ids=lambda text: text[:10]
)
def test_a_broken_config_is_damage(content, llama_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(llama_folder, folder)
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelDamaged):
        check_model(folder, "bad")


@pytest.mark.parametrize("architectures", [None, [], 5, "LlamaForCausalLM", {"a": 1}])
def test_a_config_that_names_no_class(architectures, llama_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(llama_folder, folder)
    (folder / "config.json").write_text(json.dumps({"architectures": architectures}))
    with pytest.raises(UnsupportedModel):
        check_model(folder, "bad")


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_half_of_a_file_is_damage(llama_folder, starter_folder, tmp_path):
    whole = (llama_folder / "model.safetensors").read_bytes()
    folder = tmp_path / "m"
    shutil.copytree(llama_folder, folder)
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelDamaged, match="should have") as caught:
        check_model(folder, "half")
    assert "half" in caught.value.say("zh") and "copy the model again" in caught.value.say("en")
    (packed,) = starter_folder.glob("*.gguf")
    half = tmp_path / "half.gguf"
    half.write_bytes(packed.read_bytes()[:40_000_000])
    with pytest.raises(ModelDamaged, match="should have"):
        check_model(half, "half")


def test_an_empty_file_a_pointer_and_no_weights_at_all(tmp_path):
    for content in (b"", b"\0", b"version https://git-lfs.github.com/spec/v1\noid sha256:00", b"<html>404</html>"):
        folder = model_folder(tmp_path / "m", LLAMA, model_DOT_safetensors=content)
        with pytest.raises(ModelDamaged):
            check_model(folder, "bad")
    with pytest.raises(NotAModel, match="no weights"):
        check_model(model_folder(tmp_path / "empty", LLAMA), "bad")


def test_a_missing_shard_is_named(llama_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(llama_folder, folder)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors", "c": "../../etc/passwd"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelDamaged, match="is missing"):
        check_model(folder, "bad")


def test_half_an_openvino_folder_is_damage(starter_folder, tmp_path):
    for file in starter_folder.glob("openvino_*"):
        (tmp_path / file.name).symlink_to(file)
    weights = tmp_path / "openvino_model.bin"
    content = weights.read_bytes()
    weights.unlink()
    with pytest.raises(ModelDamaged, match="should have"):
        check_model(tmp_path, "bad")
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelDamaged, match="should have"):
        check_model(tmp_path, "bad")
    xml = tmp_path / "openvino_model.xml"
    text = xml.read_text()
    xml.unlink()
    xml.write_text(text[: len(text) // 2])
    with pytest.raises(ModelDamaged, match="middle"):
        check_model(tmp_path, "bad")


def test_a_file_that_is_no_model(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    with pytest.raises(NotAModel):
        check_model(other, "notes")


# ── adapters ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ({"auto_mapping": {"base_model_class": "x", "parent_library": "evil"}}, UnsafeModel),
        ({"megatron_config": {"x": 1}, "megatron_core": "evil"}, UnsafeModel),
        ({"auto_map": {"x": "evil.Y"}}, UnsafeModel),
        ({"peft_type": "PROMPT_TUNING"}, UnsupportedModel),
    ],
    ids=["auto_mapping", "megatron", "auto_map", "prompt"],
)
def test_an_adapter_that_names_code_is_refused(extra, error, llama_folder, tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, **extra}))
    shutil.copy(llama_folder / "model.safetensors", tmp_path / "adapter_model.safetensors")
    with pytest.raises(error):
        check_adapter(tmp_path, "lora")


def test_only_harmless_settings_of_an_adapter_are_kept(llama_folder, tmp_path):
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "x", "new_key": 1}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    shutil.copy(llama_folder / "model.safetensors", tmp_path / "adapter_model.safetensors")
    assert check_adapter(tmp_path, "lora") == ("LORA", {"r": 4, "target_modules": ["q_proj"]})


def test_looking_needs_no_model_library(llama_folder):
    code = (
        "import sys; from pathlib import Path; from pipelines.loading.inspection.weights import check_model;"
        f"check_model(Path({str(llama_folder)!r}), 'x');"
        "assert not {'torch', 'transformers', 'safetensors', 'openvino'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# ── models of sound ───────────────────────────────────────────────────────────────────────────────────────────────────


def ctranslate2_bytes(specification: bytes = b"WhisperSpec", variables: int = 2) -> bytes:
    """A file of two arrays, as ctranslate2 writes it."""
    content = struct.pack("<IH", 6, len(specification) + 1) + specification + b"\0" + struct.pack("<II", 3, variables)
    for name in (b"encoder/weight", b"decoder/weight")[:variables]:
        content += struct.pack("<H", len(name) + 1) + name + b"\0"
        content += struct.pack("<BII", 2, 4, 8) + struct.pack("<BI", 0, 128) + bytes(128)
    return content


def test_a_ctranslate2_model_is_known_by_its_content(tmp_path):
    folder = model_folder(tmp_path / "whisper", {}, model_DOT_bin=ctranslate2_bytes())
    weights = check_model(folder, "whisper")
    assert (weights.file_format, weights.architectures) == ("ctranslate2", ("WhisperSpec",))
    assert weights.size_bytes == len(ctranslate2_bytes())


@pytest.mark.parametrize("length", [5, 20, 40, 100, 250])
def test_a_cut_ctranslate2_model_is_refused(tmp_path, length):
    folder = model_folder(tmp_path / "whisper", {}, model_DOT_bin=ctranslate2_bytes()[:length])
    with pytest.raises((ModelDamaged, UnsafeModel)):
        check_model(folder, "whisper")


def test_a_pickle_of_that_name_is_a_pickle(tmp_path, pickles):
    for content in pickles:
        folder = model_folder(tmp_path / "whisper", {}, model_DOT_bin=content)
        with pytest.raises((ModelDamaged, UnsafeModel)):
            check_model(folder, "whisper")


def test_the_starters_of_sound_are_known(kokoro_folder, whisper_folder, tmp_path):
    assert check_model(whisper_folder, "whisper").architectures == ("WhisperSpec",)
    kokoro = check_model(kokoro_folder, "kokoro")
    assert (kokoro.file_format, kokoro.architectures) == ("onnx", ("Kokoro",))
    shutil.copytree(kokoro_folder, tmp_path / "kokoro")
    model = tmp_path / "kokoro" / "model.onnx"
    model.write_bytes(model.read_bytes()[:500_000])
    with pytest.raises(ModelDamaged):
        check_model(tmp_path / "kokoro", "kokoro")

"""Looks at a model's files before any library does, and says what they are or why they are not opened.

Decides by content, never by a file's name: a pickle called `.safetensors` is a pickle. Only safetensors, GGUF and
OpenVINO files without code of their own pass; a file cut short is refused here, because a native library that reads it
would take the whole process down. It loads nothing and knows no model family.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import ModelDamaged, ModelError, NotAModel, UnsafeModel, UnsupportedFormat, UnsupportedModel
from pipelines.loading import gguf_header, safetensors_header

Format = Literal["safetensors", "gguf", "openvino"]

MAX_JSON_BYTES = 64_000_000
ONNX_SUFFIX = ".onnx"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5")
CODE_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_pipeline", "trust_remote_code"})
# LoraConfig fields that are only numbers, names and flags; others can name a module that peft would import.
LORA_FIELDS = frozenset(
    [
        "r",
        "lora_alpha",
        "lora_dropout",
        "target_modules",
        "exclude_modules",
        "bias",
        "fan_in_fan_out",
        "use_rslora",
        "use_dora",
        "rank_pattern",
        "alpha_pattern",
        "modules_to_save",
        "layers_to_transform",
        "layers_pattern",
        "task_type",
    ]
)


@dataclass(frozen=True)
class Weights:
    """A model on this machine that has passed the checks.

    `path` is the folder, or the file of a GGUF model. `architectures` are the classes that `config.json` names, or
    ggml's name of the architecture. `parameters` counts the numbers in the weights. It and `context_tokens` are 0 where
    the files do not say.
    """

    path: Path
    file_format: Format
    architectures: tuple[str, ...]
    context_tokens: int
    size_bytes: int
    parameters: int = 0


def check_model(path: Path, model: str) -> Weights:
    """What the folder or file at `path` is. Raises UnsafeModel, ModelDamaged, NotAModel or UnsupportedModel."""
    try:
        return _check_single_file(path, model) if path.is_file() else _check_folder(path, model)
    except OSError as error:  # it cannot be read, or goes away meanwhile
        raise ModelDamaged(model=model, reason=error.strerror or str(error), path=path) from None


def _check_folder(path: Path, model: str) -> Weights:
    # 1 What the folder says about itself
    config = check_json_files(path, model)
    named = config.get("architectures")
    architectures = tuple(str(name) for name in named) if isinstance(named, list) else ()
    context_tokens = _context_tokens(config)
    files = sorted(entry for entry in path.iterdir() if entry.is_file())

    # 2 Its weights, by content
    if (path / "openvino_model.xml").exists():
        size = sum(_check_openvino(xml, model) for xml in files if xml.suffix == ".xml")
        return Weights(path, "openvino", architectures, context_tokens, size)
    tensors = [file for file in files if file.suffix.lower() == ".safetensors"]
    if tensors:
        _check_shards(path, tensors, model)
        for file in tensors:
            check_file(file, model, expected="safetensors")
        parameters = sum(safetensors_header.read_header(file).parameters for file in tensors)
        if not architectures:
            raise UnsupportedModel(model=model, architecture="(not named in its config.json)")
        size = sum(file.stat().st_size for file in tensors)
        return Weights(path, "safetensors", architectures, context_tokens, size, parameters)
    for suffix in (".gguf", ONNX_SUFFIX):
        if packed := [file for file in files if file.suffix.lower() == suffix]:
            return _check_single_file(packed[0], model)
    if any(file.suffix.lower() in PICKLE_SUFFIXES for file in files):
        raise UnsafeModel(model=model, reason="its weights are pickles, which can run code")
    raise NotAModel(model=model, reason="there are no weights in its folder")


def check_file(path: Path, model: str, expected: Format | None = None) -> Format:
    """The format of one weight file, by content, after its header was found whole.

    Raises UnsafeModel, UnsupportedFormat, and for content of no format NotAModel, or ModelDamaged where a format is
    `expected`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
        found = _sniff(head)
        if found is None or (expected and found != expected):
            raise _refusal(head, path, model, expected)
        if found == "gguf":
            gguf_header.read_header(path)
        else:
            safetensors_header.read_header(path)
        return found
    except ValueError as error:
        raise ModelDamaged(model=model, reason=f"{path.name}: {error}", path=path) from None
    except OSError as error:
        raise ModelDamaged(model=model, reason=f"{path.name}: {error.strerror or error}", path=path) from None


def check_adapter(folder: Path, adapter: str) -> dict:
    """The harmless part of a LoRA adapter's config, after its files passed. Raises UnsafeModel, ModelDamaged, Unsupported…"""
    config = check_json_files(folder, adapter, "adapter_config.json")
    if str(config.get("peft_type", "")).upper() != "LORA":
        raise UnsupportedModel(model=adapter, architecture=f"adapter type {config.get('peft_type')}")
    for field in ("auto_mapping", "megatron_config"):
        if config.get(field):
            raise UnsafeModel(model=adapter, reason=f"its settings name code to import ({field})")
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        raise UnsafeModel(model=adapter, reason="it holds no adapter_model.safetensors")
    check_file(weights, adapter, expected="safetensors")
    return {field: value for field, value in config.items() if field in LORA_FIELDS and value is not None}


def check_json_files(folder: Path, model: str, main: str = "config.json") -> dict:
    """The content of `main` ({} where there is none), after no JSON file of the folder asks for code of its own."""
    contents: dict = {}
    for file in sorted(folder.glob("*.json")):
        is_main = file.name == main
        if not is_main and not file.name.endswith("config.json"):
            continue
        content = _read_json(file, model)
        if key := _asks_for_code(content):
            raise UnsafeModel(model=model, reason=f"{file.name} asks to run code of its own ({key})")
        if is_main:
            contents = content
    return contents


# ── by content ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sniff(head: bytes) -> Format | None:
    if head.startswith(gguf_header.MAGIC):
        return "gguf"
    if safetensors_header.looks_like(head):
        return "safetensors"
    return None


def _refusal(head: bytes, path: Path, model: str, expected: Format | None) -> ModelError:
    """Why a file of none of the expected formats is not opened."""
    is_pickle = head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5
    if is_pickle or head.startswith((b"PK\x03\x04", b"\x89HDF", b"(", b"]", b"cos", b"ctorch")):
        return UnsafeModel(model=model, reason=f"{path.name} is a pickle or an archive, which can run code")
    if head.startswith(b"version https://git-lfs"):
        return ModelDamaged(model=model, reason=f"{path.name} is only a Git LFS pointer", path=path)
    if path.suffix.lower() == ONNX_SUFFIX:
        return UnsupportedFormat(model=model, file_format="ONNX")
    if expected:
        return ModelDamaged(model=model, reason=f"{path.name} is no safetensors or GGUF file", path=path)
    return NotAModel(model=model, reason="it holds no safetensors or GGUF weights")


def _check_single_file(path: Path, model: str) -> Weights:
    if check_file(path, model) != "gguf":
        raise UnsupportedModel(model=model, architecture=f"(a single file called {path.name})")
    header = gguf_header.read_header(path)
    size = path.stat().st_size
    return Weights(path, "gguf", (header.architecture,), header.context_tokens, size, header.parameters)


def _check_shards(folder: Path, tensors: list[Path], model: str) -> None:
    """Every shard that the index names must be here, in this folder."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return
    weight_map = _read_json(index, model).get("weight_map")
    names = {str(name) for name in weight_map.values()} if isinstance(weight_map, dict) else set()
    missing = sorted(names - {file.name for file in tensors})
    if missing:
        raise ModelDamaged(model=model, reason=f"{missing[0][:80]} is missing", path=folder)


def _check_openvino(xml: Path, model: str) -> int:
    """Bytes of one OpenVINO model (xml + bin). Raises ModelDamaged when the xml needs more than the bin holds."""
    weights = xml.with_suffix(".bin")
    try:
        text = xml.read_text()
        size = weights.stat().st_size if weights.exists() else 0
    except (OSError, UnicodeDecodeError) as error:
        raise ModelDamaged(model=model, reason=f"{xml.name}: {error}", path=xml.parent) from None
    if not text.rstrip().endswith("</net>"):
        raise ModelDamaged(model=model, reason=f"{xml.name} ends in the middle", path=xml.parent)
    spans = re.findall(r' offset="([0-9]+)" size="([0-9]+)"', text)
    try:
        end = max((int(offset) + int(count) for offset, count in spans), default=0)
    except ValueError:  # thousands of digits
        raise ModelDamaged(model=model, reason=f"{xml.name} names an absurd size", path=xml.parent) from None
    if end > size:
        raise ModelDamaged(
            model=model, reason=f"{weights.name} has {size:,} bytes and should have {end:,}", path=xml.parent
        )
    return size


# ── what a folder says about itself ───────────────────────────────────────────────────────────────────────────────────


def _read_json(file: Path, model: str) -> dict:
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            raise ModelDamaged(model=model, reason=f"{file.name} is too large", path=file.parent)
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise ModelDamaged(model=model, reason=f"{file.name} is not JSON", path=file.parent) from None
    except OSError as error:
        raise ModelDamaged(model=model, reason=f"{file.name}: {error.strerror or error}", path=file.parent) from None
    if not isinstance(content, dict):
        raise ModelDamaged(model=model, reason=f"{file.name} is not a table", path=file.parent)
    return content


def _asks_for_code(content: object) -> str:
    """The key, anywhere in `content`, by which a config has code of its own run; "" where there is none.

    An attention implementation with a slash is a repository of kernels, which transformers would fetch and import.
    """
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                is_foreign_kernel = key.endswith("_implementation") and isinstance(inner, str) and "/" in inner
                if is_foreign_kernel or (key in CODE_KEYS and inner):
                    return key
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return ""


def _context_tokens(config: dict) -> int:
    """How many tokens the model was made to read, by the names that configs give it; 0 where none is there."""
    text = config.get("text_config")
    for source in (config, text if isinstance(text, dict) else {}):
        for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "seq_length"):
            value = source.get(name)
            if type(value) is int and value > 0:
                return value
    return 0

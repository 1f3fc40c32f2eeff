"""Looks at a model's files before any library does, and says what they are or why they are not opened.

Only safetensors, GGUF and OpenVINO files without code of their own pass, alone, in a folder, or as the components of a
diffusers folder; of sound also CTranslate2 and the ONNX file of Kokoro. It loads nothing and knows no model family; what a
single file holds weight_files.py says.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pipelines.errors.models import ModelDamaged, NotAModel, UnsafeModel, UnsupportedModel
from pipelines.loading.inspection import (
    checkpoint,
    diffusers_folder,
    gguf_header,
    safetensors_header,
    sound_files,
)
from pipelines.loading.inspection.weight_files import (
    ONNX_SUFFIX,
    PICKLE_SUFFIXES,
    check_file,
    check_json_files,
    read_json,
)
from pipelines.types.image import ImageTask
from pipelines.types.model import ImageDefaults
from pipelines.types.video import VideoTask

Format = Literal["safetensors", "gguf", "openvino", "diffusers", "checkpoint", "ctranslate2", "onnx"]

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
ADAPTER_FIELDS = {"LORA": LORA_FIELDS, "PREFIX_TUNING": frozenset({"num_virtual_tokens"})}


@dataclass(frozen=True)
class Weights:
    """A model on this machine that has passed the checks.

    `path` is the folder, or the file of a GGUF model or a checkpoint. `architectures` are the classes that `config.json`
    or `model_index.json` names, or ggml's name of the architecture. `parameters` counts the numbers in the weights. It
    and `context_tokens` are 0 where the files do not say. `tasks` and `defaults` are what the files of an image model
    tell; `tasks` is empty where whoever serves it knows.
    """

    path: Path
    file_format: Format
    architectures: tuple[str, ...]
    context_tokens: int
    size_bytes: int
    parameters: int = 0
    tasks: tuple[ImageTask | VideoTask, ...] = ()
    defaults: ImageDefaults | None = None


def check_model(path: Path, model: str) -> Weights:
    """What the folder or file at `path` is. Raises UnsafeModel, ModelDamaged, NotAModel or UnsupportedModel."""
    try:
        if path.is_file():
            return _check_single_file(path, model)
        return _check_pipeline(path, model) if diffusers_folder.is_one(path) else _check_folder(path, model)
    except OSError as error:  # it cannot be read, or goes away meanwhile
        raise ModelDamaged(model=model, reason=error.strerror or str(error), path=path) from None


def check_unpacked(path: Path, model: str) -> Weights:
    """Like `check_model`, but never an engine's own form where the GGUF file that it was made of lies beside it.

    Adapters change the numbers themselves, and training goes on from them.
    """
    weights = check_model(path, model)
    packed = sorted(path.glob("*.gguf")) if weights.file_format == "openvino" else []
    return _check_single_file(packed[0], model) if packed else weights


def _check_folder(path: Path, model: str) -> Weights:
    # 1 What the folder says about itself
    config = check_json_files(path, model)
    named = config.get("architectures")
    architectures = told_apart(tuple(str(name) for name in named) if isinstance(named, list) else (), config)
    context_tokens = _context_tokens(config)
    files = sorted(entry for entry in path.iterdir() if entry.is_file())

    # 2 Its weights, by content
    if (path / "openvino_model.xml").exists():
        size = sum(_check_openvino(xml, model) for xml in files if xml.suffix == ".xml")
        return Weights(path, "openvino", architectures, context_tokens, size)
    if (path / sound_files.CTRANSLATE2_FILE).exists() and (specification := sound_files.ctranslate2(path, model)):
        return Weights(path, "ctranslate2", (specification,), 0, (path / sound_files.CTRANSLATE2_FILE).stat().st_size)
    if sound_files.is_kokoro(path, config):
        sound_files.check_kokoro(path, model)
        return Weights(path, "onnx", ("Kokoro",), 0, (path / sound_files.KOKORO_FILE).stat().st_size)
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


class Checked(NamedTuple):
    """An adapter of peft: of which kind it is, and the harmless part of its config."""

    kind: Literal["LORA", "PREFIX_TUNING"]
    settings: dict


def told_apart(architectures: tuple[str, ...], config: dict) -> tuple[str, ...]:
    """One that reads writing calls itself by the class of all that put pictures into words: its second half says what it is."""
    decoder = config.get("decoder")
    is_reader = isinstance(decoder, dict) and decoder.get("model_type") == "trocr"
    return ("TrOCRForCausalLM",) if is_reader and "VisionEncoderDecoderModel" in architectures else architectures


def check_adapter(folder: Path, adapter: str) -> Checked:
    """What an adapter is, after its files passed. Raises UnsafeModel, ModelDamaged, Unsupported…"""
    config = check_json_files(folder, adapter, "adapter_config.json")
    kind = str(config.get("peft_type", "")).upper()
    if kind not in ADAPTER_FIELDS:
        raise UnsupportedModel(model=adapter, architecture=f"adapter type {config.get('peft_type')}")
    for field in ("auto_mapping", "megatron_config"):
        if config.get(field):
            raise UnsafeModel(model=adapter, reason=f"its settings name code to import ({field})")
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        raise UnsafeModel(model=adapter, reason="it holds no adapter_model.safetensors")
    check_file(weights, adapter, expected="safetensors")
    known = ADAPTER_FIELDS[kind]
    settings = {field: value for field, value in config.items() if field in known and value is not None}
    return Checked("LORA" if kind == "LORA" else "PREFIX_TUNING", settings)


# ── by kind ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_pipeline(path: Path, model: str) -> Weights:
    found = diffusers_folder.check(path, model)
    return Weights(
        path,
        "diffusers",
        (found.class_name,),
        0,
        found.size_bytes,
        found.parameters,
        found.tasks,
        found.defaults,
    )


def _check_single_file(path: Path, model: str) -> Weights:
    size = path.stat().st_size
    if check_file(path, model) != "gguf":
        found = checkpoint.check(path, model)
        return Weights(path, "checkpoint", (found.class_name,), 0, size, found.parameters, found.tasks, found.defaults)
    header = gguf_header.read_header(path)
    return Weights(path, "gguf", (header.architecture,), header.context_tokens, size, header.parameters)


def _check_shards(folder: Path, tensors: list[Path], model: str) -> None:
    """Every shard that the index names must be here, in this folder."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return
    weight_map = read_json(index, model).get("weight_map")
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


def _context_tokens(config: dict) -> int:
    """How many tokens the model was made to read, by the names that configs give it; 0 where none is there."""
    text = config.get("text_config")
    for source in (config, text if isinstance(text, dict) else {}):
        for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "seq_length"):
            value = source.get(name)
            if type(value) is int and value > 0:
                return value
    return 0

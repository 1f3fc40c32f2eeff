"""What a repository of the hub holds, and which of its files are needed here. Knows no network and no disk.

Needed are configs, tokenizers, and one form of the weights: safetensors, else GGUF, or OpenVINO. Never a pickle, never
code, never the same weights twice (another precision, one big file beside the parts, ONNX, Flax).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pipelines.errors.models import AsksForCode, UnsafeModel, UnsupportedFormat
from pipelines.loading.hub.transfer import RemoteFile
from pipelines.loading.inspection.weight_files import PICKLE_SUFFIXES, refuse_code

PIPELINE_INDEX = "model_index.json"  # what diffusers calls the list of a pipeline's components
MODEL_CONFIG = "config.json"
ADAPTER_FILES = {"adapter_config.json", "pytorch_lora_weights.safetensors"}
SMALL_FILES = (
    "*.json",
    "tokenizer.model",
    "*.jinja",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "spm_char.model",
    "*.bpe.model",
    "*.spm",
)
VOICE_TABLE, VOICES = "speaker_embeddings_path.json", "speaker_embeddings/"  # a few hundred numbers to a file
GGUF_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf", re.IGNORECASE)
GGUF_PREFERENCE = ("q4_k_m", "q4_0", "q8_0")
# model.safetensors, model-00001-of-00002.safetensors, model.fp16.safetensors, model.fp16-00001-of-00002.safetensors
WEIGHTS = re.compile(r"(?P<base>[^.]+?)(?:\.(?P<variant>[\w]+))?(?:-\d{5}-of-\d{5})?\.safetensors")
INDEX = re.compile(r"(?P<base>[^.]+)\.safetensors\.index(?:\.(?P<variant>\w+))?\.json")
MUCH_SMALLER = 0.6
COMPONENT_WEIGHTS = ("diffusion_pytorch_model", "model")


@dataclass(frozen=True)
class Repository:
    """One commit of a repository. `config` is its model_index.json or config.json, {} where it has none or hides it.

    `architectures` are the classes that it names, `parameters` counts the numbers in its weights; empty and 0 where
    neither the files nor the hub say.
    """

    location: str
    commit: str
    files: tuple[RemoteFile, ...]
    config: dict = field(default_factory=dict)
    architectures: tuple[str, ...] = ()
    parameters: int = 0
    context_tokens: int = 0
    pipeline_tag: str = ""
    licence: str = ""
    licence_url: str = ""
    languages: tuple[str, ...] = ()
    is_gated: bool = False

    def needed(self) -> tuple[RemoteFile, ...]:
        """The files to fetch, the weights last.

        Raises UnsafeModel where it asks for code of its own, and UnsafeModel or UnsupportedFormat where there is nothing
        that is opened here.
        """
        refuse_code(self.config, self.location, PIPELINE_INDEX if self.is_pipeline else MODEL_CONFIG)
        by_name = {file.name: file for file in self.files}
        wanted = (
            _of_pipeline(by_name, self.config, self.location)
            if self.is_pipeline
            else _of_model(by_name, self.config, self.location)
        )
        return tuple(by_name[name] for name in wanted)

    @property
    def is_pipeline(self) -> bool:
        """Made of components in folders of their own, as diffusers keeps them."""
        return any(file.name == PIPELINE_INDEX for file in self.files)

    @property
    def is_adapter(self) -> bool:
        """No model, but what is laid over one."""
        names = {file.name for file in self.files}
        return bool(names & ADAPTER_FILES) and not names & {PIPELINE_INDEX, MODEL_CONFIG}

    @property
    def file_format(self) -> str:
        """What `needed` will bring: "diffusers", "openvino", "safetensors" or "gguf"."""
        if self.is_pipeline:
            return "diffusers"
        last = self.needed()[-1].name
        return (
            "openvino" if last.startswith("openvino_") else "gguf" if last.lower().endswith(".gguf") else "safetensors"
        )


def _of_model(names: Mapping[str, RemoteFile], config: dict, model: str) -> list[str]:
    """Everything lies at the top of the repository, but for voices; what else is deeper is another form of the same.

    `transformers_weights` in the config names the weights for transformers where others have the usual name.
    """
    base = str(config.get("transformers_weights") or "model").partition(".")[0]
    top = sorted(name for name in names if "/" not in name)
    small = [name for name in top if _is_small(name)]
    openvino = [name for name in top if name.startswith("openvino_") and name.endswith((".xml", ".bin"))]
    if "openvino_model.xml" in openvino:
        return small + sorted(openvino, key=lambda name: name == "openvino_model.bin")
    tensors = [name for name in top if name.endswith(".safetensors") and not name.startswith("consolidated")]
    if tensors:
        chosen = _one_form({name: names[name].size_bytes for name in tensors}, (base,)) or tensors
        voices = [name for name in sorted(names) if name.startswith(VOICES) and name.endswith(".npy")]
        return [name for name in small if _goes_with(name, chosen)] + voices * (VOICE_TABLE in small) + chosen
    # "mmproj-…" is only the eye of a model that also sees
    packed = [name for name in top if name.lower().endswith(".gguf") and not name.lower().startswith("mmproj")]
    parts = [part for name in packed if (part := GGUF_PART.search(name))]
    packed = [name for name in packed if not GGUF_PART.search(name)]
    if packed:
        best = [name for wish in GGUF_PREFERENCE for name in packed if wish in name.lower()]
        return small + (best or packed)[:1]
    if parts:  # transformers opens one file
        raise UnsupportedFormat(model=model, file_format=parts[0][0])
    raise _nothing_to_open(names, model)


def _of_pipeline(names: Mapping[str, RemoteFile], index: dict, model: str) -> list[str]:
    """The files of each component that the index names; of every folder where the index cannot be read yet."""
    if not isinstance(index.get("_class_name", ""), str):
        raise AsksForCode(model=model, file=PIPELINE_INDEX, key="_class_name")
    named = [name for name, value in index.items() if isinstance(value, list) and value and value[0] is not None]
    inner = {name.partition("/")[0] for name in names if name.count("/") == 1}
    folders = named or sorted(inner)
    if not inner & set(folders):  # the oldest pipelines have their one component beside the index
        return _of_flat_pipeline(names, model)
    small, weights = [PIPELINE_INDEX], []
    for folder in folders:
        inside = sorted(name.partition("/")[2] for name in names if name.startswith(f"{folder}/"))
        inside = [name for name in inside if "/" not in name]
        if any(name.endswith(".py") for name in inside):
            raise AsksForCode(model=model, file=PIPELINE_INDEX, key=folder)
        sizes = {name: names[f"{folder}/{name}"].size_bytes for name in inside if name.endswith(".safetensors")}
        tensors = _one_form(sizes, COMPONENT_WEIGHTS)
        if not tensors and any(name.endswith(PICKLE_SUFFIXES) for name in inside):
            if not named:
                continue
            raise UnsafeModel(model=model, reason="its weights are pickles, which can run code")
        small += [f"{folder}/{name}" for name in inside if _is_small(name) and _goes_with(name, tensors)]
        weights += [f"{folder}/{name}" for name in tensors]
    if not weights:
        raise _nothing_to_open(names, model)
    return small + weights


def _of_flat_pipeline(names: Mapping[str, RemoteFile], model: str) -> list[str]:
    top = sorted(name for name in names if "/" not in name)
    tensors = _one_form(
        {name: names[name].size_bytes for name in top if name.endswith(".safetensors")}, COMPONENT_WEIGHTS
    )
    if not tensors:
        raise _nothing_to_open(names, model)
    return [name for name in top if _is_small(name) and _goes_with(name, tensors)] + tensors


def _one_form(sizes: Mapping[str, int], bases: Sequence[str]) -> list[str]:
    """Of several forms of one component's weights the plain one, or half precision where that is much smaller."""
    # 1 The forms: by variant ("", "fp16", "non_ema" …), a whole file before its parts
    forms: dict[str, list[str]] = {}
    for name in sizes:
        match = WEIGHTS.fullmatch(name)
        if match and match["base"] in bases:
            forms.setdefault(match["variant"] or "", []).append(name)
    for variant, form in forms.items():
        forms[variant] = [name for name in form if "-of-" not in name] or form

    # 2 One of them
    plain, half = forms.get("", []), forms.get("fp16", [])
    if half and sum(map(sizes.__getitem__, half)) < MUCH_SMALLER * sum(map(sizes.__getitem__, plain)):
        return half
    return plain or half or next(iter(forms.values()), [])


def _goes_with(name: str, tensors: Sequence[str]) -> bool:
    """An index of shards goes with the shards of its own precision; every other small file with all weights."""
    index = INDEX.fullmatch(name)
    if index is None:
        return True
    shard = WEIGHTS.fullmatch(tensors[0]) if tensors and "-of-" in tensors[0] else None
    return shard is not None and index["variant"] == shard["variant"]


def _is_small(name: str) -> bool:
    return any(PurePosixPath(name).match(pattern) for pattern in SMALL_FILES)


def _nothing_to_open(names: Iterable[str], model: str) -> UnsafeModel | UnsupportedFormat:
    if any(name.endswith(PICKLE_SUFFIXES) for name in names):
        return UnsafeModel(model=model, reason="its weights are pickles, which can run code")
    if any(name.endswith(".onnx") for name in names):
        return UnsupportedFormat(model=model, file_format="ONNX")
    return UnsafeModel(model=model, reason="its repository holds no safetensors or GGUF weights")

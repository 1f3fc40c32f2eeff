"""Looks into the files of a model: is it the format it should be, is it whole, does it ask for code of its own?

Decides by content, never by a file's name: a pickle called `.safetensors` is a pickle. A file cut short is refused here,
because a native library that reads it would take the whole process down. It knows single files, and no kind of model.
"""

import json
from pathlib import Path
from typing import Literal

from pipelines.errors.models import AsksForCode, IsPickle, ModelDamaged, ModelError, NotAModel, UnsupportedFormat
from pipelines.loading.inspection import gguf_header, safetensors_header

MAX_JSON_BYTES = 64_000_000
ONNX_SUFFIX = ".onnx"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5")
CODE_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_pipeline", "trust_remote_code"})

Packing = Literal["safetensors", "gguf"]


def check_file(path: Path, model: str, expected: Packing | None = None) -> Packing:
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


def check_json_files(folder: Path, model: str, main: str = "config.json") -> dict:
    """The content of `main` ({} where there is none), after no JSON file of the folder asks for code of its own."""
    contents: dict = {}
    for file in sorted(folder.glob("*.json")):
        is_main = file.name == main
        if not is_main and not file.name.endswith("config.json"):
            continue
        content = read_json(file, model)
        refuse_code(content, model, file.name)
        if is_main:
            contents = content
    return contents


def refuse_code(content: object, model: str, file_name: str) -> None:
    """Raises UnsafeModel where the JSON of `file_name` has code of its own run."""
    if key := _asks_for_code(content):
        raise AsksForCode(model=model, file=file_name, key=key)


# ── by content ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sniff(head: bytes) -> Packing | None:
    if head.startswith(gguf_header.MAGIC):
        return "gguf"
    if safetensors_header.looks_like(head):
        return "safetensors"
    return None


def _refusal(head: bytes, path: Path, model: str, expected: Packing | None) -> ModelError:
    """Why a file of none of the expected formats is not opened."""
    is_pickle = head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5
    if is_pickle or head.startswith((b"PK\x03\x04", b"\x89HDF", b"(", b"]", b"cos", b"ctorch")):
        return IsPickle(model=model, file=path.name)
    if head.startswith(b"version https://git-lfs"):
        return ModelDamaged(model=model, reason=f"{path.name} is only a Git LFS pointer", path=path)
    if path.suffix.lower() == ONNX_SUFFIX:
        return UnsupportedFormat(model=model, file_format="ONNX")
    if expected:
        return ModelDamaged(model=model, reason=f"{path.name} is no safetensors or GGUF file", path=path)
    return NotAModel(model=model, reason="it holds no safetensors or GGUF weights")


def read_json(file: Path, model: str) -> dict:
    """The table in a JSON file. Raises ModelDamaged."""
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

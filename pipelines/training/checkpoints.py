"""Checkpoints of a training run: whole or not there at all.

    <folder>/step-00001200/state.safetensors   tensors, and in its header everything that is none
                           manifest.json       size and SHA-256 of it, written last

A checkpoint is written into a temporary folder, flushed, and renamed into place; the manifest is its last file. One whose
manifest is missing or does not match is never resumed from: the one before it is. The newest two stay.
This file does not know what is inside a state.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEPT = 2
STATE = "state.safetensors"


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `state` as the checkpoint after `step` optimiser steps, then drop all but the newest two.

    `state` may nest dicts, lists and tuples of tensors and of what JSON knows. Raises OSError where the disk does not take it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    # 1 What a save that was cut short has left goes. A step has one state: what stands whole is not taken away for a copy
    folder.mkdir(parents=True, exist_ok=True)
    for torn in folder.glob(".writing-*"):
        shutil.rmtree(torn, ignore_errors=True)
    place = folder / f"step-{step:08d}"
    if is_whole(place):
        _prune(folder)
        return place

    # 2 Everything into a folder that no reader looks at
    scratch = folder / f".writing-{step:08d}"
    scratch.mkdir()
    tensors: dict[str, Any] = {}
    plain = take_apart({"step": step, **state}, tensors)
    try:
        own = {
            name: tensor.to("cpu", copy=True) for name, tensor in tensors.items()
        }  # each its own memory: the format's demand
        save_file(own, scratch / STATE, metadata={"state": json.dumps(plain)})
    except SafetensorError as error:  # what the disk said stands in its words only
        shutil.rmtree(scratch, ignore_errors=True)
        told = re.search(r"os error (\d+)", str(error))
        raise OSError(int(told[1]) if told else errno.EIO, str(error)) from error
    with (scratch / STATE).open("rb") as file:
        os.fsync(file.fileno())

    # 3 The manifest last
    facts = {"step": step, "bytes": (scratch / STATE).stat().st_size, "sha256": _sha256(scratch / STATE)}
    with (scratch / "manifest.json").open("w", encoding="utf-8") as manifest:
        json.dump(facts, manifest)
        manifest.flush()
        os.fsync(manifest.fileno())

    # 4 One rename, made durable
    shutil.rmtree(place, ignore_errors=True)
    scratch.rename(place)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

    # 5 Only now may older ones go
    _prune(folder)
    return place


def latest(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint's state with its `step`, or None. Damaged ones are passed over."""
    from safetensors import safe_open

    for step in reversed(_steps(folder)):
        place = folder / f"step-{step:08d}"
        if is_whole(place):
            with safe_open(place / STATE, framework="pt") as file:
                state: dict[str, Any] = put_together(json.loads(file.metadata()["state"]), file.get_tensor)
            return state
    return None


def is_whole(place: Path) -> bool:
    """Whether the manifest is there and the file beside it is the one it describes."""
    try:
        facts = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        state = place / STATE
        return bool(state.stat().st_size == facts["bytes"] and _sha256(state) == facts["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _prune(folder: Path) -> None:
    for old in _steps(folder)[:-KEPT]:
        shutil.rmtree(folder / f"step-{old:08d}")


def take_apart(value: Any, tensors: dict[str, Any]) -> Any:
    """`value` as JSON can hold it, its tensors moved to `tensors` and named there. Keys of dicts stay what they are."""
    import torch

    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, take_apart(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [take_apart(item, tensors) for item in value]}
    return value


def put_together(value: Any, tensor: Callable[[str], Any]) -> Any:
    """What `take_apart` took apart."""
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return tensor(inside)
    if kind == "dict":
        return {key: put_together(item, tensor) for key, item in inside}
    items = [put_together(item, tensor) for item in inside]
    return items if kind == "list" else tuple(items)


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := re.fullmatch(r"step-(\d{8})", path.name)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

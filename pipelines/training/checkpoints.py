"""Checkpoints of a training run: whole or not there at all.

    <folder>/step-00001200/state.pt         tensors and plain values, read back without running any code
                           manifest.json    size and SHA-256 of it, written last

A checkpoint is written into a temporary folder, flushed, and renamed into place; the manifest is its last file. One whose
manifest is missing or does not match is never resumed from: the one before it is. The newest two stay.
This file does not know what is inside a state.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

KEPT = 2


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `state` as the checkpoint after `step` optimiser steps, then drop all but the newest two."""
    import torch

    # 1 Everything into a folder that no reader looks at
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".writing-{step:08d}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    with (scratch / "state.pt").open("wb") as file:
        torch.save({"step": step, **state}, file)
        file.flush()
        os.fsync(file.fileno())

    # 2 The manifest last
    facts = {"step": step, "bytes": (scratch / "state.pt").stat().st_size, "sha256": _sha256(scratch / "state.pt")}
    with (scratch / "manifest.json").open("w", encoding="utf-8") as manifest:
        json.dump(facts, manifest)
        manifest.flush()
        os.fsync(manifest.fileno())

    # 3 One rename, made durable
    place = folder / f"step-{step:08d}"
    shutil.rmtree(place, ignore_errors=True)
    scratch.rename(place)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

    # 4 Only now may older ones go
    for old in _steps(folder)[:-KEPT]:
        shutil.rmtree(folder / f"step-{old:08d}")
    return place


def latest(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint's state with its `step`, or None. Damaged ones are passed over."""
    import torch

    for step in reversed(_steps(folder)):
        place = folder / f"step-{step:08d}"
        if is_whole(place):
            return torch.load(place / "state.pt", map_location="cpu", weights_only=True)
    return None


def is_whole(place: Path) -> bool:
    """Whether the manifest is there and the file beside it is the one it describes."""
    try:
        facts = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        state = place / "state.pt"
        return bool(state.stat().st_size == facts["bytes"] and _sha256(state) == facts["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := re.fullmatch(r"step-(\d{8})", path.name)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

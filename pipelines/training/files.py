"""Writes that survive a crash: a file is whole or the one before it. Knows nothing about what the files mean."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put `text` at `path` by one rename; the folder must exist."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    make_durable(part)
    part.replace(path)
    make_durable(path.parent)


def make_durable(path: Path) -> None:
    """What was written to this file, or renamed in this folder, outlives a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

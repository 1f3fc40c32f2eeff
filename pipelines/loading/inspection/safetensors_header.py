"""Reads the header of a safetensors file and proves that the file is whole and sane, without a native library.

Source: https://github.com/huggingface/safetensors#format. Eight bytes of length, a JSON header, then the weights without
a gap. It reads no weights.
"""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeGuard

MAX_HEADER_BYTES = 16_000_000
MAX_TENSORS = 65_536

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True)
class SafetensorsHeader:
    """Shapes by tensor name, and the free-text metadata."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]

    @property
    def parameters(self) -> int:
        """How many numbers the tensors hold."""
        return sum(prod(shape) for shape in self.shapes.values())


def looks_like(head: bytes) -> bool:
    """Whether the first nine bytes of a file are those of a safetensors file: a length, then "{"."""
    return len(head) >= 9 and head[8:9] == b"{"


def read_header(path: Path) -> SafetensorsHeader:
    """The header of the file at `path`. Raises ValueError, with a reason for a person, when it does not fit the file."""
    # 1 The length, before anything of that length is read
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("the file ends inside its header")
        (length,) = struct.unpack("<Q", head)
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"a header of {length:,} bytes")
        if 8 + length > size:
            raise ValueError("the file ends inside its header")
        text = file.read(length)

    # 2 The header itself
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(header, dict):
        raise ValueError("its header is not a table of tensors")
    metadata = header.pop("__metadata__", {})
    if len(header) > MAX_TENSORS:
        raise ValueError(f"the header promises {len(header):,} tensors")

    # 3 Every tensor has the bytes its shape needs, one after the other, up to the end of the file
    spans = sorted(_span(name, entry) for name, entry in header.items())
    end = 0
    for start, stop, name in spans:
        if start != end:
            raise ValueError(f"tensor {name[:80]!r} does not begin where the one before it ends")
        end = stop
    if 8 + length + end != size:
        raise ValueError(f"the file has {size:,} bytes and should have {8 + length + end:,}")
    shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
    return SafetensorsHeader(shapes, metadata if isinstance(metadata, dict) else {})


def _span(name: str, entry: object) -> tuple[int, int, str]:
    """(start, stop, name) of one tensor, in bytes from the start of the weights."""
    if any(part.startswith("__") for part in name.split(".")):
        raise ValueError(f"a tensor is called {name[:80]!r}")
    if not isinstance(entry, dict):
        raise ValueError(f"tensor {name[:80]!r} has no description")
    shape, offsets, bits = entry.get("shape"), entry.get("data_offsets"), _BITS.get(str(entry.get("dtype")))
    if bits is None:
        raise ValueError(f"tensor {name[:80]!r} has the unknown type {str(entry.get('dtype'))[:20]!r}")
    if not (_are_counts(shape) and _are_counts(offsets) and len(offsets) == 2 and len(shape) <= 16):
        raise ValueError(f"tensor {name[:80]!r} has no shape or place")
    start, stop = offsets
    if (stop - start) * 8 != prod(shape) * bits:
        raise ValueError(f"tensor {name[:80]!r} has {stop - start:,} bytes, which its shape does not need")
    return start, stop, name


def _are_counts(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)

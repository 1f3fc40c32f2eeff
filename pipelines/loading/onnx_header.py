"""Walks the outermost fields of an ONNX file and proves that it is whole, without a native library.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto: 1 = ir_version, 7 = graph) and
https://protobuf.dev/programming-guides/encoding. It does not look into the graph.
"""

import mmap
from pathlib import Path

_GRAPH = 7
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def looks_like(head: bytes) -> bool:
    """Whether the first bytes are those of a ModelProto: field 1, a small version number."""
    return len(head) >= 2 and head[0] == 0x08 and 1 <= head[1] <= 32


def check(path: Path) -> None:
    """Raises ValueError, with a reason for a person, when a field points outside the file or there is no graph."""
    seen = set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        while at < len(data):
            key, at = _varint(data, at)
            field, kind = key >> 3, key & 7
            if kind == _VARINT:
                _, at = _varint(data, at)
            elif kind == _BYTES:
                size, at = _varint(data, at)
                at += size
            elif kind in (_FIXED32, _FIXED64):
                at += 4 if kind == _FIXED32 else 8
            else:
                raise ValueError("it is not an ONNX file")
            seen.add(field)
        if at != len(data):
            raise ValueError(f"the file has {len(data):,} bytes and should have {at:,}")
    if _GRAPH not in seen:
        raise ValueError("it holds no graph")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """(value, where the next field begins)."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("the file ends inside a field")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it is not an ONNX file")

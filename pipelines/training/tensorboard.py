"""The curve of a run as a TensorBoard event file, for whoever likes to look at it there. Needs no TensorBoard.

A file is a row of records (TFRecord): length, masked CRC-32C of the length, data, masked CRC-32C of the data. A record is an `Event`
of tensorflow/core/util/event.proto, written here by hand: wall_time = 1 (double), step = 2 (varint), file_version = 3 (string),
summary = 5 {value = 1 {tag = 1 (string), simple_value = 2 (float)}}.
"""

import math
import struct
from collections.abc import Iterable, Mapping

VERSION = b"brain.Event:2"
_POLYNOMIAL = 0x82F63B78  # of CRC-32C (Castagnoli), bits the other way round
_MASK = 0xA282EAD8  # as TFRecord has it


def event_file(points: Iterable[Mapping[str, float]], began: float) -> bytes:
    """`points` are rows of a run's metrics.jsonl: each its "step", its "seconds" since `began` (since the epoch) and its values.

    What is no number is left out.
    """
    records = [_record(_double(1, began) + _bytes(3, VERSION))]
    for point in points:
        values = b"".join(
            _bytes(1, _bytes(1, name.encode()) + _float(2, float(value)))
            for name, value in point.items()
            if name not in ("step", "seconds") and isinstance(value, int | float) and math.isfinite(value)
        )
        at = began + float(point.get("seconds", 0.0))
        records.append(_record(_double(1, at) + _varint(2 << 3) + _varint(int(point["step"])) + _bytes(5, values)))
    return b"".join(records)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(length)) + data + struct.pack("<I", _masked(data))


def _masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# ── fields of protocol buffers ────────────────────────────────────────────────────────────────────────────────────────


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)

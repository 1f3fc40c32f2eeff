"""The recipe inside a film: a box of type "uuid" at the end of the MP4 file, which every player passes over.

Source: ISO/IEC 14496-12 §4.2 (boxes), §11.1 (uuid). A file is read box by box, and no frame is decoded. It knows bytes and
text, and no requests.
"""

import json
import struct
from collections.abc import Iterator

from pipelines.provenance.pictures import LIMIT_TEXT_BYTES

OURS = bytes.fromhex("5d0e1c7a92b34f1c8a6ed3f07b2419ce")
LIMIT_BOXES = 10_000


def looks_like(data: bytes) -> bool:
    """Whether `data` begins as an MP4 file does."""
    return data[4:8] == b"ftyp"


def suffix_of(data: bytes) -> str:
    """ ".mp4", ".webm" or ".avi", as the file begins; "" for what is no film."""
    if looks_like(data):
        return ".mp4"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return ".webm"
    return ".avi" if data.startswith(b"RIFF") and data[8:12] == b"AVI " else ""


def encode(film: bytes, recipe: dict) -> bytes:
    """The film with its recipe."""
    text = json.dumps(recipe, ensure_ascii=False).encode("utf-8", "replace")
    return film + struct.pack(">I4s", 8 + len(OURS) + len(text), b"uuid") + OURS + text


def read(data: bytes) -> str:
    """The JSON of the recipe; "" where there is none."""
    for kind, begin, end in _boxes(data):
        if kind == b"uuid" and data[begin : begin + len(OURS)] == OURS:
            return data[begin + len(OURS) : min(end, begin + LIMIT_TEXT_BYTES)].decode("utf-8", "replace")
    return ""


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, begin of the content, end) of each box at the top; a length that cannot be ends it."""
    at = 0
    for _ in range(LIMIT_BOXES):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        header = 8
        if length == 1 and at + 16 <= len(data):
            (length,), header = struct.unpack(">Q", data[at + 8 : at + 16]), 16
        if length == 0:
            length = len(data) - at
        if length < header or at + length > len(data):
            return
        yield kind, at + header, at + length
        at += length

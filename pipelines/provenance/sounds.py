"""The recipe inside a sound file, as the text of its comment; what kind of file something is, by its first bytes.

    FLAC, OGG, MP3   the comment, as soundfile writes it: "aigc-studio-recipe", a line break, the JSON
    WAV              the same in the chunk LIST/INFO/ICMT

A recipe of more than a few thousand characters is packed (zlib, Base64). It knows samples and text, and no requests.
"""

import json
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from io import BytesIO

from pipelines.provenance.pictures import KEYWORD, LIMIT_TEXT_BYTES, licence_line
from pipelines.sound.files import BLOCK_FRAMES, FORMATS, fitting
from pipelines.types.sound import Wave

LIMIT_BYTES = 64_000_000
PACKED_FROM_CHARACTERS = 4_000
SUFFIXES = tuple(f".{name}" for name in FORMATS)


def suffix_of(data: bytes) -> str:
    """ ".flac", ".wav", ".mp3", ".ogg" or ".mid", as the file begins; "" for anything else."""
    if data.startswith(b"fLaC"):
        return ".flac"
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return ".wav"
    if data.startswith(b"OggS"):
        return ".ogg"
    if data.startswith(b"ID3") or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return ".mp3"
    return ".mid" if data.startswith(b"MThd") else ""


# ── into a sound file ─────────────────────────────────────────────────────────────────────────────────────────────────


def encode(wave: Wave, recipe: dict, file_format: str) -> bytes:
    """The sound as a file with the recipe inside; `file_format` is a key of FORMATS. 16 bits where nothing is lost."""
    import soundfile

    wave = fitting(wave, file_format)
    samples, rate = wave.samples, wave.sampling_rate
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    data, subtype = BytesIO(), FORMATS[file_format]
    with soundfile.SoundFile(data, "w", rate, channels, subtype, format=file_format.upper()) as file:
        file.comment = comment(recipe)
        licence = licence_line(recipe)
        if licence:
            file.copyright = licence
        for start in range(0, len(samples), BLOCK_FRAMES):
            file.write(samples[start : start + BLOCK_FRAMES])
    return data.getvalue()


def comment(recipe: dict) -> str:
    text = json.dumps(recipe)  # in ASCII: what else stands in a comment, each reader reads in its own way
    if len(text) > PACKED_FROM_CHARACTERS:
        text = b64encode(zlib.compress(text.encode(), 9)).decode()
    return f"{KEYWORD}\n{text}"


# ── out of a sound file ───────────────────────────────────────────────────────────────────────────────────────────────


def read(data: bytes) -> str:
    """Our recipe in the file `data` as JSON, "" where there is none. Never raises: what is damaged is not there."""
    import soundfile

    if suffix_of(data) == ".wav":
        return _told(_wav_comment(data))
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            return _told(file.comment)
    except (soundfile.SoundFileError, UnicodeDecodeError):
        return ""


def _told(comment: str) -> str:
    head, line_break, body = comment.partition("\n")
    if head.strip("\0") != KEYWORD or not line_break:
        return ""
    body = body.rstrip("\0")
    if body.startswith("{"):
        return body
    try:
        packed = zlib.decompressobj()
        return packed.decompress(b64decode(body, validate=True), LIMIT_TEXT_BYTES).decode()
    except (ValueError, zlib.error):
        return body


def _wav_comment(data: bytes) -> str:
    """libsndfile 1.2 reads none that is longer than two kilobytes. Source: Multimedia Programming Interface 1.0, RIFF."""
    for kind, body in _chunks(data, 12, len(data)):
        if kind == b"LIST" and body[:4] == b"INFO":
            for name, text in _chunks(body, 4, len(body)):
                if name == b"ICMT":
                    return text.decode("utf-8", "replace")
    return ""


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of each chunk from `at`; one that says it is longer than the file ends with the file."""
    while at + 8 <= end:
        name, length = struct.unpack("<4sI", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + length] if name != b"data" else b""
        at += 8 + length + length % 2

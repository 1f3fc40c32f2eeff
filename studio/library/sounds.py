"""Other files of a sound that is kept. Knows no library. Files of the library are FLAC, which loses nothing of 16 bits."""

from pathlib import Path

from pipelines.provenance import sounds
from pipelines.sound.files import open_sound

FORMATS = ("wav", "mp3", "ogg")


def convert(path: Path, recipe: dict, file_format: str) -> bytes:
    """The sound at `path` as "wav", "mp3" or "ogg", recipe inside."""
    return sounds.encode(open_sound(path), recipe, file_format)

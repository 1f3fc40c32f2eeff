"""Other files of a sound that is kept. Knows no library. Files of the library are FLAC, which loses nothing of 16 bits."""

from pathlib import Path

from pipelines.provenance import sounds
from pipelines.sound.files import open_sound, to_bytes
from pipelines.types.sound import Wave

FORMATS = ("wav", "mp3", "ogg")


def convert(path: Path, recipe: dict, file_format: str) -> bytes:
    """The sound at `path` as "wav", "mp3" or "ogg", recipe inside."""
    return sounds.encode(open_sound(path), recipe, file_format)


def beginning(path: Path, seconds: int = 30) -> bytes:
    """The first seconds of a file of the library, as FLAC in mono."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        samples = file.read(seconds * file.samplerate, dtype="float32", always_2d=True).mean(1)
        return to_bytes(Wave(samples, file.samplerate), "flac")

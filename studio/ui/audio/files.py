"""Sound files between a form and a request: looked at before they are taken, and put where a form can show them."""

import base64
import binascii
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.requests import UnreadableSound
from pipelines.pictures.files import open_picture
from pipelines.provenance import films
from pipelines.provenance.sounds import SUFFIXES, suffix_of
from pipelines.sound.files import LIMIT_SECONDS
from studio.library.pictures import thumbnail

MEDIA_TYPES = {
    ".flac": "audio/flac", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".mid": "audio/midi",
    ".mp4": "video/mp4",
}  # fmt: skip
HEAD_BYTES = 64  # by which a file is known
RECORDING, RECORDING_BYTES = "recording.wav", 8_000_000  # four minutes, as the page records
FILMS = (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")  # Matroska and WebM, MPEG


@dataclass(frozen=True)
class Given:
    """A file that somebody gave, and where it lies."""

    path: str
    data: bytes


def sound(path: object, *, takes_midi: bool = False, limit_seconds: float = LIMIT_SECONDS) -> Given | None:
    """The file in a box of sound; None where there is none. Raises UnreadableSound, in words, for what is none."""
    import soundfile

    if not isinstance(path, str) or not path:
        return None
    # 1 Is it a sound, whatever its name says?
    name = Path(path).name
    with Path(path).open("rb") as file:
        data = file.read(HEAD_BYTES)
    suffix = suffix_of(data)
    if not data:
        raise UnreadableSound(name=name, reason="it is empty")
    if data.startswith(FILMS) or (data[4:8] == b"ftyp" and data[8:11] != b"M4A"):
        raise UnreadableSound(name=name, reason="it is a film")
    if suffix not in SUFFIXES and not (takes_midi and suffix == ".mid"):
        raise UnreadableSound(name=name, reason="it is no sound, whatever its name says")
    # 2 Does its header hold?
    if suffix in SUFFIXES:
        try:
            info = soundfile.info(path)
        except soundfile.SoundFileError as error:
            raise UnreadableSound(name=name, reason="it is damaged") from error
        if not info.frames:
            raise UnreadableSound(name=name, reason="it is empty")
        if info.duration > limit_seconds:
            raise UnreadableSound(name=name, reason=f"it is longer than {limit_seconds / 60:.0f} minutes")
    return Given(path, Path(path).read_bytes())


def recorded(data: object) -> bytes:
    """The recording that a page told as {"data": data URL}. Raises UnreadableSound."""
    import soundfile

    url = data.get("data") if isinstance(data, dict) else None
    _, comma, content = str(url or "").partition(";base64,")
    if not comma or len(content) > RECORDING_BYTES * 4 // 3 + 4:
        raise UnreadableSound(name=RECORDING, reason="it is larger than 8 MB" if comma else "it is empty")
    try:
        recording = base64.b64decode(content, validate=True)
        frames = soundfile.info(BytesIO(recording)).frames
    except (binascii.Error, ValueError, soundfile.SoundFileError) as error:
        raise UnreadableSound(name=RECORDING, reason="it is no sound, whatever its name says") from error
    if not frames:
        raise UnreadableSound(name=RECORDING, reason="it is empty")
    return recording


def put_in_cache(data: bytes) -> str:
    """The path of a sound of the library as a box can show it: gradio shows files of its cache alone."""
    return save_bytes_to_cache(data, f"sound{suffix_of(data)}", get_upload_folder())


def small_url_of(picture: bytes) -> str:
    """A picture as it is shown among many, as a data URL."""
    small = thumbnail(open_picture(picture, "picture"))
    return f"data:image/webp;base64,{base64.b64encode(small).decode()}"


def url_of(data: bytes) -> str:
    media_type = MEDIA_TYPES.get(suffix_of(data) or films.suffix_of(data), "image/png")
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

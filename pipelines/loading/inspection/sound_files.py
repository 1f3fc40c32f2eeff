"""Two forms of weights that only models of sound come in: CTranslate2's, and the ONNX file of Kokoro with its voices.

Neither holds code: CTranslate2's is a list of named arrays; ONNX is a graph of operators of the runtime, of which only
a file without outside data passes here.
"""

import struct
import zipfile
from pathlib import Path

from pipelines.errors.models import ModelDamaged

CTRANSLATE2_FILE = "model.bin"
NEWEST_VERSION = 6
KOKORO_FILE, VOICES_FILE = "model.onnx", "voices.npz"
EXTERNAL = b"external_data"  # what ONNX calls weights in other files
SMALLEST_BYTES = 1_000_000


def ctranslate2(folder: Path, model: str) -> str:
    """The specification that a CTranslate2 file names, such as "WhisperSpec"; "" where it is another kind of file.

    Its variables are walked through, because the library that reads it would take a cut file for a whole one at times.
    Source: ctranslate2/specs/model_spec.py. Raises ModelDamaged.
    """
    path = folder / CTRANSLATE2_FILE
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            version, length = struct.unpack("<IH", file.read(6))
            name = file.read(length)
            if not 4 <= version <= NEWEST_VERSION or not name.endswith(b"Spec\0"):
                return ""
            _, variables = struct.unpack("<II", file.read(8))
            for _ in range(variables):
                (length,) = struct.unpack("<H", file.read(2))
                file.seek(length, 1)
                (rank,) = struct.unpack("<B", file.read(1))
                file.seek(4 * rank, 1)
                _, count = struct.unpack("<BI", file.read(5))
                file.seek(count, 1)
                if file.tell() > size:
                    raise ModelDamaged(model=model, reason=f"{path.name} ends in the middle", path=folder)
        except struct.error:
            raise ModelDamaged(model=model, reason=f"{path.name} ends in the middle", path=folder) from None
    return name[:-1].decode("ascii", "replace")


def is_kokoro(folder: Path, config: dict) -> bool:
    return isinstance(config.get("vocab"), dict) and all(
        (folder / name).exists() for name in (KOKORO_FILE, VOICES_FILE)
    )


def check_kokoro(folder: Path, model: str) -> None:
    """Raises ModelDamaged."""
    content = (folder / KOKORO_FILE).read_bytes()
    if not content.startswith(b"\x08") or len(content) < SMALLEST_BYTES or EXTERNAL in content:
        raise ModelDamaged(model=model, reason=f"{KOKORO_FILE} is no whole ONNX file", path=folder)
    if not zipfile.is_zipfile(folder / VOICES_FILE):
        raise ModelDamaged(model=model, reason=f"{VOICES_FILE} is no table of voices", path=folder)

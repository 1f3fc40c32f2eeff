"""A folder as a ZIP that is made while it is sent: nothing of it lies on the disk or in memory as a whole. Knows no route."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 1 << 20


def zipped(folder: Path) -> Iterator[bytes]:
    """The bytes of a ZIP with the folder's files under its name. Weights do not shrink, so nothing is packed."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            about = zipfile.ZipInfo.from_file(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
            with path.open("rb") as source, archive.open(about, "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK_BYTES):
                    target.write(chunk)
                    yield sent.take()
    yield sent.take()


class _Sent:
    """A file that can only be written, and is emptied as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """What was written is here already."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken

"""Writes that survive a crash: a whole file arrives by rename, a log grows by whole lines.

Knows nothing about what the files mean, and nothing about who may see them. A disk that is full or may not be written
becomes the error a person is told; every other OSError is a mistake of ours and stays what it is.
"""

import errno
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors.storage import DiskFull, ReadOnlyHome

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # a quota or a limit on file sizes is the same to a person
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Raise DiskFull or ReadOnlyHome, naming `path`, for what the system (or SQLite) says about the disk inside."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(path=str(path)) from error
        if error.errno in _READ_ONLY:
            raise ReadOnlyHome(path=str(path)) from error
        raise
    except sqlite3.Error as error:
        primary_code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bytes tell variants apart
        if primary_code == sqlite3.SQLITE_FULL:
            raise DiskFull(path=str(path)) from error
        if primary_code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise ReadOnlyHome(path=str(path)) from error
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, also after a crash, sees the old file or the new one and nothing between.

    The folder must exist. Raises DiskFull or ReadOnlyHome; then the old file stands and nothing is left behind.
    """
    with storage_errors(path.parent):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def append_line(path: Path, data: dict) -> dict:
    """Add `data` as one JSON line and return it, as a reader will see it, once it is on the disk.

    Makes the file (mode 0600) if there is none; the folder must exist. One writer at a time. If a crash left the last
    line torn, the new one starts on its own line; if this write fails, the file is cut back to what it was. Lone
    surrogates, which UTF-8 cannot hold, become "?". Raises DiskFull or ReadOnlyHome.
    """
    written = line = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    with storage_errors(path.parent):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":
                line = b"\n" + line
            try:
                _write_all(descriptor, line)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size_bytes)
                raise
        finally:
            os.close(descriptor)
        if size_bytes == 0:
            sync_folder(path.parent)
    return json.loads(written)


def read_lines(path: Path) -> Iterator[dict]:
    """The JSON objects of a log, in order. A line that a crash tore is not one, so it is passed over.

    Raises FileNotFoundError.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                data = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                yield data


def sync_folder(folder: Path) -> None:
    """Make names that were added to, renamed in or removed from `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

"""One file from the hub onto the disk: goes on where an earlier try stopped, and is proved before it gets its name.

The part that is here grows beside the place where the whole will be; it survives Stop, a kill and a restart. It knows
addresses, bytes and hashes, and neither models nor where files belong.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import httpx2

from pipelines.errors.models import WrongContent

PART_SUFFIX = ".part"
TRIES = 5  # in a row without a byte
PATIENCE_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
READ_BYTES = 1 << 20

OnBytes = Callable[[int], None]  # how many more are here; negative when some had to be thrown away, 0 while it waits


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository. One of the hashes is there as a rule: SHA-256 of large files, git's SHA-1 of small ones."""

    name: str
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""

    @property
    def etag(self) -> str:
        """How the hub's cache calls its content; where the hub gave no hash, a name of our own."""
        return self.sha256 or self.git_sha1 or hashlib.sha256(f"{self.name} {self.size_bytes}".encode()).hexdigest()


def part_of(target: Path) -> Path:
    """Where the beginning of `target` is kept until it is whole."""
    return target.with_name(target.name + PART_SUFFIX)


def fetch(url: str, headers: dict[str, str], file: RemoteFile, target: Path, on_bytes: OnBytes) -> None:
    """Bring `target` onto the disk, whole and with the content that the hub lists.

    What `on_bytes` raises stops it and leaves the part. Raises WrongContent, and what httpx2, huggingface_hub and the
    disk raise.
    """
    part = part_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with part.open("a+b") as out:
        # 1 What is here already
        if out.seek(0, 2) > file.size_bytes:
            on_bytes(-out.tell())
            out.truncate(0)
        digest = _digest(out, file)

        # 2 The rest, as often as the line breaks
        tries = TRIES
        while out.tell() < file.size_bytes:
            before = out.tell()
            try:
                digest = _read_rest(url, headers, file, out, digest, on_bytes)
            except (httpx2.HTTPError, httpx2.StreamError) as error:
                tries = TRIES if out.tell() > before else tries - 1
                if tries == 0 or not _may_pass(error):
                    raise
                _wait(on_bytes)

        # 3 Is it what the hub lists?
        expected = file.sha256 or file.git_sha1
        is_right = out.tell() == file.size_bytes and (not expected or digest.hexdigest() == expected)
        out.flush()
        os.fsync(out.fileno())
    if not is_right:
        part.unlink()
        on_bytes(-file.size_bytes)
        raise WrongContent(file=file.name)

    # 4 Its name
    part.replace(target)


def _read_rest(
    url: str, headers: dict[str, str], file: RemoteFile, out: IO[bytes], digest: "_Digest", on_bytes: OnBytes
) -> "_Digest":
    """Append what the server has after the end of `out`; the digest of all that is there then."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    asked = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={out.tell()}-"}
    with get_session().stream("GET", url, headers=asked, timeout=TIMEOUT_SECONDS) as response:
        hf_raise_for_status(response)
        if response.status_code != 206 and out.tell():  # it knows no ranges, so it begins again
            on_bytes(-out.tell())
            out.truncate(0)
            digest = _digest(out, file)
        for chunk in _at_most(response.iter_raw(), file.size_bytes - out.tell()):
            out.write(chunk)
            digest.update(chunk)
            on_bytes(len(chunk))
    if out.tell() < file.size_bytes:
        raise httpx2.RemoteProtocolError("the answer ended early")
    return digest


def _at_most(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """A server that sends more than it lists is not listened to."""
    for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return


def _may_pass(error: Exception) -> bool:
    """Whether another try may go better: the line broke, or the server is busy. What it refuses, it refuses again."""
    answer = getattr(error, "response", None)
    return answer is None or answer.status_code in (408, 429) or answer.status_code >= 500


def _wait(on_bytes: OnBytes) -> None:
    """A moment before the next try, in which Stop acts."""
    for _ in range(10):
        on_bytes(0)
        time.sleep(PATIENCE_SECONDS / 10)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def _digest(out: IO[bytes], file: RemoteFile) -> _Digest:
    """The digest of what `out` holds, in the way that `file` is hashed; leaves `out` at its end."""
    if file.sha256:
        digest: _Digest = hashlib.sha256()
    else:  # git hashes a header too: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        digest = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
    out.seek(0)
    while data := out.read(READ_BYTES):
        digest.update(data)
    return digest

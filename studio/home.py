"""The home folder: what people make lives here. Opens it once, holds its lock, checks its schema number.

    <home>/home.json · server.lock · secret.key · studio.db · worker.log
    <home>/jobs/ library/ conversations/ models/ runs/

Knows nothing of what the folders hold.
"""

import fcntl
import json
from pathlib import Path
from typing import IO

from pipelines.errors.storage import HomeDamaged, HomeInUse, HomeTooNew, ReadOnlyHome
from studio.files import storage_errors, write_whole

SCHEMA = 1
FOLDERS = ("jobs", "library", "conversations", "models", "runs")


class Home:
    """The home of one running server."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> "Home":
        """Make the folder if there is none, for this user only, and hold it until `close`.

        Raises ReadOnlyHome, DiskFull, HomeInUse, HomeDamaged, or HomeTooNew when a newer version wrote it.
        """
        try:
            with storage_errors(path):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = (path / "server.lock").open("ab")
        except OSError as error:  # a file where the folder should be, a name that is too long …
            raise ReadOnlyHome(path=str(path)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise HomeInUse(path=str(path)) from error
        try:
            _check_schema(path)
            with storage_errors(path):
                for folder in FOLDERS:
                    (path / folder).mkdir(exist_ok=True)
        except BaseException:
            lock.close()
            raise
        return cls(path, lock)

    def close(self) -> None:
        self._lock.close()


def _check_schema(path: Path) -> None:
    about = path / "home.json"
    if not about.exists():
        write_whole(about, json.dumps({"schema": SCHEMA}).encode())
        return
    try:
        found = int(json.loads(about.read_bytes())["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise HomeDamaged(path=str(about)) from error
    if found > SCHEMA:
        raise HomeTooNew(path=str(path), found=found, known=SCHEMA)

"""What a person tells a training run that is at work: files in its job's folder. Knows no process and no loop.

cancel       stop; what came after the last checkpoint is gone (the same file as of every job)
stop         stop after a checkpoint
pause        the studio is being stopped: stop after a checkpoint, and go on by itself at its next start
checkpoint   save now and go on
sample       show now what it makes and go on
"""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from studio.files import storage_errors
from studio.jobs.folder import JobFolder

LOOK_SECONDS = 0.05

Command = Literal["stop", "pause", "checkpoint", "sample"]
NAMES = ("cancel", "stop", "pause", "checkpoint", "sample")


def ask(folder: JobFolder, command: Command) -> None:
    """Raises DiskFull or ReadOnlyHome."""
    with storage_errors(folder.path):
        _file(folder, command).touch()


def is_asked(folder: JobFolder, command: Command) -> bool:
    return _file(folder, command).exists()


def asked(folder: JobFolder) -> frozenset[str]:
    """Everything that was asked and not done yet."""
    return frozenset(name for name in NAMES if (folder.path / name).exists())


def take_back(folder: JobFolder, command: Command) -> None:
    _file(folder, command).unlink(missing_ok=True)


def _file(folder: JobFolder, command: Command) -> Path:
    return folder.path / command


class Commands:
    """The training loop's side: asked between two steps, it looks at the disk at most twenty times a second."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self._looked = 0.0
        self._found: set[str] = set()
        self.is_terminated = threading.Event()  # by SIGTERM

    def is_stopping(self) -> Literal["", "save", "cancel"]:
        self._look()
        if "cancel" in self._found:
            return "cancel"
        return "save" if self._found & {"stop", "pause"} or self.is_terminated.is_set() else ""

    def wants_checkpoint(self) -> bool:
        """True once for each time that it was asked for."""
        return self._take("checkpoint")

    def wants_sample(self) -> bool:
        return self._take("sample")

    def _take(self, command: Command) -> bool:
        self._look()
        if command not in self._found:
            return False
        self._found.discard(command)
        take_back(self._folder, command)
        return True

    def _look(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        with suppress(OSError):  # a disk that does not answer asks for nothing
            self._found = {*asked(self._folder), *(["cancel"] if self._folder.is_asked_to_cancel() else [])}

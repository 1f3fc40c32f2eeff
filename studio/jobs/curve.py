"""What a run has told so far, read a little further at each look: its measured points, and the last words of a job.

Knows no page; its files are written by pipelines/training and by the training process.
"""

import json
import os
import threading
from pathlib import Path

from pipelines.types.training import Metrics, Sampled
from studio.jobs.folder import JobFolder
from studio.jobs.job import event_of


class Curve:
    """The points of a metrics.jsonl. A run that goes on from a checkpoint puts another file in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._inode = self._offset = 0
        self._points: list[dict] = []

    def read(self) -> list[dict]:
        """All points, each with its "step", in order. A torn last line waits until it is whole."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    self._begin_again_with(file.fileno())
                    file.seek(self._offset)
                    data = file.read()
            except FileNotFoundError:
                return []
            whole = data[: data.rfind(b"\n") + 1]
            self._offset += len(whole)
            self._points += [point for line in whole.splitlines() if (point := _point(line)) is not None]
            return list(self._points)

    def _begin_again_with(self, descriptor: int) -> None:
        about = os.fstat(descriptor)
        if about.st_ino != self._inode or about.st_size < self._offset:
            self._inode, self._offset, self._points = about.st_ino, 0, []


def _point(line: bytes) -> dict | None:
    try:
        point = json.loads(line)
    except ValueError:
        return None
    return point if isinstance(point, dict) and isinstance(point.get("step"), int) else None


class Told:
    """The newest of each kind that a job has told."""

    def __init__(self, folder: JobFolder) -> None:
        self._reader = folder.reader()
        self._lock = threading.Lock()
        self.metrics: Metrics | None = None
        self.sampled: Sampled | None = None

    def listen(self) -> None:
        """Take in what was told since the last time."""
        with self._lock:
            for line in self._reader.read():
                event = event_of(line)
                match event.data if event is not None else None:
                    case Metrics() as metrics:
                        self.metrics = metrics
                    case Sampled() as sampled:
                        self.sampled = sampled

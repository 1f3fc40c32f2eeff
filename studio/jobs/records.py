"""What is known of each job: its folder and its row in the index, kept in step. Knows no queue and no process.

An end is told to `on_end` first and written into the index then, so that a crash in between repeats it. An end that the
disk would not take is remembered until the server stops.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError
from pipelines.errors.storage import StorageError
from studio.jobs.folder import End, JobFolder, State
from studio.jobs.job import Job
from studio.jobs.store import JobStore, Row

PRIVATE_GRACE_SECONDS = 5.0  # what keeps nothing stays just long enough for its reader to see the end
PIECES_SECONDS = (
    120.0  # so long the pieces of a sound can be fetched after the end, by a page that was slow to hear of it
)

OnEnd = Callable[[Job], None]

log = logging.getLogger("studio.jobs")


class Records:
    """The folders in `jobs` and their index. Every method may be called from any thread."""

    def __init__(self, jobs: Path, store: JobStore, on_end: OnEnd) -> None:
        self._jobs = jobs
        self._store = store
        self._on_end = on_end
        self._settling: set[str] = set()  # ended, and `on_end` is being told
        self._unwritten: dict[str, End] = {}
        self._is_closing = threading.Event()

    def close(self) -> None:
        """From now on no row is removed: the next start finds one without a folder."""
        self._is_closing.set()

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────

    def folder(self, job_id: str) -> JobFolder:
        return JobFolder(self._jobs / job_id)

    def end(self, folder: JobFolder) -> End | None:
        """How a job ended, or None while it has not."""
        return folder.end() or self._unwritten.get(folder.id)

    def job(self, row: Row) -> Job:
        """All of it. Raises NotFound when its folder is gone or cannot be read."""
        folder = self.folder(row.id)
        try:
            request = folder.spec().request
        except (ValueError, OSError) as error:
            raise NotFound(thing="job") from error
        end = self.end(folder)
        return Job(
            id=row.id,
            owner=row.owner,
            request=request,
            state=end.state if end else row.state,
            keep=row.keep,
            created=row.created,
            started=row.started,
            ended=row.ended,
            result=end.result if end else None,
            error=end.error if end else None,
            creation_ids=end.creation_ids if end else (),
            conversation_id=row.conversation_id,
            node_id=row.node_id,
        )

    def index(self, row: Row) -> None:
        """Bring the index up to date. A full disk leaves it behind the folders, which the next start puts right."""
        try:
            self._store.put(row)
        except StorageError as error:
            log.error("the index is behind: %s", error)

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def write_end(self, folder: JobFolder, state: State, error: StudioError | None) -> None:
        """For a job whose worker does not do it."""
        end = End(state, None, error, None, time.time())
        try:
            folder.finish(end)
        except (StudioError, OSError):
            self._unwritten[folder.id] = end

    def remember_end(self, folder: JobFolder, state: State, error: StudioError | None) -> None:
        """An end that a worker told because the disk would not take it."""
        self._unwritten[folder.id] = End(state, None, error, None, time.time())

    def begin_to_settle(self, job_id: str) -> None:
        """From now on `is_settling`; `settle` ends that."""
        self._settling.add(job_id)

    def is_settling(self, job_id: str) -> bool:
        return job_id in self._settling

    def settle(self, folder: JobFolder) -> None:
        """Tell `on_end` of an end, then write it into the index.

        Where the disk is full the row stays unfinished, and the next start does both again.
        """
        try:
            self._keep_end(folder)
        finally:
            self._settling.discard(folder.id)

    def forget(self, folder: JobFolder) -> None:
        """Delete a job."""
        folder.remove()
        self._unwritten.pop(folder.id, None)
        if not self._is_closing.is_set():
            self._store.remove(folder.id)

    def _keep_end(self, folder: JobFolder) -> None:
        try:
            spec = folder.spec()
        except (ValueError, OSError):
            return  # its person deleted it while it ran
        end = self.end(folder)
        if end is None:
            end = End("interrupted", None, InternalError(where="no end"), None, time.time())
            self._unwritten[folder.id] = end
        row = Row.of(spec, end.state, end)
        try:
            self._on_end(self.job(row))
            self._store.put(row)
        except StorageError as error:
            log.error("job %s is not in the index: %s", folder.id, error)
        if spec.flow and end.state == "done":
            folder.drop_files()
        if not spec.keep and not self._is_wanted(spec.flow):
            for one in (folder, *(self.folder(part.id) for part in self._store.of_flow(spec.owner, folder.id))):
                _later(PRIVATE_GRACE_SECONDS, self.forget, one)
        elif any(folder.path.glob("sound-*.wav")):
            _later(PIECES_SECONDS, JobFolder.drop_pieces, folder)

    def _is_wanted(self, flow: str) -> bool:
        """Whether a flow that asked for a part is still at work."""
        row = self._store.get(flow) if flow else None
        return row is not None and row.state in ("queued", "running")


def _later(seconds: float, act: Callable[[JobFolder], None], folder: JobFolder) -> None:
    timer = threading.Timer(seconds, act, [folder])
    timer.daemon = True
    timer.start()

"""Starts, watches and ends the processes that train: one for each job, detached, so that it outlives this server.

A run that goes on is known by the lock of its job's folder, whoever started it. Its process id, which it writes there
itself, is for signals only, and a signal goes to it and to what it has started only while their environment names the job. Whoever is
asked to stop and does not gets SIGTERM, then SIGKILL. Knows no queue: whose turn it is the supervisor says.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from pipelines.errors.base import StudioError
from pipelines.errors.runs import RunKilled, RunWentDown
from pipelines.errors.storage import DiskFull, StorageError
from pipelines.types.training import TrainRequest
from studio.files import storage_errors
from studio.jobs.commands import ask, is_asked
from studio.jobs.engine import OnReport
from studio.jobs.folder import End, JobFolder, State
from studio.jobs.launching import OF_LAUNCHERS, PROCESSES_VARIABLE
from studio.settings import Settings

POLL_SECONDS = 0.25
CANCEL_PATIENCE_SECONDS = 10.0  # from Stop to SIGTERM, and from there to SIGKILL; there is nothing to save
SAVE_PATIENCE_SECONDS = 120.0  # a step on a busy machine, and a checkpoint on a slow disk
LOG_TAIL_BYTES = 2000
SAME_START_SECONDS = 60.0  # the clock may be set while a machine runs
JOB_VARIABLE = "AIGC_STUDIO_JOB"
LAST_WORDS_CHARACTERS = 400
# Threads of OpenMP that wait for each other in a busy loop take from everybody what `nice` would leave them.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1", "TQDM_DISABLE": "1"}

log = logging.getLogger("studio.trainings")


class Trainings:
    """The training jobs at work. It reports `{"ended": id, "state", "error"}` as a worker does."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._processes = settings.training_processes
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._at_work: dict[str, float | None] = {}  # job → when it was first seen to be asked to stop
        self._is_closing = threading.Event()

    def start(self, on_report: OnReport) -> None:
        threading.Thread(target=self._watch, args=(on_report,), name="trainings", daemon=True).start()

    def run(self, job_id: str) -> None:
        """Start the process of a job and return at once; one that cannot be started is reported as ended."""
        folder = self._folder(job_id)
        try:
            self._own[job_id] = self._spawn(folder)
        except (StudioError, OSError, ValueError) as error:
            log.exception("job %s could not be started", job_id)
            told = error if isinstance(error, StudioError) else RunKilled(log=str(error)[:LAST_WORDS_CHARACTERS])
            with suppress(StudioError, OSError):
                folder.finish(End("failed", None, told, None, time.time()))
        self._at_work[job_id] = None

    def adopt(self, job_id: str) -> None:
        """Watch a job whose process another server started."""
        self._at_work[job_id] = None

    def close(self, *, is_pausing: bool, timeout_seconds: float) -> None:
        """Watch no more. `is_pausing`: the runs are to save and end, and have so long for it; else they go on."""
        if is_pausing:
            for job_id in list(self._at_work):
                with suppress(StorageError):
                    ask(self._folder(job_id), "pause")
                self._signal(self._folder(job_id), signal.SIGTERM)
            deadline = time.monotonic() + timeout_seconds
            while self._at_work and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS / 5)
        self._is_closing.set()

    # ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, folder: JobFolder) -> subprocess.Popen[bytes]:
        request = folder.spec().request
        assert isinstance(request, TrainRequest)
        run = run_folder(self._home, request, folder.id)
        with storage_errors(run):
            run.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (run / "log.txt").open("ab") as output:
            return subprocess.Popen(
                command_of(self._home, folder.id),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=Path(__file__).parents[2],
                env=self._environment(folder),
            )

    def _environment(self, folder: JobFolder) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name not in OF_LAUNCHERS}
        return {**own, **ENVIRONMENT, JOB_VARIABLE: folder.id, PROCESSES_VARIABLE: str(self._processes or "")}

    def _watch(self, on_report: OnReport) -> None:
        """Whoever has ended is reported, whoever was asked to and does not is ended."""
        while not self._is_closing.wait(POLL_SECONDS):
            for job_id in list(self._at_work):
                folder = self._folder(job_id)
                try:
                    if self._is_alive(folder):
                        self._urge(folder)
                        continue
                    state, error = self._bury(folder)
                    on_report({"ended": job_id, "state": state, "error": error.to_json() if error else None})
                    self._at_work.pop(job_id, None)  # last: who closes waits until all that follows is written
                except Exception:  # the disk does not answer, or its person deleted it meanwhile: the next look tells
                    log.exception("job %s", job_id)

    def _is_alive(self, folder: JobFolder) -> bool:
        process = self._own.get(folder.id)
        if process is not None and process.poll() is None:
            return True
        return folder.path.exists() and folder.is_locked()

    def _bury(self, folder: JobFolder) -> tuple[State, StudioError | None]:
        """Nobody of its session stays behind, and it has an end: the state and the error of one that did not write it."""
        process = self._own.pop(folder.id, None)
        self._signal(folder, signal.SIGKILL)
        end = folder.end()
        if end is not None or not folder.path.exists():
            return ("cancelled", None) if end is None else (end.state, end.error)
        state: State
        error: StudioError | None
        if folder.is_asked_to_cancel():
            state, error = "cancelled", None
        elif process is not None and process.returncode == os.EX_IOERR:
            state, error = "failed", DiskFull(path=str(self._home))
        else:
            state, error = "interrupted", self.what_ended(folder)
        with suppress(StudioError, OSError):  # else what is reported is remembered
            folder.finish(End(state, None, error, None, time.time()))
        return state, error

    def what_ended(self, folder: JobFolder) -> StudioError:
        """Why there is no end in the folder of a job whose process is gone."""
        if went_down_with_its_machine(folder):
            return RunWentDown()
        request = folder.spec().request
        assert isinstance(request, TrainRequest)
        last_words = " / ".join(log_tail(run_folder(self._home, request, folder.id))[-5:])
        return RunKilled(log=last_words[-LAST_WORDS_CHARACTERS:] or "–")

    # ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _urge(self, folder: JobFolder) -> None:
        """Flag, SIGTERM, SIGKILL: each has its time."""
        is_cancelled = folder.is_asked_to_cancel()
        if not is_cancelled and not is_asked(folder, "stop"):
            return
        since = self._at_work[folder.id]
        if since is None:
            self._at_work[folder.id] = time.monotonic()
            return
        patience = CANCEL_PATIENCE_SECONDS if is_cancelled else SAVE_PATIENCE_SECONDS
        waited = time.monotonic() - since
        if waited > 2 * patience:
            self._signal(folder, signal.SIGKILL)
        elif waited > patience:
            self._signal(folder, signal.SIGTERM)

    def _signal(self, folder: JobFolder, number: signal.Signals) -> None:
        """SIGKILL goes to all of it. Any other to the process that trains, of several to the first: it tells the others, while their
        launcher would end them before anything is saved."""
        for process in _processes(folder) if number == signal.SIGKILL else _session(folder):
            with suppress(psutil.Error):
                process.send_signal(number)

    def _folder(self, job_id: str) -> JobFolder:
        return JobFolder(self._home / "jobs" / job_id)


def command_of(home: Path, job_id: str) -> list[str]:
    """Nothing that a person wrote is among its words."""
    return [sys.executable, "-m", "studio.jobs.training", "--home", str(home), "--job", job_id]


def run_folder(home: Path, request: TrainRequest, job_id: str) -> Path:
    """Where a job's run lives: a new run is called by the id of its first job."""
    return home / "runs" / (request.run or job_id)


def machine_started() -> float:
    """When the first process of this machine, or of this container, began: seconds since the epoch."""
    return psutil.Process(1).create_time()


def went_down_with_its_machine(folder: JobFolder) -> bool:
    """Whether the machine or the container of a job's process is gone: it was not the run that failed."""
    try:
        return abs(float((folder.path / "machine").read_text()) - machine_started()) > SAME_START_SECONDS
    except (OSError, ValueError, psutil.Error):
        return False


def log_tail(run: Path) -> list[str]:
    """The last lines of a run's log, oldest first."""
    try:
        with (run / "log.txt").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - LOG_TAIL_BYTES, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return lines[1:] if size > LOG_TAIL_BYTES else lines


def _session(folder: JobFolder) -> list[psutil.Process]:
    """The process of a job and what it has started: those of its session whose environment names the job."""
    try:
        leader = int((folder.path / "pid").read_text())
    except (OSError, ValueError):  # it has not said it yet
        return []
    found = []
    for process in _processes(folder):
        with suppress(OSError):
            if os.getsid(process.pid) == leader:
                found.append(process)
    return found


def _processes(folder: JobFolder) -> list[psutil.Process]:
    """Those whose environment names the job: whatever was started for it, in whichever session."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(JOB_VARIABLE) == folder.id:
                found.append(process)
    return found

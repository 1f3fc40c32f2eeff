"""Where the worker runs: in a process of its own, or inside the server for debugging. Knows no queue.

Both engines take job ids and call `on_report` (from a thread of theirs) with what the worker says, and `on_death` with
nothing when its process ended unasked. A process engine starts its worker again, later each time it dies young.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from studio.jobs.worker import make_worker
from studio.settings import Settings

PATIENCE_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
YOUNG_SECONDS = 10.0

OnReport = Callable[[dict], None]
OnDeath = Callable[[], None]


class Engine(Protocol):
    """What the supervisor asks of an engine."""

    @property
    def pid(self) -> int | None: ...

    def start(self, on_report: OnReport, on_death: OnDeath) -> None: ...

    def run(self, job_id: str) -> None: ...

    def close(self) -> None: ...


class ProcessEngine:
    """One long-lived worker process. It outlives a killed server until its jobs are done."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._is_closing = threading.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, on_report: OnReport, on_death: OnDeath) -> None:
        threading.Thread(target=self._keep_alive, args=(on_report, on_death), name="engine", daemon=True).start()

    def run(self, job_id: str) -> None:
        """Hand over a job. One that reaches a dying worker is found by `on_death`."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(BrokenPipeError, ValueError):
            process.stdin.write(json.dumps({"run": job_id}) + "\n")
            process.stdin.flush()

    def close(self) -> None:
        """Close the worker's input: it finishes its jobs and exits by itself."""
        self._is_closing.set()
        if self._process and self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def _keep_alive(self, on_report: OnReport, on_death: OnDeath) -> None:
        early_deaths = 0
        while not self._is_closing.wait(PATIENCE_SECONDS[min(early_deaths, len(PATIENCE_SECONDS) - 1)]):
            born = time.monotonic()
            self._process = self._spawn()
            assert self._process.stdout is not None
            for line in self._process.stdout:
                on_report(json.loads(line))
            self._process.wait()
            early_deaths = early_deaths + 1 if time.monotonic() - born < YOUNG_SECONDS else 0
            if not self._is_closing.is_set():
                on_death()

    def _spawn(self) -> subprocess.Popen[str]:
        settings = self._settings
        command = [sys.executable, "-m", "studio.jobs.worker"]
        command += ["--home", str(settings.home), "--cache", str(settings.cache)]
        if settings.device:
            command += ["--device", settings.device]
        if settings.is_public_demo:
            command.append("--only-catalog")
        with (settings.home / "worker.log").open("ab") as log:
            # A session of its own: Ctrl+C in the server's terminal must not end the jobs that are being finished.
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                start_new_session=True,
                cwd=Path(__file__).parents[2],
            )


class InlineEngine:
    """The worker's threads inside the server, so that a debugger sees everything. Its jobs end with the server."""

    pid: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, on_report: OnReport, on_death: OnDeath) -> None:
        settings = self._settings
        self._worker = make_worker(
            settings.home, settings.cache, settings.device, not settings.is_public_demo, on_report
        )
        on_report({"ready": True, "device": self._worker.device})

    def run(self, job_id: str) -> None:
        self._worker.run(job_id)

    def close(self) -> None:
        """Threads of running jobs end with the process."""


def make_engine(settings: Settings) -> Engine:
    return InlineEngine(settings) if settings.engine == "inline" else ProcessEngine(settings)

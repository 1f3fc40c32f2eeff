"""Where the worker runs: in a process of its own, or inside the server for debugging. Knows no queue.

Both engines take job ids and call `on_report` (from a thread of theirs) with what the worker says, and `on_death` when
its process ended unasked, with how many times in a row it died young. A process engine starts its worker again, later
each time it dies young; nothing that a report leads to may end that.
"""

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from studio.jobs.worker import Worker, make_worker
from studio.settings import Settings

PATIENCE_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
YOUNG_SECONDS = 10.0

OnReport = Callable[[dict], None]
OnDeath = Callable[[int], None]

log = logging.getLogger("studio.engine")


class Engine(Protocol):
    """What the supervisor asks of an engine."""

    @property
    def pid(self) -> int | None: ...

    def start(self, on_report: OnReport, on_death: OnDeath) -> None: ...

    def tell(self, command: dict) -> None: ...

    def close(self, timeout_seconds: float) -> None: ...


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

    def tell(self, command: dict) -> None:
        """Hand over a job (`{"run": id}`) or a command. A job that reaches a dying worker is found by `on_death`."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(BrokenPipeError, ValueError):
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()

    def close(self, timeout_seconds: float) -> None:
        """Close the worker's input: it finishes its jobs and exits by itself, also after the time that is waited."""
        self._is_closing.set()
        process = self._process
        if process and process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout_seconds)

    def _keep_alive(self, on_report: OnReport, on_death: OnDeath) -> None:
        early_deaths = 0
        while not self._is_closing.wait(PATIENCE_SECONDS[min(early_deaths, len(PATIENCE_SECONDS) - 1)]):
            born = time.monotonic()
            try:
                self._process = self._spawn()
                self._listen(self._process, on_report)
            except Exception:
                log.exception("the worker could not be started or heard")
            early_deaths = early_deaths + 1 if time.monotonic() - born < YOUNG_SECONDS else 0
            if not self._is_closing.is_set():
                try:
                    on_death(early_deaths)
                except Exception:
                    log.exception("the worker's death was not taken in")

    def _listen(self, process: subprocess.Popen[str], on_report: OnReport) -> None:
        """Hand on what the worker reports until it ends."""
        assert process.stdout is not None
        for line in process.stdout:
            try:
                on_report(json.loads(line))
            except Exception:
                log.exception("a report was not taken in: %s", line[:200])
        process.wait()

    def _spawn(self) -> subprocess.Popen[str]:
        settings = self._settings
        command = [sys.executable, "-m", "studio.jobs.worker"]
        command += ["--home", str(settings.home), "--cache", str(settings.cache)]
        if settings.is_public_demo:
            command.append("--only-catalog")
        if settings.memory_bytes is not None:
            command += ["--memory-bytes", str(settings.memory_bytes)]
        if settings.idle_seconds is not None:
            command += ["--idle-seconds", str(settings.idle_seconds)]
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
    """The worker's threads inside the server, so that a debugger sees everything. The server ends after its jobs."""

    pid: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker: Worker | None = None

    def start(self, on_report: OnReport, on_death: OnDeath) -> None:
        settings = self._settings
        self._worker = make_worker(
            settings.home,
            settings.cache,
            not settings.is_public_demo,
            on_report,
            settings.memory_bytes,
            settings.idle_seconds,
        )
        on_report({"ready": True, "device": self._worker.device})

    def tell(self, command: dict) -> None:
        if self._worker:
            self._worker.obey(command)

    def close(self, timeout_seconds: float) -> None:
        """Python waits for the threads of running jobs."""
        if self._worker:
            self._worker.close()


def make_engine(settings: Settings) -> Engine:
    return InlineEngine(settings) if settings.engine == "inline" else ProcessEngine(settings)

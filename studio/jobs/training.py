"""python -m studio.jobs.training --home DIR --job ID: one go at a training run, in a process and a session of its own.

It holds the locks of its job's folder and of its run's folder: nobody else works on either, and whoever sees them free
knows that it is gone. What it says goes into the job's events, what it prints into the run's log.txt. Where several processes
train (`launching.py`) that is the first of them; the others do nothing but train. It looks for
commands between two steps (`commands.py`); SIGTERM ends it after a checkpoint. From its first step on it
gives way to generation (`priority.py`). It knows no server and outlives every one.
"""

import argparse
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError
from pipelines.errors.runs import RunOutOfMemory, RunPaused, RunStopped
from pipelines.errors.storage import DiskFull
from pipelines.errors.training import RunAtWork
from pipelines.loading.memory.measure import bound_growth, store_of
from pipelines.loading.placement.devices import choose_place, is_out_of_memory
from pipelines.training.ranks import launched
from pipelines.types.events import Event, OnEvent
from pipelines.types.training import Metrics, TrainRequest, TrainResult
from studio.files import storage_errors, write_whole
from studio.jobs.commands import Commands, is_asked
from studio.jobs.folder import End, JobFolder, State
from studio.jobs.forecast import needed_bytes
from studio.jobs.launching import launch_if_many
from studio.jobs.ledger import RUN, Ledger, budget_of
from studio.jobs.priority import give_way
from studio.jobs.trainings import machine_started, run_folder
from studio.jobs.usage import Meter

LEAVING_SECONDS = 30.0
PATIENCE_SECONDS = 120.0  # for what was free when it was let in, and models of the engine have taken meanwhile

log = logging.getLogger("studio.training")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--job", required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    folder = JobFolder(options.home / "jobs" / options.job)
    request = folder.spec().request
    assert isinstance(request, TrainRequest)
    words = ["studio.jobs.training", "--home", str(options.home), "--job", options.job]
    launch_if_many(words, run_folder(options.home, request, folder.id))
    rank, size = launched()
    if rank > 0:
        sys.exit(follow(options.home, folder))
    commands = Commands(folder)

    def hear(*_: object) -> None:
        signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        )  # first: a second one within `set` would wait for its lock for ever
        commands.is_terminated.set()

    signal.signal(signal.SIGTERM, hear)
    is_done = False
    with folder.lock() as is_mine:
        if is_mine and folder.end() is None:
            try:
                write_whole(folder.path / "pid", str(os.getpid()).encode())
                write_whole(folder.path / "machine", str(machine_started()).encode())
                end = work(options.home, folder, commands)
                folder.finish(end)
                is_done = end.state == "done"
            except DiskFull:  # the end has no place either: the exit code tells it
                sys.exit(os.EX_IOERR)
    if size > 1 and not is_done:
        sys.exit(1)  # others may wait for this one where it never came: the launcher ends them


def follow(home: Path, folder: JobFolder) -> int:
    """As one of several processes but the first, which alone hears, writes and tells: it ends when that one does."""
    from pipelines.training.run import run as train

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    give_way()
    request = folder.spec().request
    assert isinstance(request, TrainRequest)
    try:
        train(request, run_folder(home, request, folder.id))
    except StudioError as error:
        log.info("process %d: %s", os.getpid(), error)
        return 1
    return 0


def work(home: Path, folder: JobFolder, commands: Commands) -> End:
    """From the request to the end that is to be written. Every error becomes one."""
    started = time.time()
    result: TrainResult | None = None
    error: StudioError | None = None
    state: State = "failed"
    try:
        # 1 What was asked
        request = folder.spec().request
        assert isinstance(request, TrainRequest)
        run = run_folder(home, request, folder.id)
        request = replace(request, run=run.name)
        log.info("%s on %s, process %d", request.trainer, request.dataset, os.getpid())
        with folder.writer() as events, _held(run):
            events.write("started")
            # 2 Memory; then the run itself, every event written as it comes
            result = _train(home, run, request, events, commands)
        # 3 How it ended
        state, error = _verdict(folder, result, commands)
    except StudioError as told:
        if commands.is_stopping() == "cancel":  # while it waited for memory
            state = "cancelled"
        else:
            error = told
    except Exception as mistake:
        log.exception("job %s", folder.id)
        error = RunOutOfMemory() if is_out_of_memory(mistake) else InternalError(where=type(mistake).__name__)
    return End(state, result, error, started, time.time())


def _train(home: Path, run: Path, request: TrainRequest, events: OnEvent, commands: Commands) -> TrainResult:
    from pipelines.training.run import run as train

    store = store_of(choose_place().device)
    meter = Meter(run, request, store)
    ledger = Ledger(home / "ledger", RUN, store)
    with ledger.holding(
        request.title(),
        min(needed_bytes(home, request, launched()[1]), budget_of(home / "ledger", store)),
        PATIENCE_SECONDS,
        is_cancelled=lambda: bool(commands.is_stopping()),
    ) as fill:
        is_starting = True
        if store == "ram":
            bound_growth(ledger.unclaimed())

        def hear(event: Event) -> None:
            nonlocal is_starting
            if is_starting:  # imports and data come at once, so that the first step does; the steps give way
                is_starting = False
                give_way()
            events(event)
            meter(event)
            fill(meter.peak_bytes)
            if isinstance(event, Metrics):
                values = "  ".join(f"{name} {value:.4g}" for name, value in event.values.items())
                log.info("step %d of %d  %s", event.step, event.total, values)

        with storage_errors(run):
            return train(request, run, hear, commands)


def _verdict(folder: JobFolder, result: TrainResult, commands: Commands) -> tuple[State, StudioError | None]:
    """A run that a person stopped is done as far as it goes; one that was stopped over their head was interrupted."""
    if result.finish_reason == "cancelled":
        return "cancelled", None
    if result.finish_reason == "saved" and not is_asked(folder, "stop"):
        stopped = RunPaused if is_asked(folder, "pause") else RunStopped
        return "interrupted", stopped(step=result.step)
    return "done", None


@contextmanager
def _held(run: Path) -> Iterator[None]:
    """Hold the run. Whoever has written its end may still be leaving. Raises RunAtWork where another process works on it."""
    deadline = time.monotonic() + LEAVING_SECONDS
    with storage_errors(run), (run / "lock").open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise RunAtWork() from error
                time.sleep(0.1)
        yield


if __name__ == "__main__":
    main()

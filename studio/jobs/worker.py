"""Works on jobs: takes a job's lock, runs its pipeline, writes its events and its end. A process of its own, as a rule.

It is told job ids, one JSON line each on standard input (`{"run": id}`), and reports on standard output
(`{"ready": true, "device": "cpu"}`, `{"ended": id, "end": {...}}`, `{"busy": id}`, `{"loaded": [...]}`). Everything else goes through
the job's folder, so nothing is lost when either side dies: when standard input closes, because the server stopped or
was killed, the worker finishes what it has and exits. Whose turn it is and how many run at once is not its business.
"""

import argparse
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors import InternalError, StudioError
from pipelines.provenance import recipe
from pipelines.types import IsCancelled, OnEvent, Result
from studio.jobs.folder import End, JobFolder, JobSpec, State
from studio.library.creations import Creations

CANCEL_POLL_SECONDS = 0.05

log = logging.getLogger("studio.worker")


class Pipeline(Protocol):
    """What the worker asks of a pipeline."""

    def generate(self, request: Any, on_event: OnEvent, is_cancelled: IsCancelled) -> Any: ...

    def loaded(self) -> list[dict]: ...

    @property
    def device(self) -> str: ...


Keep = Callable[[JobSpec, Result], str | None]


class Worker:
    """Runs each job in a thread of its own. `keep` puts a result into the library and returns the creation's id."""

    def __init__(self, jobs: Path, pipelines: dict[str, Pipeline], keep: Keep, report: Callable[[dict], None]) -> None:
        self._jobs = jobs
        self._pipelines = pipelines
        self._keep = keep
        self._report = report
        self._threads: dict[str, threading.Thread] = {}

    def run(self, job_id: str) -> None:
        """Start to work on a job and return at once."""
        thread = threading.Thread(target=self._work, args=(job_id,), name=f"job-{job_id[:8]}")
        self._threads[job_id] = thread
        thread.start()

    @property
    def device(self) -> str:
        return next(iter(self._pipelines.values())).device

    def drain(self) -> None:
        """Wait until every job has ended."""
        for thread in list(self._threads.values()):
            thread.join()

    def _work(self, job_id: str) -> None:
        folder = JobFolder(self._jobs / job_id)
        try:
            with folder.lock() as is_mine:
                end = folder.end()
                if not is_mine or end is not None:  # a worker that outlived its server has it, or had it
                    self._report({"busy": job_id})
                    return
                end = self._generate(folder)
                self._finish(folder, end)
        except StudioError as error:  # the folder itself cannot be used, so the end can only be told
            self._report_end(job_id, End("failed", None, error, None, time.time()))
        except FileNotFoundError:  # its person deleted it
            self._report_end(job_id, End("cancelled", None, None, None, time.time()))
        except Exception as mistake:
            log.exception("job %s", job_id)
            self._report_end(
                job_id, End("failed", None, InternalError(where=type(mistake).__name__), None, time.time())
            )
        finally:
            self._threads.pop(job_id, None)
            self._report({"loaded": [model for pipeline in self._pipelines.values() for model in pipeline.loaded()]})

    def _generate(self, folder: JobFolder) -> End:
        """From the request to the end that is to be written. Every error becomes one."""
        started = time.time()
        result: Result | None = None
        creation_id: str | None = None
        error: StudioError | None = None
        state: State = "done"
        try:
            # 1. What was asked
            spec = folder.spec()
            with folder.writer() as events:
                events.write("started")
                # 2. The work, every event written as it comes
                pipeline = self._pipelines[spec.request.kind]
                result = pipeline.generate(spec.request, events, _watch_for_cancel(folder))
                events.flush()
            # 3. The result into the library, partial ones too
            state = "cancelled" if result.finish_reason == "cancelled" else "done"
            creation_id = self._keep(spec, result)
        except StudioError as told:
            state, error = "failed", told
        except Exception as mistake:
            log.exception("job %s", folder.id)
            state, error = "failed", InternalError(where=type(mistake).__name__)
        return End(state, result, error, started, time.time(), creation_id)

    def _finish(self, folder: JobFolder, end: End) -> None:
        try:
            folder.finish(end)
        except StudioError as error:
            end = End("failed", end.result, error, end.started, end.ended)
        self._report_end(folder.id, end)

    def _report_end(self, job_id: str, end: End) -> None:
        error = end.error.to_json() if end.error else None
        self._report({"ended": job_id, "state": end.state, "error": error})


def _watch_for_cancel(folder: JobFolder) -> IsCancelled:
    """True once Stop was pressed; looks at the disk at most twenty times a second, however often it is asked."""
    looked = -CANCEL_POLL_SECONDS
    is_cancelled = False

    def check() -> bool:
        nonlocal looked, is_cancelled
        if not is_cancelled and time.monotonic() - looked >= CANCEL_POLL_SECONDS:
            looked = time.monotonic()
            is_cancelled = folder.is_asked_to_cancel()
        return is_cancelled

    return check


def make_worker(home: Path, cache: Path, allow_any: bool, report: Callable[[dict], None]) -> Worker:
    """A worker with every pipeline of the studio, whose results go into the library of `home`."""
    from pipelines.text import TextPipeline

    text = TextPipeline.on_this_machine(home / "models", cache_folder=cache, allow_any=allow_any)
    creations = Creations(home / "library", home / "studio.db")

    def keep(spec: JobSpec, result: Result) -> str | None:
        if not spec.keep or spec.conversation:  # an answer lives in its conversation
            return None
        made = recipe.make(spec.request, result, text.catalog.find(result.model))
        kind, title = spec.request.kind, spec.request.title()
        return creations.save(spec.owner, kind, result.text, made, title, spec.id)

    return Worker(home / "jobs", {"text": text}, keep, report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only-catalog", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    # 1. Keep standard output for reports: whatever a library prints goes to the log
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    speaking = threading.Lock()

    def report(data: dict) -> None:
        with speaking, suppress(BrokenPipeError, ValueError):  # the server is gone; the folders tell the next one
            reports.write(json.dumps(data) + "\n")
            reports.flush()

    # 2. Make the pipelines
    worker = make_worker(options.home, options.cache, not options.only_catalog, report)
    report({"ready": True, "device": worker.device})

    # 3. Work until the server goes, then finish
    for line in sys.stdin:
        worker.run(json.loads(line)["run"])
    log.info("the server is gone: finishing")
    worker.drain()
    os._exit(0)  # threads of native libraries may outlive their work


if __name__ == "__main__":
    main()

"""Works on jobs: takes a job's lock, runs its pipeline, writes its events and its end. A process of its own, as a rule.

It is told job ids, one JSON line each on standard input (`{"run": id}`), and what to do with models in memory (see
`keeper.py`), and reports on standard output (`{"ready": true, "device": "cpu"}`, `{"ended": id, "end": {...}}`,
`{"busy": id}`, `{"loaded": [...]}`). Everything else goes through the job's folder, so nothing is lost when either side dies: when standard input closes, because the server stopped or
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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError
from pipelines.loading.memory.measure import Store
from pipelines.types.clip import FramesResult
from pipelines.types.crossing import MovingResult, Request, Result, SoundResult
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.files import files_of, with_files
from pipelines.types.image import ImageResult
from studio.hub_token import HubToken
from studio.jobs.folder import End, JobFolder, JobSpec, State
from studio.jobs.keep import Keep
from studio.jobs.keeper import Keeper as MemoryKeeper
from studio.jobs.ledger import ENGINE, Ledger
from studio.library.creations import Creations

if TYPE_CHECKING:
    from pipelines.text import TextPipeline

CANCEL_POLL_SECONDS = 0.05

log = logging.getLogger("studio.worker")


class Pipeline(Protocol):
    """What the worker asks of a pipeline."""

    def generate(self, request: Any, on_event: OnEvent, is_cancelled: IsCancelled) -> Any: ...

    @property
    def device(self) -> str: ...


class Keeper(Protocol):
    """What the worker asks of the keeper of its memory."""

    def obey(self, command: dict) -> None: ...

    def tell(self) -> None: ...

    def close(self) -> None: ...


OnResult = Callable[[JobSpec, JobFolder, Result], tuple[str, ...]]


class Worker:
    """Runs each job in a thread of its own. `keep` puts a result into the library and returns the ids of its creations."""

    def __init__(
        self,
        jobs: Path,
        pipelines: dict[str, Pipeline],
        keep: OnResult,
        keeper: Keeper,
        report: Callable[[dict], None],
    ) -> None:
        self._jobs = jobs
        self._pipelines = pipelines
        self._keep = keep
        self._keeper = keeper
        self._report = report
        self._threads: dict[str, threading.Thread] = {}

    def obey(self, command: dict) -> None:
        """`{"run": job id}`, or what the keeper of the memory understands. Returns at once."""
        if "run" in command:
            self.run(command["run"])
        else:
            self._keeper.obey(command)

    def run(self, job_id: str) -> None:
        """Start to work on a job and return at once."""
        thread = threading.Thread(target=self._work, args=(job_id,), name=job_id)  # so is who leases a model known
        self._threads[job_id] = thread
        thread.start()

    @property
    def device(self) -> str:
        return next(iter(self._pipelines.values())).device

    def drain(self) -> None:
        """Wait until every job has ended."""
        for thread in list(self._threads.values()):
            thread.join()

    def close(self) -> None:
        """No more looking after the memory."""
        self._keeper.close()

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
            self._keeper.tell()

    def _generate(self, folder: JobFolder) -> End:
        """From the request to the end that is to be written. Every error becomes one."""
        started = time.time()
        result: Result | None = None
        creation_ids: tuple[str, ...] = ()
        error: StudioError | None = None
        state: State = "done"
        try:
            # 1. What was asked
            spec = folder.spec()
            with folder.writer() as events:
                events.write("started")
                # 2. The work, every event written as it comes
                pipeline = self._pipelines[spec.request.kind]
                asked = folder.with_paths(spec.request)
                result = _without_paths(pipeline.generate(asked, events, _watch_for_cancel(folder)), spec.request)
                events.flush()
            # 3. The result into the library, partial ones too
            state = "cancelled" if result.finish_reason == "cancelled" else "done"
            creation_ids = self._keep(spec, folder, result)
        except StudioError as told:
            state, error = "failed", told
        except Exception as mistake:
            log.exception("job %s", folder.id)
            state, error = "failed", InternalError(where=type(mistake).__name__)
        return End(state, result, error, started, time.time(), creation_ids)

    def _finish(self, folder: JobFolder, end: End) -> None:
        try:
            folder.finish(end)
        except StudioError as error:
            end = End("failed", end.result, error, end.started, end.ended)
        self._report_end(folder.id, end)

    def _report_end(self, job_id: str, end: End) -> None:
        error = end.error.to_json() if end.error else None
        self._report({"ended": job_id, "state": end.state, "error": error})


def _without_paths(result: Result, asked: Request) -> Result:
    """The result with the names of files as they stood in the request: where this machine keeps them is nobody's business."""
    if not isinstance(result, ImageResult | SoundResult | MovingResult | FramesResult):
        return result
    return replace(result, request=with_files(result.request, files_of(asked)))


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


def make_worker(
    home: Path,
    cache: Path,
    allow_any: bool,
    report: Callable[[dict], None],
    memory_bytes: int | None = None,
    idle_seconds: float | None = None,
) -> Worker:
    """A worker with every pipeline of the studio, whose results go into the library of `home`.

    `memory_bytes` bounds what models may hold; None: most of what is free now. `idle_seconds` see `Keeper`.
    """
    from pipelines.text import TextPipeline

    # 1. The memory that all models share, and other processes' models too
    ledgers: list[Ledger] = []

    def open_ledger(budget_bytes: int, free_bytes: Callable[[], int], store: Store) -> Ledger:
        ledgers.append(Ledger(home / "ledger", ENGINE, store, budget_bytes, free_bytes, gives_way=True))
        return ledgers[-1]

    # 2. The cache, in a pipeline that all others stand beside
    text = TextPipeline.on_this_machine(
        home / "models",
        cache_folder=cache,
        allow_any=allow_any,
        token_file=HubToken(home).file,
        budget_bytes=memory_bytes,
        open_ledger=open_ledger,
    )
    pipelines = _pipelines_beside(text)

    # 3. Who looks after the memory, and where results go
    keeper = MemoryKeeper(text, ledgers, idle_seconds, report)
    keeper.start()
    keep = Keep(Creations(home / "library", home / "studio.db"), text.catalog)
    return Worker(home / "jobs", pipelines, keep, keeper, report)


def _pipelines_beside(text: "TextPipeline") -> dict[str, Pipeline]:
    """What does each kind of request."""
    from pipelines.audio import AudioPipeline
    from pipelines.download import DownloadPipeline
    from pipelines.image import ImagePipeline
    from pipelines.load import LoadPipeline
    from pipelines.multimodal import MultimodalPipeline
    from pipelines.recognition.classification import ClassificationPipeline
    from pipelines.recognition.embedding import EmbeddingPipeline
    from pipelines.recognition.text_classification import TextClassificationPipeline
    from pipelines.sound.workbench import WorkbenchPipeline
    from pipelines.training.merge import MergePipeline

    audio, multimodal = AudioPipeline.beside(text), MultimodalPipeline.beside(text)
    classification = ClassificationPipeline.beside(text)
    return {
        "text": text,
        "image": ImagePipeline.beside(text),
        "speech": audio,
        "transcribe": audio,
        "music": audio,
        "workbench": WorkbenchPipeline(),
        "film": multimodal,
        "video": multimodal,
        "clip": multimodal,
        "frames": multimodal,
        "caption": multimodal,
        "classify": classification,
        "classify-sound": classification,
        "classify-text": TextClassificationPipeline.beside(text),
        "embed": EmbeddingPipeline.beside(text),
        "download": DownloadPipeline.beside(text),
        "load": LoadPipeline.beside(text),
        "merge": MergePipeline.beside(text),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only-catalog", action="store_true")
    parser.add_argument("--memory-bytes", type=int)
    parser.add_argument("--idle-seconds", type=float)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the signed addresses of files are for nobody to read

    # 1. Keep standard output for reports: whatever a library prints goes to the log
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    speaking = threading.Lock()

    def report(data: dict) -> None:
        with speaking, suppress(BrokenPipeError, ValueError):  # the server is gone; the folders tell the next one
            reports.write(json.dumps(data) + "\n")
            reports.flush()

    # 2. Make the pipelines
    worker = make_worker(
        options.home, options.cache, not options.only_catalog, report, options.memory_bytes, options.idle_seconds
    )
    report({"ready": True, "device": worker.device})

    # 3. Work until the server goes, then finish
    for line in sys.stdin:
        worker.obey(json.loads(line))
    log.info("the server is gone: finishing")
    worker.drain()
    os._exit(0)  # threads of native libraries may outlive their work


if __name__ == "__main__":
    main()

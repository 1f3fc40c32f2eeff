"""Training runs as a person knows them: start, watch, stop, go on, start again, delete. Each belongs to its owner.

    <home>/runs/<id>/
      owner.json      whose it is, what was asked, the jobs that worked on it; written by the server before its first job
      everything else pipelines/training/run.py, and the log and usage of the process

A run is the work, a job is one go at it: to resume is a new job on the same run. Knows no page and no process.
"""

import json
import logging
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from pipelines.errors.access import NotAllowed, NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.runs import NoCheckpoint, RunFinished, RunWentDown
from pipelines.errors.training import DataInUse, RunAtWork
from pipelines.loading.memory.measure import store_of
from pipelines.training import checkpoints
from pipelines.training.order import Order, order_of
from pipelines.training.tensorboard import event_file
from pipelines.training.trainer import flat
from pipelines.types.crossing import from_json, to_json
from pipelines.types.study import StudyRequest
from pipelines.types.training import RUN_ID, Metrics, Preset, Setting, TrainRequest, TrainResult
from studio.files import storage_errors, write_whole
from studio.jobs import commands
from studio.jobs.curve import Curve, Told
from studio.jobs.forecast import Forecast, forecast, refuse_too_large
from studio.jobs.job import Job
from studio.jobs.ledger import budget_of
from studio.jobs.supervisor import Supervisor
from studio.jobs.trainings import log_tail
from studio.settings import Settings

SCHEMA = 1
SAMPLES_SHOWN = 6
REMOVING = ".removing-"

log = logging.getLogger("studio.runs")


class OwnData(Protocol):
    """What is asked of the data sets that people brought: where they lie, and NotFound for what is not this person's."""

    folder: Path

    def get(self, owner: str, dataset_id: str) -> object: ...
    def remove(self, owner: str, dataset_id: str) -> None: ...


@dataclass(frozen=True)
class Run:
    """`request` is what was asked; `jobs` the ids of the goes at it, the newest last, whose job is `job`."""

    id: str
    owner: str
    request: TrainRequest
    created: float
    jobs: tuple[str, ...]
    job: Job | None = None

    @property
    def state(self) -> str:
        return self.job.state if self.job else "interrupted"

    @property
    def is_at_work(self) -> bool:
        return self.job is not None and not self.job.is_ended

    @property
    def is_finished(self) -> bool:
        """All its steps are done."""
        result = self.job.result if self.job else None
        return isinstance(result, TrainResult) and result.finish_reason == "stop"


class Runs:
    """All runs of a home. Every method may be called from any thread."""

    def __init__(self, settings: Settings, jobs: Supervisor, data: OwnData) -> None:
        self._folder = settings.home / "runs"
        self._data = data
        self._processes = settings.training_processes
        self._is_offered = not settings.is_public_demo
        self._jobs = jobs
        self._lock = threading.RLock()  # of two presses on one run the second sees what the first has done
        self._whole: set[Path] = set()  # checkpoints that were verified
        self._curves: dict[str, Curve] = {}
        self._told: dict[str, Told] = {}
        self._known: dict[Path, tuple[tuple[int, int], Run]] = {}  # by their files, as they were when they were read
        self._steps: dict[str, int] = {}
        self._ended: dict[str, Job] = {}

    # ── what a person asks ───────────────────────────────────────────────────────────────────────────────────────────

    def start(self, owner: str, request: TrainRequest) -> Job:
        """A new run. Raises NotAllowed in a public demo, TrainingError for what cannot be trained, and what `submit` raises."""
        request = replace(request, preset=self.preset(request.preset), run="")
        self.check(owner, request)
        job_id = self._jobs.new_job_id()
        run = Run(job_id, owner, request, time.time(), (job_id,))
        with storage_errors(self._folder):
            (self._folder / run.id).mkdir(mode=0o700, parents=True)
        try:
            self._write(run)
            return self._jobs.submit(owner, request, job_id=job_id)
        except BaseException:
            shutil.rmtree(self._folder / run.id, ignore_errors=True)
            raise

    def check(self, owner: str, request: TrainRequest) -> None:
        """Raises what `start` raises of a request, and starts nothing."""
        self._refuse_strangers()
        self.forecast(owner, request)

    def preset(self, wanted: Preset) -> Preset:
        """That one, else what suits this machine."""
        return wanted or ("gpu" if self._device in ("cuda", "mps") else "cpu")

    @property
    def _device(self) -> str:
        """Where models work here."""
        return str(self._jobs.status()["workers"][0]["device"])

    def resume(self, owner: str, run_id: str) -> Job:
        """Go on from the newest checkpoint, as a new job. Raises NotFound, NoCheckpoint, RunAtWork, RunFinished."""
        self._refuse_strangers()
        with self._lock:
            run = self.get(owner, run_id)
            if run.is_at_work:
                raise RunAtWork()
            if run.is_finished:
                raise RunFinished()
            if self.checkpoint(run) is None:
                raise NoCheckpoint()
            job_id = self._jobs.new_job_id()
            self._write(replace(run, jobs=(*run.jobs, job_id)))
            try:
                return self._jobs.submit(owner, replace(run.request, run=run.id), job_id=job_id)
            except BaseException:
                self._write(run)
                raise

    def again(self, owner: str, run_id: str) -> Job:
        """A new run with the settings of this one."""
        return self.start(owner, self.get(owner, run_id).request)

    def stop(self, owner: str, run_id: str, *, save: bool) -> None:
        """End it at its next step, with a checkpoint or without; one that waits ends at once. Raises NotFound."""
        run = self.get(owner, run_id)
        if run.job is None or run.job.is_ended:
            return
        if save and run.job.state == "running":
            commands.ask(self._jobs.folder(owner, run.job.id), "stop")
        else:
            self._jobs.cancel(owner, run.job.id)

    def ask(self, owner: str, run_id: str, what: Literal["checkpoint", "sample"]) -> None:
        """Save or sample at its next step, and go on."""
        run = self.get(owner, run_id)
        if run.job is not None and run.job.state == "running":
            commands.ask(self._jobs.folder(owner, run.job.id), what)

    def remove(self, owner: str, run_id: str) -> None:
        """Delete a run with its checkpoints and its jobs; its model stays. Raises NotFound, RunAtWork."""
        with self._lock:
            run = self.get(owner, run_id)
            if run.is_at_work:
                raise RunAtWork()
            with storage_errors(self._folder):  # first and at once: nobody finds half a run
                aside = (self._folder / run.id).rename(self._folder / f"{REMOVING}{run.id}")
        shutil.rmtree(aside, ignore_errors=True)
        self._curves.pop(run.id, None)
        self._steps.pop(run.id, None)
        self._known.pop(self._folder / run.id, None)
        for job_id in run.jobs:
            self._told.pop(job_id, None)
            self._ended.pop(job_id, None)
            try:
                self._jobs.remove(owner, job_id)
            except NotFound:
                continue

    def remove_data(self, owner: str, dataset_id: str) -> None:
        """Delete a data set that no unfinished run needs. Raises NotFound, DataInUse."""
        for run in self.of_owner(owner):
            if run.request.dataset == dataset_id and not run.is_finished:
                raise DataInUse(run=run.request.title())
        for job in self._jobs.of_kind(owner, "study"):
            if not job.is_ended and isinstance(job.request, StudyRequest) and job.request.dataset == dataset_id:
                raise DataInUse(run=job.title)
        self._data.remove(owner, dataset_id)

    def asked(self, run: Run) -> frozenset[str]:
        """What its process was told and has not done yet."""
        if run.job is None or run.job.is_ended:
            return frozenset()
        return commands.asked(self._jobs.folder(run.owner, run.job.id))

    def go_on(self) -> None:
        """At the start: every run goes on by itself that was paused when the studio was stopped as a service, or that went
        down with its machine or container. Deletions that were cut short are finished."""
        for path in self._folder.glob(f"{REMOVING}*"):
            shutil.rmtree(path, ignore_errors=True)
        for run in self._all():
            self._go_on(run)

    def go_on_after(self, job: Job) -> None:
        """One that took longer to pause than its studio to start again goes on when its job has ended."""
        try:
            self._go_on(self.of_job(job.owner, job.id))
        except NotFound:  # it was deleted
            return

    def _go_on(self, run: Run) -> None:
        newest = self._job(run)
        if newest is None or newest.state != "interrupted":
            return
        is_paused = commands.is_asked(self._jobs.folder(run.owner, newest.id), "pause")
        if (is_paused or isinstance(newest.error, RunWentDown)) and self.checkpoint(run) is not None:
            try:
                self.resume(run.owner, run.id)
            except (
                StudioError
            ) as error:  # the studio is closing, the queue or the disk is full: the next start tries again
                log.warning("run %s does not go on by itself: %s", run.id, error)

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, owner: str, run_id: str) -> Run:
        """Raises NotFound when there is none or it is somebody else's."""
        run = self._read(self._folder / run_id) if RUN_ID.fullmatch(run_id) else None
        if run is None or run.owner != owner:
            raise NotFound(thing="training run")
        return replace(run, job=self._job(run))

    def of_job(self, owner: str, job_id: str) -> Run:
        """The run that a job worked on. Raises NotFound."""
        request = self._jobs.get(owner, job_id).request
        if not isinstance(request, TrainRequest):
            raise NotFound(thing="training run")
        return self.get(owner, request.run or job_id)

    def of_owner(self, owner: str) -> list[Run]:
        """A person's runs, newest first."""
        own = [replace(run, job=self._job(run)) for run in self._all() if run.owner == owner]
        return sorted(own, key=lambda run: run.created, reverse=True)

    def checkpoint(self, run: Run) -> int | None:
        """The step of the newest whole checkpoint, None where there is none."""
        for place in sorted((self._folder / run.id / "checkpoints").glob("step-*"), reverse=True):
            if self._is_whole(place):
                return int(place.name.removeprefix("step-"))
        return None

    def _is_whole(self, place: Path) -> bool:
        """Read through once: what is whole is never written again."""
        if place not in self._whole and checkpoints.is_whole(place):
            self._whole.add(place)
        return place in self._whole and place.exists()

    def curve(self, run: Run) -> list[dict]:
        """Its measured points, each with its "step"."""
        return self._curves.setdefault(run.id, Curve(self._folder / run.id / "metrics.jsonl")).read()

    def events(self, owner: str, run_id: str) -> bytes:
        """Its curve as a TensorBoard event file. Raises NotFound."""
        run = self.get(owner, run_id)
        return event_file(self.curve(run), run.created)

    def progress(self, job: Job) -> Metrics | None:
        """The last that a training job has told of its steps."""
        return self._heard(job).metrics

    def said(self, run: Run) -> tuple[str, ...]:
        """The words of the newest sample of the newest go."""
        sampled = self._heard(run.job).sampled if run.job is not None else None
        return sampled.texts if sampled is not None else ()

    def _heard(self, job: Job) -> Told:
        told = self._told.setdefault(job.id, Told(self._jobs.folder(job.owner, job.id)))
        told.listen()
        return told

    def steps(self, run: Run) -> int:
        """How many it is to do; 0 where its trainer is of another version. Looked up once: they never change."""
        if run.id not in self._steps:
            try:
                self._steps[run.id] = int(self.settings(run).get("plan.steps", 0))
            except StudioError:
                return 0
        return self._steps[run.id]

    def settings(self, run: Run) -> dict[str, Setting]:
        """Every one of them: as it wrote them down when it began, else as they were asked for. Raises what `order_of` raises."""
        begun = self.kept(run, "run.json")
        return begun["settings"] if begun else flat(self.order(run.owner, run.request).settings)

    def kept(self, run: Run, name: Literal["run.json", "data.json", "scores.json"]) -> dict | None:
        """What the run has written of itself (see pipelines/training/run.py); None where it has not."""
        try:
            found = json.loads((self._folder / run.id / name).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def samples(self, run: Run) -> list[Path]:
        """The newest samples, PNG or text, newest first."""
        paths = sorted((self._folder / run.id / "samples").glob("step-*"), reverse=True)
        return [path for path in paths if path.suffix in (".png", ".txt")][:SAMPLES_SHOWN]

    def sample(self, owner: str, run_id: str, name: str) -> Path:
        """The PNG of a sample. Raises NotFound."""
        run = self.get(owner, run_id)
        found = next((path for path in self.samples(run) if path.name == name and path.suffix == ".png"), None)
        if found is None:
            raise NotFound(thing="picture")
        return found

    def model(self, owner: str, run_id: str) -> Path:
        """The folder of the model that a run has finished. Raises NotFound."""
        run = self.get(owner, run_id)
        result = run.job.result if run.job is not None else None
        folder = self._folder.parent / "models" / (result.model if isinstance(result, TrainResult) else "")
        if not isinstance(result, TrainResult) or not result.model:
            raise NotFound(thing="model")
        try:  # another run may have taken the name since
            is_of_it = json.loads((folder / "model.json").read_bytes())["run"] == run_id
        except (OSError, ValueError, KeyError, TypeError):
            is_of_it = False
        if not is_of_it:
            raise NotFound(thing="model")
        return folder

    def log(self, run: Run) -> list[str]:
        """The last lines that its process wrote."""
        return log_tail(self._folder / run.id)

    def forecast(self, owner: str, request: TrainRequest) -> Forecast:
        """What such a run takes on this machine. Raises what `start` raises of a request."""
        order = self.order(owner, request)
        found = forecast(self._folder.parent, request, order, self._processes)
        most = budget_of(self._folder.parent / "ledger", store_of(self._device))
        refuse_too_large(found, request, order, most)
        return found

    def order(self, owner: str, request: TrainRequest) -> Order:
        """What a request means, before it waits for its turn. Raises what `order_of` raises; data of others are not there."""
        with suppress(NotFound):
            self._data.get(owner, request.dataset)
            return order_of(request, self._data.folder)
        return order_of(request)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse_strangers(self) -> None:
        if not self._is_offered:
            raise NotAllowed(reason="models are not trained here")

    def _job(self, run: Run) -> Job | None:
        """The newest go at it; one that was written down and never came does not count."""
        for job_id in reversed(run.jobs):
            if job_id not in self._ended:
                try:
                    job = self._jobs.get(run.owner, job_id)
                except NotFound:
                    continue
                if not job.is_ended:
                    return job
                self._ended[job_id] = job  # nothing of it changes any more, and the page asks every second
            return self._ended[job_id]
        return None

    def _all(self) -> list[Run]:
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        return [run for path in paths if RUN_ID.fullmatch(path.name) and (run := self._read(path)) is not None]

    def _read(self, path: Path) -> Run | None:
        """What stands in a run's folder; None for one that nobody owns, or of another version. The page asks every second."""
        try:
            status = (path / "owner.json").stat()
            stamp = status.st_mtime_ns, status.st_ino  # every write is another file
            if path not in self._known or self._known[path][0] != stamp:
                about = json.loads((path / "owner.json").read_bytes())
                request, jobs = from_json("request", about["request"]), tuple(map(str, about["jobs"]))
                run = Run(path.name, str(about["owner"]), request, float(about["created"]), jobs)
                self._known[path] = stamp, run
            return self._known[path][1]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, run: Run) -> None:
        about = {
            "schema": SCHEMA,
            "owner": run.owner,
            "created": run.created,
            "jobs": run.jobs,
            "request": to_json(run.request),
        }
        write_whole(self._folder / run.id / "owner.json", json.dumps(about, ensure_ascii=False).encode())

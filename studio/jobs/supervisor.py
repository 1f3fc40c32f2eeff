"""The face of the jobs: takes requests, gives turns to the worker, and tells how each job is doing.

    submit → folder + row → TurnQueue → engine → worker …… end.json → on_end → row
                                     ├→ trainings → a process for each job ┤
                                     └→ flows → jobs that each is made of ─┘

It never loads a model. Everything it knows can be read again from the folders: `recover` does so.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.crossing import error_from_json
from pipelines.errors.jobs import EngineBroken, Interrupted, ShuttingDown, WorkerDied
from pipelines.errors.requests import MalformedRequest
from pipelines.errors.storage import StorageError
from pipelines.loading.catalog import Catalog
from pipelines.types.crossing import ModelRequest, Request, from_json, to_json
from pipelines.types.files import files_of, with_files
from studio.jobs import recovery
from studio.jobs.admission import Admission
from studio.jobs.engine import Engine
from studio.jobs.flows import Flows
from studio.jobs.folder import JOB_ID, JobFolder, file_name, new_job_id
from studio.jobs.job import Job, JobEvent, Place, event_of
from studio.jobs.ledger import Room, read_ledger
from studio.jobs.queue import FLOW, LANES, TRAINING, WITHOUT_WORKER
from studio.jobs.records import OnEnd, Records
from studio.jobs.store import JobStore, Row
from studio.jobs.trainings import Trainings
from studio.jobs.turns import Turns
from studio.settings import Settings

POLL_SECONDS = 0.05
PLACE_POLL_SECONDS = 0.5
LOOK_SECONDS = 0.5
BROKEN_AFTER_DEATHS = 3
STOP_SECONDS = 8.0  # Docker kills after ten

log = logging.getLogger("studio.jobs")


class Supervisor:
    """All jobs of a home. Every method may be called from any thread.

    `on_end` is told every end, once at least; it may be told again after a crash.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: JobStore,
        engine: Engine,
        trainings: Trainings,
        flows: Flows,
        on_end: OnEnd,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._engine = engine
        self._trainings = trainings
        self._flows = flows
        self._folder = settings.home / "jobs"
        self._records = Records(self._folder, store, on_end)
        self._lock = threading.RLock()
        self._turns = Turns(settings, catalog, store, Admission(settings.home / "ledger"))
        self._adopted: set[str] = set()
        self._loaded: list[dict] = []
        self._loaded_at = 0.0
        self._is_ready = False
        self._is_started = False
        self._is_broken = False
        self._is_closing = threading.Event()

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def recover(self) -> None:
        """Find every job again, before anybody asks for one.

        Queued jobs wait again, and so do flows, which go on from what their parts have come to. Locked ones belong to a
        worker that outlived its server, the others are interrupted.
        """
        found = recovery.find(self._folder, self._store)
        for folder in found.not_kept:
            self._records.forget(folder)
        flows = [folder for folder in found.interrupted if folder.spec().request.lane == FLOW]
        for folder in found.waiting + flows:
            spec = folder.spec()
            self._records.index(Row.of(spec, "queued"))
            self._turns.put(self._turns.waiting(spec))
        for folder in found.worked_on:
            spec = folder.spec()
            self._records.index(Row.of(spec, "running"))
            if spec.request.lane == TRAINING:
                self._turns.adopt(self._turns.waiting(spec))
                self._trainings.adopt(folder.id)
            else:
                self._adopted.add(folder.id)
        interrupted = [folder for folder in found.interrupted if folder not in flows]
        for folder in interrupted:
            is_training = folder.spec().request.lane == TRAINING
            error = self._trainings.what_ended(folder) if is_training else Interrupted()
            self._records.write_end(folder, "interrupted", error)
        for folder in interrupted + found.ended:
            self._settle(folder)

    def start(self) -> None:
        """Start the worker, and give their turn to the runs that wait."""
        self._engine.start(self._hear, self._bury)
        self._trainings.start(self._hear)
        self._flows.start(self, self._hear)
        self._is_started = True
        self._give_turns()
        threading.Thread(target=self._look_around, name="jobs", daemon=True).start()

    def close(self, *, is_pausing: bool = False) -> None:
        """Take no more work and give the worker a moment to finish; what it finishes later, the next start finds.

        Runs go on without a server. `is_pausing`: they are to save and end, because the whole machine may go.
        """
        self._is_closing.set()
        self._flows.close()
        self._records.close()
        self._trainings.close(is_pausing=is_pausing, timeout_seconds=STOP_SECONDS)
        self._engine.close(STOP_SECONDS if self._turns.running else 0.0)

    # ── what a person asks ───────────────────────────────────────────────────────────────────────────────────────────

    new_job_id = staticmethod(new_job_id)

    def submit(
        self,
        owner: str,
        request: Request,
        *,
        keep: bool = True,
        conversation: tuple[str, str] | None = None,
        job_id: str | None = None,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        flow: str = "",
        step: str = "",
    ) -> Job:
        """Put a request into the queue, in milliseconds.

        `files` are the contents of the fields that its FILES names, and the only files it gets: what stands in those
        fields is replaced. `parents` are the creations that they came from. `flow` and `step` see `JobSpec`.

        An answer of a conversation names its place, (conversation id, node id), and brings the id that `new_job_id`
        made for it: the place is written first, so that however soon the job ends, its answer has somewhere to go.

        Raises InvalidRequest, ModelError, QueueFull, QuotaReached, EngineBroken, ShuttingDown, DiskFull or
        ReadOnlyHome; then nothing was kept.
        """
        files = files or {}
        names = {field: file_name(field, files[field]) if field in files else "" for field in files_of(request)}
        request = _checked(with_files(request, names))
        if isinstance(request, ModelRequest):
            self._catalog.check(request)
        with self._lock:
            self._refuse(owner, request, is_part=bool(flow))
        folder = JobFolder.create(  # outside the lock: the files may be many
            self._folder, owner, request, job_id=job_id, keep=keep, conversation=conversation,
            files={field: files[field] for field in names if field in files}, parents=tuple(parents),
            flow=flow, step=step,
        )  # fmt: skip
        try:
            spec = folder.spec()
            waiting = self._turns.waiting(spec)
            with self._lock:
                self._refuse(owner, request, is_part=bool(flow))  # others came meanwhile
                self._store.put(Row.of(spec, "queued"))
                self._turns.put(waiting)
        except (StudioError, ValueError):
            folder.remove()
            raise
        self._give_turns()
        return self.get(owner, folder.id)

    def rerun(
        self, owner: str, job_id: str, *, conversation: tuple[str, str] | None = None, new_id: str | None = None
    ) -> Job:
        """The same request with the same files again, as a new job; for an answer, with its new place in the conversation."""
        job, folder = self.get(owner, job_id), self.folder(owner, job_id)
        try:
            files, parents = folder.files(job.request), folder.spec().parents
        except (FileNotFoundError, ValueError) as error:  # it went while it was read
            raise NotFound(thing="job") from error
        return self.submit(
            owner, job.request, keep=job.keep, conversation=conversation, job_id=new_id, files=files, parents=parents
        )

    def get(self, owner: str, job_id: str) -> Job:
        """Raises NotFound when there is none or it is somebody else's."""
        row = self._store.get(job_id) if JOB_ID.fullmatch(job_id) else None
        if row is None or row.owner != owner:
            raise NotFound(thing="job")
        return self._records.job(row)

    def recent(self, owner: str, limit: int = 30) -> list[Job]:
        """The newest jobs of a person, first the newest, without the parts of a flow. Those that keep nothing are among
        them until they are gone."""
        jobs = []
        for row in self._store.of_owner(owner, limit):
            try:
                jobs.append(self._records.job(row))
            except NotFound:
                continue  # removed between the two looks, or no longer readable
        return jobs

    def of_step(self, owner: str, step: str) -> list[Job]:
        """The jobs of a person that did this part of a flow, the newest first."""
        jobs = []
        for row in self._store.of_step(owner, step):
            with suppress(NotFound):
                jobs.append(self._records.job(row))
        return jobs

    def of_kind(self, owner: str, kind: str, limit: int = 1) -> list[Job]:
        """A person's newest jobs of one kind, without the parts of a flow."""
        jobs = []
        for row in self._store.of_kind(owner, kind, limit):
            with suppress(NotFound):
                jobs.append(self._records.job(row))
        return jobs

    def parts(self, owner: str, job_id: str) -> list[Job]:
        """What a flow of a person has asked for, the oldest first."""
        jobs = []
        for row in self._store.of_flow(owner, job_id):
            with suppress(NotFound):
                jobs.append(self._records.job(row))
        return jobs

    def remove(self, owner: str, job_id: str) -> None:
        """Delete a job that has ended, with its folder. One that has not stays as it is. Raises NotFound."""
        if self.get(owner, job_id).is_ended:
            self._records.forget(self._records.folder(job_id))

    def unfinished(self) -> list[Row]:
        """What waits or runs now, of everybody."""
        return self._store.unfinished()

    def cancel(self, owner: str, job_id: str) -> None:
        """Stop a job: a queued one ends at once, a running one within a second. An ended one stays as it is."""
        with self._lock:
            job = self.get(owner, job_id)
            folder = self._records.folder(job_id)
            if self._turns.remove(job_id):
                self._records.write_end(folder, "cancelled", None)
                self._settle(folder)
            elif not job.is_ended:
                folder.ask_to_cancel()

    def remove_conversation(self, owner: str, conversation_id: str) -> None:
        """Stop and delete the jobs that wrote a conversation. A worker stops when the folder is gone."""
        for row in self._store.of_conversation(conversation_id):
            if row.owner == owner:
                with self._lock:
                    self._turns.remove(row.id)
                    self._records.forget(self._records.folder(row.id))

    def unload(self, model: str) -> None:
        """Take a model out of memory; one that is at work, after its work."""
        self._engine.tell({"unload": model})

    def unload_all(self) -> None:
        """`unload` for every model, pinned ones too."""
        self._engine.tell({"unload_all": True})

    def pin(self, model: str, is_pinned: bool) -> None:
        """Keep a loaded model in memory whatever else wants its room, or no longer."""
        self._engine.tell({"pin": model, "pinned": is_pinned})

    def place(self, job_id: str) -> Place | None:
        """How many jobs have their turn before this one, and about how long that takes; None if it does not wait."""
        room = self._room()
        with self._lock:
            return self._turns.place(job_id, room)

    def usual_seconds(self, request: Request) -> float | None:
        """How long such a request takes on this machine from its start to its end; None until it was learnt."""
        return self._store.usual_seconds(request.kind, request.model, self._turns.amount(request))

    def folder(self, owner: str, job_id: str) -> JobFolder:
        """The files of a job: its previews, and the pictures of one that keeps nothing. Raises NotFound."""
        self.get(owner, job_id)
        return self._records.folder(job_id)

    async def watch(self, owner: str, job_id: str) -> AsyncIterator[JobEvent]:
        """Everything that happened from the start, then everything that happens, up to the event "end".

        By then `on_end` was told and the index knows: who looks at the end for what was made finds it.
        Any number of readers may watch, now or later; a reader that goes away changes nothing.
        """
        self.get(owner, job_id)
        folder = self._records.folder(job_id)
        reader = folder.reader()
        place: Place | None = None
        next_look = 0.0
        while True:
            end = self._records.end(folder)  # before the events, so that none is missed
            for line in reader.read():
                if (event := event_of(line)) is not None:
                    yield event
            if end is not None and not self._is_unsettled(job_id):
                yield JobEvent("end", end.ended, end)
                return
            if not folder.path.exists():
                raise NotFound(thing="job")
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + PLACE_POLL_SECONDS
                if (now := self.place(job_id)) not in (None, place):
                    place = now
                    yield JobEvent("place", time.time(), place)
            await asyncio.sleep(POLL_SECONDS)

    def status(self) -> dict[str, Any]:
        """For `/health` and the page: the worker, the queue, what is loaded, and who has how much of the memory."""
        memory = read_ledger(self._settings.home / "ledger")
        with self._lock:
            state = "ready" if self._is_ready else "broken" if self._is_broken else "starting"
            return {
                "workers": [{"device": self._turns.device, "state": state, **self._memory()}],
                "queue_length": len(self._turns),
                "running": len(self._turns.running) + len(self._adopted),
                "loaded_models": self._loaded_now(),
                "memory": memory,
            }

    @property
    def worker_pid(self) -> int | None:
        return self._engine.pid

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, owner: str, request: Request, *, is_part: bool) -> None:
        """A part of a flow has its place by the flow, which asks for two at once at most: else full flows wait for ever."""
        if self._is_closing.is_set():
            raise ShuttingDown()
        if self._is_broken and request.lane not in WITHOUT_WORKER:
            raise self._broken()
        if not is_part:
            self._turns.refuse_overload(owner)

    def _room(self) -> Room | None:
        """For a training that waits. Read without the lock: who holds the ledger may have been stopped."""
        with self._lock:
            is_asked = self._turns.is_room_asked()
        return self._turns.look() if is_asked else None

    def _give_turns(self) -> None:
        """Fill every lane: as many jobs as it runs at once, or several of one model that batches."""
        if self._is_closing.is_set():
            return
        room = self._room()
        with self._lock:
            for lane in LANES:
                while self._is_open(lane) and (waiting := self._turns.take(lane, room)) is not None:
                    try:
                        spec = self._records.folder(waiting.job_id).spec()
                    except (ValueError, OSError):
                        self._turns.end(waiting.job_id)  # deleted while it waited
                        continue
                    self._records.index(Row.of(spec, "running"))
                    if lane == TRAINING:
                        room = None  # the next one wants another look
                        self._trainings.run(waiting.job_id)
                    elif lane == FLOW:
                        self._flows.run(waiting.job_id)
                    else:
                        self._engine.tell({"run": waiting.job_id})

    def _is_open(self, lane: str) -> bool:
        return self._is_started if lane in WITHOUT_WORKER else self._is_ready

    def _loaded_now(self) -> list[dict]:
        """The worker's rows; who was idle when it told them has been idle since."""
        since = time.monotonic() - self._loaded_at
        return [row if row["leases"] else {**row, "idle_seconds": row["idle_seconds"] + since} for row in self._loaded]

    # ── what the engine says ─────────────────────────────────────────────────────────────────────────────────────────

    def _hear(self, report: dict) -> None:
        if "loaded" in report:
            self._loaded, self._loaded_at = report["loaded"], time.monotonic()
            self._turns.loaded = {model["model"] for model in self._loaded}
        elif "ready" in report:
            self._turns.device = report["device"]
            self._is_ready, self._is_broken = True, False
        elif "busy" in report:
            with self._lock:
                self._turns.end(report["busy"])
                self._adopted.add(report["busy"])
        elif "ended" in report:
            self._hear_end(report)
        self._give_turns()

    def _hear_end(self, report: dict) -> None:
        folder = self._records.folder(report["ended"])
        if folder.path.exists() and folder.end() is None:  # the disk would not take it: memory must
            error = error_from_json(report["error"]) if report["error"] else None
            self._records.remember_end(folder, report["state"], error)
        self._settle(folder)

    def _bury(self, early_deaths: int) -> None:
        """The worker died: what it worked on is interrupted, never run again by itself; the rest waits for the next.

        One that dies at every start will not come: then what waits is told so, and new work is refused until it does.
        """
        with self._lock:
            self._is_ready = False
            self._loaded, self._turns.loaded = [], frozenset()
            self._is_broken = early_deaths >= BROKEN_AFTER_DEATHS
            ended: list[JobFolder] = []
            for job_id, waiting in list(self._turns.running.items()):
                if waiting.lane in WITHOUT_WORKER:
                    continue
                folder = self._records.folder(job_id)
                if folder.path.exists() and folder.end() is None and not folder.is_started():
                    self._turns.put(waiting)
                    continue
                if folder.path.exists() and folder.end() is None:
                    self._records.write_end(folder, "interrupted", WorkerDied())
                ended.append(folder)
            for waiting in self._turns.drain() if self._is_broken else ():
                folder = self._records.folder(waiting.job_id)
                self._records.write_end(folder, "failed", self._broken())
                ended.append(folder)
        for folder in ended:
            self._settle(folder)

    def _broken(self) -> EngineBroken:
        return EngineBroken(path=str(self._settings.home / "worker.log"))

    def _look_around(self) -> None:
        """Jobs of a worker that outlived its server end when their lock is free. A training that waits may fit by now."""
        while not self._is_closing.wait(LOOK_SECONDS):
            try:
                self._give_turns()
            except Exception:  # the disk does not answer: the next look may go better
                log.exception("no turns were given")
            for job_id in list(self._adopted):
                folder = self._records.folder(job_id)
                try:
                    if folder.is_locked():
                        continue
                except (StorageError, OSError):  # gone, or the disk does not answer: what can be read decides
                    log.exception("job %s", job_id)
                if folder.path.exists() and folder.end() is None:
                    self._records.write_end(folder, "interrupted", Interrupted())
                self._settle(folder)

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, folder: JobFolder) -> None:
        """A job that was running has ended. Until its end is kept it counts as unsettled, without a gap."""
        with self._lock:
            self._records.begin_to_settle(folder.id)
            self._turns.end(folder.id)
            self._adopted.discard(folder.id)
        self._records.settle(folder)

    def _is_unsettled(self, job_id: str) -> bool:
        """Whether an end that is there is still to be kept. A studio that closes keeps it at its next start."""
        with self._lock:
            is_known = job_id in self._turns.running or job_id in self._adopted or self._records.is_settling(job_id)
            return is_known and not self._is_closing.is_set()

    def _memory(self) -> dict[str, int]:
        """What the worker holds of this machine's memory; nothing while there is no worker process."""
        try:
            used_bytes = psutil.Process(self._engine.pid).memory_info().rss if self._engine.pid else 0
        except psutil.NoSuchProcess:
            return {}
        return {"memory_used_bytes": used_bytes, "memory_total_bytes": psutil.virtual_memory().total}


def _checked(request: Request) -> Request:
    """The request as another process will read it. Raises InvalidRequest."""
    try:
        request = from_json("request", to_json(request))
    except ValueError as error:
        raise MalformedRequest(reason=" ".join(str(error).split())[:200]) from error
    request.check()
    return request

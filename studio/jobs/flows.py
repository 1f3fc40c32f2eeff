"""Flows: jobs that are made of other jobs. Each is a coroutine of the server that asks for its parts and waits for them.

    run(job) → steps[kind](flow) ─ flow.part(request) → submit, or what there is already → its end

A flow keeps no state of its own. After a restart it begins again from the top, and every part that is there already (the
same request with the same files, of this flow or another of the same person) is taken as it is; one that is at work is
waited for. So an edited flow makes again only what depends on the edit. Knows no model and no kind of flow.
"""

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError, Interrupted, ShuttingDown
from pipelines.errors.runs import RunPaused, RunWentDown
from pipelines.types.crossing import Request, Result, to_json
from pipelines.types.events import Event
from studio.jobs.engine import OnReport
from studio.jobs.folder import End, EventWriter, JobFolder, JobSpec, State
from studio.jobs.job import Job
from studio.library.creations import Creations

POLL_SECONDS = 0.1
CLOSE_SECONDS = 5.0
UNKEPT = "job-"  # before the id of a job that keeps nothing, where else the id of a creation stands
RESTARTS = 2  # that interrupt the same part, which may be what takes the machine down; then it is not asked for again

log = logging.getLogger("studio.flows")


class Jobs(Protocol):
    """What a flow asks of the jobs."""

    def submit(
        self,
        owner: str,
        request: Request,
        *,
        keep: bool = True,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        flow: str = "",
        step: str = "",
    ) -> Job: ...

    def get(self, owner: str, job_id: str) -> Job: ...

    def folder(self, owner: str, job_id: str) -> JobFolder: ...

    def of_step(self, owner: str, step: str) -> list[Job]: ...

    def parts(self, owner: str, job_id: str) -> list[Job]: ...

    def cancel(self, owner: str, job_id: str) -> None: ...


class Stopped(Exception):  # no error: somebody pressed Stop
    """The flow was asked to stop; its parts are stopped already."""


class Flow:
    """What the steps of a flow are given."""

    def __init__(
        self,
        jobs: Jobs,
        creations: Creations,
        folder: JobFolder,
        spec: JobSpec,
        events: EventWriter,
        asking: asyncio.Lock,
    ) -> None:
        """`asking` is the lock of all flows: while one looks for a part and asks for it, no other asks for the same."""
        self._asking = asking
        self._jobs = jobs
        self._creations = creations
        self._folder = folder
        self._events = events
        self.id, self.owner, self.request, self._created = spec.id, spec.owner, spec.request, spec.created
        self.keeps = spec.keep
        self.is_closing = False

    def tell(self, event: Event) -> None:
        """Let whoever watches know how it stands."""
        self._events(event)

    async def part(
        self,
        request: Request,
        *,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        is_enough: Callable[[Job], bool] | None = None,
        is_shared: bool = True,
    ) -> Job:
        """The job that did this part. Once it `is_enough` it is stopped, and returned as it ended. One that is not shared is made by
        this flow alone, whatever others have made.

        Raises Stopped, or the error that the part ended with.
        """
        step = self._step(request, files or {}, is_shared=is_shared)
        async with self._asking:
            # 1 Is it there, or at work?
            job = self._found(step)
            is_own = job is None

            # 2 Else it is asked for
            if job is None:
                self._check()
                job = await self._asked_for(
                    asyncio.to_thread(
                        self._jobs.submit,
                        self.owner,
                        request,
                        keep=self.keeps,
                        files=files,
                        parents=parents,
                        flow=self.id,
                        step=step,
                    )
                )

        # 3 Its end
        job, was_enough = await self._ended(job, is_enough)
        if was_enough:
            return job
        if job.state == "cancelled" and is_own:  # it was stopped by itself
            raise Stopped
        if job.state == "cancelled":  # with another flow that had asked for it
            return await self.part(request, files=files, parents=parents, is_enough=is_enough, is_shared=is_shared)
        if job.state != "done":
            raise job.error or Interrupted()
        return job

    async def _asked_for(self, submitting: Coroutine[Any, Any, Job]) -> Job:
        """A job that is submitted in another thread, as its files may be many. Where the server closes, it waits for that."""
        asked = asyncio.ensure_future(submitting)
        try:
            return await asyncio.shield(asked)
        except ShuttingDown:  # no end is written: the next start goes on
            await asyncio.Event().wait()
            raise
        except asyncio.CancelledError:
            with suppress(StudioError):
                job = await asked
                if not self.is_closing:
                    self._jobs.cancel(self.owner, job.id)
            raise

    def leave(self) -> None:
        """Stop the parts that were enough, where whoever asked for them was killed before that."""
        for job in self._jobs.parts(self.owner, self.id):
            if not job.is_ended:
                self._jobs.cancel(self.owner, job.id)

    def interrupted(self, request: Request) -> Job | None:
        """The newest go of this flow at a part that was interrupted and can perhaps be gone on with."""
        step = self._step(request, {}, is_shared=False)
        newest = next(iter(self._jobs.of_step(self.owner, step)), None)
        return newest if newest is not None and newest.state == "interrupted" else None

    async def _ended(self, job: Job, is_enough: Callable[[Job], bool] | None) -> tuple[Job, bool]:
        """Wait for it; whether it was stopped because it `is_enough`. Raises Stopped, and stops it then."""
        was_enough = False
        try:
            while not job.is_ended:
                self._check()
                if is_enough is not None and not was_enough and is_enough(job):
                    was_enough = True
                    self._jobs.cancel(self.owner, job.id)
                await asyncio.sleep(POLL_SECONDS)
                job = self._jobs.get(self.owner, job.id)
        except BaseException:  # Stop, the end of the server, or a disk that does not take what `is_enough` writes
            if not self.is_closing:  # the next start goes on with it
                self._jobs.cancel(self.owner, job.id)
            raise
        return job, was_enough

    async def all(self, *works: Coroutine[Any, Any, None]) -> None:
        """Several things at once; the first that goes wrong ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(work)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several

    def made(self, job: Job) -> str:
        """By what the first thing that a part made is found: the id of a creation; where nothing is kept, its job. "" where there
        is none.
        """
        if self.keeps:
            return job.creation_ids[0] if job.creation_ids else ""
        return f"{UNKEPT}{job.id}" if unkept(self._jobs.folder(self.owner, job.id)) else ""

    def content(self, creation_id: str) -> bytes:
        """The file of a creation of its owner, or what `made` stands for. Raises NotFound."""
        if creation_id.startswith(UNKEPT):
            return unkept(self._jobs.folder(self.owner, creation_id.removeprefix(UNKEPT)))
        try:
            return self._creations.path(self.owner, creation_id).read_bytes()
        except FileNotFoundError as error:  # it was deleted just now
            raise NotFound(thing="creation") from error

    @property
    def is_stopping(self) -> bool:
        """Whether somebody pressed Stop, or the server closes: for work in a thread, which looks for itself."""
        return self.is_closing or self._folder.is_asked_to_cancel()

    def _step(self, request: Request, files: Mapping[str, bytes], *, is_shared: bool) -> str:
        """What makes it the same part. Of a flow that keeps nothing no other flow has any part."""
        step = fingerprint(request, files)
        return step if self.keeps and is_shared else f"{self.id}-{step}"

    def _check(self) -> None:
        if self._folder.is_asked_to_cancel():
            raise Stopped

    def _found(self, step: str) -> Job | None:
        """The newest that is at work, or that is done and whose creations are still there. Raises Interrupted."""
        jobs = self._jobs.of_step(self.owner, step)
        for job in jobs:
            if not job.is_ended or (job.state == "done" and all(map(self._is_there, job.creation_ids))):
                return job
        broken = [job for job in jobs if job.state == "interrupted" and job.created >= self._created]
        broken = [
            job for job in broken if not isinstance(job.error, RunPaused | RunWentDown)
        ]  # not through its own fault
        if len(broken) >= RESTARTS:
            raise broken[0].error or Interrupted()
        return None

    def _is_there(self, creation_id: str) -> bool:
        try:
            return self._creations.path(self.owner, creation_id).is_file()
        except NotFound:
            return False


Steps = Callable[[Flow], Awaitable[Result]]


class Flows:
    """The flows at work, all in one thread. It reports `{"ended": id, "state", "error"}` as a worker does."""

    def __init__(self, jobs: Path, creations: Creations, steps: Mapping[str, Steps]) -> None:
        """`jobs` is the folder of all jobs, `steps` what each kind of flow does."""
        self._folder = jobs
        self._creations = creations
        self._steps = steps
        self._loop = asyncio.new_event_loop()
        self._at_work: dict[asyncio.Task[None], Flow] = {}
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._asking = asyncio.Lock()

    def start(self, jobs: Jobs, on_report: OnReport) -> None:
        self._jobs, self._on_report = jobs, on_report
        self._thread = threading.Thread(target=self._loop.run_forever, name="flows", daemon=True)
        self._thread.start()

    def run(self, job_id: str) -> None:
        """Begin a flow, or go on with it; returns at once."""
        asyncio.run_coroutine_threadsafe(self._work(JobFolder(self._folder / job_id)), self._loop)

    def close(self) -> None:
        """Leave every flow as it is: it has no end, so the next start goes on with it."""
        self._is_closing = True
        if self._thread is not None:
            with suppress(TimeoutError):  # a disk that does not answer keeps nobody from closing
                asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(CLOSE_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        if not self._loop.is_running():
            self._loop.close()

    async def _leave(self) -> None:
        tasks = list(self._at_work)
        for task, flow in self._at_work.items():
            flow.is_closing = True
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, folder: JobFolder) -> None:
        try:
            with folder.lock() as is_mine, folder.writer() as events:
                end = folder.end()
                if is_mine and end is None:
                    end = await self._follow(folder, events)
                    if end.state == "failed" and self._is_closing:
                        return  # what it asked was closed already: the next start goes on
                    folder.finish(end)
        except StudioError as error:  # the disk would not take its end
            end = End("failed", None, error, None, time.time())
        except FileNotFoundError:  # its person deleted it
            end = End("cancelled", None, None, None, time.time())
        if end is not None:
            error_json = end.error.to_json() if end.error else None
            await asyncio.to_thread(self._on_report, {"ended": folder.id, "state": end.state, "error": error_json})

    async def _follow(self, folder: JobFolder, events: EventWriter) -> End:
        """From the request to the end that is to be written. Every error becomes one."""
        started = time.time()
        result: Result | None = None
        error: StudioError | None = None
        state: State = "done"
        task = asyncio.current_task()
        assert task is not None
        try:
            spec = folder.spec()
            if not folder.is_started():
                events.write("started")
            flow = self._at_work[task] = Flow(self._jobs, self._creations, folder, spec, events, self._asking)
            result = await self._steps[spec.request.kind](flow)
            state = "cancelled" if getattr(result, "finish_reason", "stop") == "cancelled" else "done"
        except Stopped:
            state = "cancelled"
        except StudioError as told:
            state, error = "failed", told
        except Exception as mistake:
            log.exception("job %s", folder.id)
            state, error = "failed", InternalError(where=type(mistake).__name__)
        finally:
            self._at_work.pop(task, None)
        film = getattr(result, "film", "")
        is_kept = film and not film.startswith(UNKEPT)
        return End(state, result, error, started, time.time(), (film,) if is_kept else ())


def unkept(folder: JobFolder) -> bytes:
    """The first thing that a job has made which keeps nothing; b"" where there is none, or it is gone."""
    sounds = [data for name, data in folder.sounds().items() if name == "sound.flac"]  # and not the notes beside it
    made = [*folder.films().values(), *sounds, *folder.pictures()]
    return made[0] if made else b""


def fingerprint(request: Request, files: Mapping[str, bytes]) -> str:
    """The same for the same request with the same files."""
    whole = {
        "request": to_json(request),
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

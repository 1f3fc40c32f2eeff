"""Which of the waiting jobs may run now: as many of a lane as it runs at once, several of one model that batches, and trainings
beside each other while the memory covers them. Knows neither worker nor process."""

from collections.abc import Set

from pipelines.base import find_families
from pipelines.errors.access import QueueFull, QuotaReached
from pipelines.errors.base import StudioError
from pipelines.loading.catalog import Catalog
from pipelines.loading.memory.measure import store_of
from pipelines.types.crossing import Request
from pipelines.types.training import TrainRequest
from studio.jobs.admission import Admission, Wait
from studio.jobs.folder import JobSpec
from studio.jobs.forecast import needed_bytes
from studio.jobs.job import Place
from studio.jobs.ledger import Room
from studio.jobs.queue import LANES, TRAINING, WITHOUT_WORKER, TurnQueue, Waiting
from studio.jobs.store import JobStore, amount_of
from studio.settings import Settings

BATCH_SLOTS = 8
USUAL_SECONDS = 10.0  # of a job of which nothing is known


class Turns:
    """All jobs that wait, and those that had their turn and have not ended. Not thread-safe: its owner holds a lock.

    `device` is where models of this studio work, which its owner learns after the start. A training that runs as one process on each
    GPU is counted here as one, unless the settings say how many.
    """

    def __init__(self, settings: Settings, catalog: Catalog, store: JobStore, admission: Admission) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._admission = admission
        self._families = find_families()
        self._queue = TurnQueue()
        self._running: dict[str, Waiting] = {}
        self.device = "unknown"
        self.loaded: Set[str] = frozenset()  # the models in memory: their jobs are preferred

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def running(self) -> dict[str, Waiting]:
        return self._running

    # ── in and out ───────────────────────────────────────────────────────────────────────────────────────────────────

    def waiting(self, spec: JobSpec) -> Waiting:
        """A job as it stands in the queue."""
        request = spec.request
        try:
            family = self._families.get(self._catalog.find(request.model).family)
        except StudioError:  # a model that was there when the job was asked for; its turn will say so
            family = None
        batches = family is not None and bool(family.BATCHES)
        amount, is_part = self.amount(request), bool(spec.flow)
        needed = 0
        if isinstance(request, TrainRequest):
            needed = needed_bytes(self._settings.home, request, self._settings.training_processes)
        return Waiting(spec.id, spec.owner, request.lane, request.kind, request.model, batches, amount, is_part, needed)

    def put(self, job: Waiting) -> None:
        """It waits, also one that had its turn and must have it again."""
        self._running.pop(job.job_id, None)
        self._queue.put(job)

    def adopt(self, job: Waiting) -> None:
        """It is at work already."""
        self._running[job.job_id] = job

    def remove(self, job_id: str) -> bool:
        """True if the job was waiting."""
        return self._queue.remove(job_id)

    def end(self, job_id: str) -> None:
        """It runs no longer."""
        self._running.pop(job_id, None)

    def drain(self) -> list[Waiting]:
        """Take out everything that waits for the worker."""
        return self._queue.drain(LANES.keys() - set(WITHOUT_WORKER))

    # ── whose turn it is ─────────────────────────────────────────────────────────────────────────────────────────────

    def is_room_asked(self) -> bool:
        """Whether a training waits beside others: then `take` and `place` want what `look` has found."""
        return bool(self._busy(TRAINING)) and self._queue.peek(TRAINING, self.loaded) is not None

    def look(self) -> Room:
        """The room that there is; to be asked without the lock."""
        return self._admission.look(store_of(self.device))

    def take(self, lane: str, room: Room | None) -> Waiting | None:
        """The next job of a lane that may run now: from here on it counts as running."""
        busy = self._busy(lane)
        if len(busy) >= LANES[lane] and (len(busy) >= BATCH_SLOTS or not busy[0].batches):
            return None
        if lane == TRAINING and self._wait(room) is not None:
            return None
        only = busy[0].model if len(busy) >= LANES[lane] else None
        taken = self._queue.take(lane, self.loaded, only=only)
        if taken is not None:
            self._running[taken.job_id] = taken
        return taken

    def place(self, job_id: str, room: Room | None) -> Place | None:
        """How many jobs have their turn before this one, and about how long that takes; None if it does not wait."""
        ahead, lane = self._queue.ahead(job_id, self.loaded), self._queue.lane_of(job_id)
        if ahead is None or lane is None:
            return None
        wait = self._wait(room) if lane == TRAINING and room is not None and not ahead else None
        before = [*ahead, *self._busy(lane)]
        usual = [self._store.usual_seconds(one.kind, one.model, one.amount) for one in before]
        known = [seconds for seconds in usual if seconds is not None]
        lacks = wait is not None and wait.free_bytes < wait.needed_bytes
        return Place(len(before), sum(known) if known else None, wait if lacks else None)

    def _wait(self, room: Room | None) -> Wait | None:
        """What the next training waits for besides its turn; one that came after the look waits for the next one."""
        job = self._queue.peek(TRAINING, self.loaded)
        return self._admission.wait(job.needed_bytes, room or Room(0, 0), len(self._busy(TRAINING))) if job else None

    def _busy(self, lane: str) -> list[Waiting]:
        return [job for job in self._running.values() if job.lane == lane]

    # ── how much may wait ────────────────────────────────────────────────────────────────────────────────────────────

    def refuse_overload(self, owner: str) -> None:
        """Raises QueueFull or QuotaReached where nothing more of this person may wait."""
        waiting = len(self._queue)
        if waiting >= self._settings.queue_limit:
            running = self._running.values()
            usual = [self._store.usual_seconds(job.kind, job.model, job.amount) or USUAL_SECONDS for job in running]
            mean_seconds = sum(usual) / len(usual) if usual else USUAL_SECONDS
            raise QueueFull(waiting=waiting, retry_after_seconds=max(1, round(waiting * mean_seconds / BATCH_SLOTS)))
        at_work = sum(job.owner == owner and not job.is_part for job in self._running.values())
        if self._queue.asked_by(owner) + at_work >= self._settings.person_limit:
            raise QuotaReached(limit=self._settings.person_limit)

    def amount(self, request: Request) -> float | None:
        """How much work it is, see `store.py`."""
        try:
            return amount_of(request, self._catalog.find(request.model).defaults)
        except StudioError:
            return amount_of(request)

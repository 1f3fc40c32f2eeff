"""Whose turn it is: fair between people, with a bounded preference for the model that is loaded. Knows no process.

Each lane goes round robin over the people who wait in it, first come first served within one person. A turn may be
given out of order to a request for the loaded model, at most `PREFERENCE_BOUND` times in a row, so that two people
with two models do not load them in turns, and nobody waits for ever.
"""

from collections import deque
from collections.abc import Collection, Set
from copy import deepcopy
from dataclasses import dataclass

PREFERENCE_BOUND = 3
TRAINING = "training"  # the lane of jobs that have a process of their own
FLOW = "flow"  # the lane of jobs that are made of other jobs
WITHOUT_WORKER = (TRAINING, FLOW)
# Jobs of a lane at once, where their model does not batch. A recording may take hours: it keeps no chat and no speech waiting,
# and two at once are listened to, so that a few words in a talk need not wait for it either. Of trainings so many at most:
# `admission.py` lets in those that fit
LANES = {"quick": 1, "sound": 1, "listening": 2, "long": 1, "download": 2, TRAINING: 4, FLOW: 4}


@dataclass(frozen=True)
class Waiting:
    """A job in the queue. `batches`: several jobs of its model may run at once. `amount` of work, see `store.py`.

    `is_part`: a flow asked for it, and not a person. `needed_bytes` is what a training is forecast to take.
    """

    job_id: str
    owner: str
    lane: str
    kind: str
    model: str
    batches: bool
    amount: float | None = None
    is_part: bool = False
    needed_bytes: int = 0


class TurnQueue:
    """All waiting jobs. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, deque[Waiting]]] = {}  # lane → owner → jobs; owners in the order of turns
        self._jumps: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(len(line) for lines in self._lines.values() for line in lines.values())

    def put(self, job: Waiting) -> None:
        self._lines.setdefault(job.lane, {}).setdefault(job.owner, deque()).append(job)

    def remove(self, job_id: str) -> bool:
        """True if the job was waiting."""
        for lines in self._lines.values():
            for owner, line in lines.items():
                for job in line:
                    if job.job_id == job_id:
                        line.remove(job)
                        if not line:
                            del lines[owner]
                        return True
        return False

    def take(self, lane: str, loaded: Set[str], only: str | None = None) -> Waiting | None:
        """The next job of a lane, or None.

        `loaded` are the models in memory. `only` names the model that is running, when the lane is busy with a model
        that batches: then only its jobs may join.
        """
        heads = [line[0] for line in self._lines.get(lane, {}).values()]
        if not heads:
            return None
        preferred = {only} if only else loaded
        chosen = heads[0]
        if chosen.model not in preferred:
            may_jump = self._jumps.get(lane, 0) < PREFERENCE_BOUND
            matching = [head for head in heads if head.model in preferred] if may_jump else []
            if matching:
                chosen = matching[0]
                self._jumps[lane] = self._jumps.get(lane, 0) + 1
            elif only:
                return None
        if chosen is heads[0]:
            self._jumps[lane] = 0
        self._serve(chosen)
        return chosen

    def peek(self, lane: str, loaded: Set[str]) -> Waiting | None:
        """Who would be taken, left where it is."""
        return deepcopy(self).take(lane, loaded)

    def ahead(self, job_id: str, loaded: Set[str]) -> list[Waiting] | None:
        """The jobs of the same lane that will have their turn before this one, in order; None if it does not wait."""
        lane = self.lane_of(job_id)
        if lane is None:
            return None
        rehearsal, before = deepcopy(self), []
        while (job := rehearsal.take(lane, loaded)) is not None and job.job_id != job_id:
            before.append(job)
        return before

    def lane_of(self, job_id: str) -> str | None:
        """The lane in which a job waits."""
        return next((job.lane for job in self._all() if job.job_id == job_id), None)

    def drain(self, lanes: Collection[str]) -> list[Waiting]:
        """Take everything out of these lanes."""
        jobs = [job for job in self._all() if job.lane in lanes]
        for lane in lanes:
            self._lines.pop(lane, None)
        return jobs

    def asked_by(self, owner: str) -> int:
        """How many jobs of a person wait, without the parts of flows."""
        return sum(job.owner == owner and not job.is_part for job in self._all())

    def _all(self) -> list[Waiting]:
        return [job for lines in self._lines.values() for line in lines.values() for job in line]

    def _serve(self, job: Waiting) -> None:
        lines = self._lines[job.lane]
        line = lines.pop(job.owner)  # popped and put back: this person's next turn comes after everyone else's
        line.popleft()
        if line:
            lines[job.owner] = line

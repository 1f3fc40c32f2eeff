"""Studies as a person knows them: start, look, train with what was found, delete. Each belongs to its owner; one at a time.

Knows no page and no process; what a study does stands in `study.py`.
"""

import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.study import NotComparable, StudyAtWork
from pipelines.errors.training import RunAtWork
from pipelines.training.space import space_of
from pipelines.training.trainer import find_trainers
from pipelines.types.study import StudyRequest, StudyResult, Trial
from pipelines.types.training import TrainRequest
from studio.jobs.job import Job
from studio.jobs.runs import Runs
from studio.jobs.study import BOOK, FOLDS, best_of, read_book, training_of
from studio.jobs.supervisor import Supervisor

KIND = "study"
MOST_FOLDS = 20


@dataclass(frozen=True)
class Study:
    """`trials` are those so far, one of them perhaps at work; `best` the number of the best one by now."""

    job: Job
    request: StudyRequest
    metric: str
    is_better: str
    trials: tuple[Trial, ...]
    best: int | None

    @property
    def importance(self) -> dict[str, float]:
        return self.job.result.importance if isinstance(self.job.result, StudyResult) else {}


class Studies:
    """All studies of a home. Every method may be called from any thread."""

    def __init__(self, home: Path, jobs: Supervisor, runs: Runs) -> None:
        self._home, self._jobs, self._runs = home, jobs, runs
        self._lock = threading.Lock()
        self._books: dict[str, tuple[tuple[int, int], tuple[Trial, ...]]] = {}  # as they were when they were read

    def start(self, owner: str, request: StudyRequest) -> Job:
        """Raises NotAllowed, what a training of each trainer raises, UnknownSetting, NothingToVary, NotComparable, StudyAtWork."""
        request = replace(request, preset=self._runs.preset(request.preset))
        request.check()
        if request.settings.get(FOLDS) == 1:
            raise SettingOutOfRange(setting=FOLDS, value=1, low=2, high=MOST_FOLDS)
        for trainer in request.trainers:
            if trainer not in find_trainers():
                self._runs.check(owner, request.training(trainer, {}))
            self._runs.check(owner, training_of(request, Trial(0, trainer, {})))
        space_of(request, find_trainers())
        first, *others = (find_trainers()[name] for name in request.trainers)
        for name, other in zip(request.trainers[1:], others, strict=True):
            both = [(one.METRIC, one.IS_BETTER, one.NEEDS_MODEL) for one in (first, other)]
            if both[0] != both[1]:  # on a base a metric is in the base's own terms
                raise NotComparable(first=request.trainers[0], metric=first.METRIC, second=name, other=other.METRIC)
        with self._lock:  # of two presses the second sees what the first has done
            if any(not job.is_ended for job in self._jobs.of_kind(owner, KIND)):
                raise StudyAtWork()
            return self._jobs.submit(owner, request)

    def get(self, owner: str, job_id: str) -> Study:
        """Raises NotFound."""
        job = self._jobs.get(owner, job_id)
        if not isinstance(job.request, StudyRequest):
            raise NotFound(thing="search for settings")
        trainer = find_trainers().get(job.request.trainers[0])
        metric, is_better = (trainer.METRIC, trainer.IS_BETTER) if trainer is not None else ("", "lower")
        trials = self._trials(self._jobs.folder(owner, job_id).path)
        if job.is_ended:
            trials = tuple(trial for trial in trials if trial.state != "running")
        return Study(job, job.request, metric, is_better, trials, best_of(trials, is_better))

    def newest(self, owner: str) -> Study | None:
        """The newest, which is the one at work where one is."""
        jobs = self._jobs.of_kind(owner, KIND)
        return self.get(owner, jobs[0].id) if jobs else None

    def best_training(self, owner: str, job_id: str) -> TrainRequest:
        """What to train with what was found. Raises NotFound, also while nothing was."""
        study = self.get(owner, job_id)
        best = next((trial for trial in study.trials if trial.number == study.best), None)
        if best is None:
            raise NotFound(thing="trial")
        return training_of(study.request, best, keeps_model=True)

    def remove(self, owner: str, job_id: str) -> None:
        """Delete it with its trials; models that were trained with what it found stay. Raises NotFound, RunAtWork."""
        study = self.get(owner, job_id)
        parts = self._jobs.parts(owner, job_id)
        if not study.job.is_ended or any(not part.is_ended for part in parts):
            raise RunAtWork()
        self._jobs.remove(owner, job_id)
        self._books.pop(job_id, None)
        for part in parts:
            self._jobs.remove(owner, part.id)
            shutil.rmtree(self._home / "runs" / part.id, ignore_errors=True)

    def _trials(self, folder: Path) -> tuple[Trial, ...]:
        """Read when they have changed: the page asks every second."""
        try:
            status = (folder / BOOK).stat()
        except FileNotFoundError:
            return ()
        stamp = status.st_mtime_ns, status.st_ino  # every write is another file
        if folder.name not in self._books or self._books[folder.name][0] != stamp:
            self._books[folder.name] = stamp, tuple(entry.trial for entry in read_book(folder))
        return self._books[folder.name][1]

"""The flow of a study: one trial after the other, each a training job, until the best settings are known.

    jobs/<id>/study.json    every trial, written before its training is asked for and after its end; nothing else is remembered

A killed server loses no trial and makes none twice: the training goes on without it, and the next server finds it by what it
was asked for. Knows no page; what comes next is said by `proposing.py`.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors.base import StudioError
from pipelines.errors.storage import StorageError
from pipelines.training.checkpoints import is_whole
from pipelines.training.loop import EVALUATIONS
from pipelines.training.space import space_of
from pipelines.training.trainer import find_trainers, flat
from pipelines.types.events import Progress
from pipelines.types.study import StudyRequest, StudyResult, Trial
from pipelines.types.training import TrainRequest, TrainResult
from studio.files import write_whole
from studio.jobs.curve import Curve
from studio.jobs.flows import Flow, Stopped
from studio.jobs.job import Job
from studio.jobs.proposing import Attempt, Known, Proposing

BOOK = "study.json"
FOLDS, FOLD = "plan.folds", "plan.fold"
FAILURES = 3  # of the first trials: then it is not the settings
LEAST_TO_WEIGH = 4  # trials, for the importance of a setting
WEIGHING_SECONDS = 60.0
NOT_NEEDED = ("checkpoints", "samples")  # of a trial that has ended


@dataclass(frozen=True)
class Entry:
    """A trial in the book: what a person is told, and what the next proposal needs."""

    trial: Trial
    known: Known

    def to_json(self) -> dict[str, Any]:
        return {"trial": asdict(self.trial), "known": asdict(self.known)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Entry":
        known = data["known"]
        values = {int(number): value for number, value in known["values"].items()}
        return cls(Trial(**data["trial"]), Known(**{**known, "values": values}))


def read_book(folder: Path) -> list[Entry]:
    """The trials of the study in this folder of a job, the oldest first."""
    try:
        return [Entry.from_json(one) for one in json.loads((folder / BOOK).read_bytes())["trials"]]
    except FileNotFoundError:
        return []


def training_of(request: StudyRequest, trial: Trial, fold: int = 0, *, keeps_model: bool = False) -> TrainRequest:
    """The training that a trial is, or its fold; with its model, the one to start with what was found, on all the data."""
    known = flat(find_trainers()[trial.trainer].PRESETS["cpu"])
    own = {name: value for name, value in request.settings.items() if name in known}
    if keeps_model:
        own.pop(FOLDS, None)
    elif folds_of(request):
        own[FOLD] = fold
    return request.training(trial.trainer, {**own, **trial.settings}, keeps_model=keeps_model)


def folds_of(request: StudyRequest) -> int:
    """How many trainings a trial is, each measured on another part of the data; 0 where it is one."""
    folds = request.settings.get(FOLDS, 0)
    return folds if isinstance(folds, int) and folds > 1 else 0


def best_of(trials: Sequence[Trial], is_better: str) -> int | None:
    """The number of the best that did all its steps, else of the best that was measured at all."""
    measured = [trial for trial in trials if trial.value is not None]
    whole = [trial for trial in measured if trial.state == "done"] or measured
    if not whole:
        return None
    choose = max if is_better == "higher" else min
    return choose(whole, key=lambda trial: trial.value or 0.0).number


class Studying:
    """Called with a flow whose request is a StudyRequest."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def __call__(self, flow: Flow) -> StudyResult:
        """Stopped, it is what was there by then. Raises what the first trials ended with, where none went well."""
        study = _Study(flow, self._home)
        try:
            await study.go()
            return await study.result("stop")
        except Stopped:
            return await study.result("cancelled")


class _Study:
    def __init__(self, flow: Flow, home: Path) -> None:
        assert isinstance(flow.request, StudyRequest)
        self._flow, self._request = flow, flow.request
        self._folder, self._runs = home / "jobs" / flow.id, home / "runs"
        trainers = find_trainers()
        space = space_of(self._request, trainers)
        first = trainers[self._request.trainers[0]]
        self.metric, self._is_better = first.METRIC, first.IS_BETTER
        self._folds = folds_of(self._request)
        self._proposing = Proposing(
            space, self._request.method, is_higher_better=self._is_better == "higher",
            trials=self._request.trials, seed=self._request.seed, rungs=self._folds or EVALUATIONS,
        )  # fmt: skip
        self._entries = read_book(self._folder)

    async def go(self) -> None:
        # 1 Where was it? A trial that was enough may still be at work; one that has no end goes on
        begun: Entry | None = None
        if self._entries and self._entries[-1].trial.state == "running":
            begun = self._entries.pop()
        elif self._entries:
            self._flow.leave()

        # 2 One trial after the other, within the budget
        while len(self._entries) < self._request.trials and not self.is_over(0.0):
            known = [entry.known for entry in self._entries]
            attempt = await asyncio.to_thread(self._proposing.next, known, begun.known.params if begun else None)
            begun = None
            if attempt is None:  # the grid has no point left
                break
            self._flow.tell(Progress(len(self._entries), self._request.trials, "trials"))
            self._entries.append(await self._tried(attempt))
            self.write()
        self._flow.tell(Progress(len(self._entries), self._request.trials, "trials"))

    async def _tried(self, attempt: Attempt) -> Entry:
        """Raises Stopped, and what the first trials failed with."""
        # 1 Written down first: who comes after a kill asks for the same
        trial = Trial(len(self._entries), attempt.trainer, attempt.settings)
        watching = _Watching(self, attempt, trial, self.metric, self._folds)
        self.write(Entry(trial, attempt.known("running", None)))

        # 2 The training, watched; with folds one after the other, until their mean is hopeless
        try:
            for fold in range(max(self._folds, 1)):
                asked = self._going_on(training_of(self._request, trial, fold))
                job = await self._flow.part(asked, is_enough=watching.is_enough, is_shared=False)
                for name in NOT_NEEDED:
                    shutil.rmtree(self._run(job) / name, ignore_errors=True)
                if watching.has_ended(job):
                    break
        except StorageError:  # the next trial would end like that, too
            raise
        except StudioError as told:
            failed = replace(trial, state="failed", error=told.say("en"))
            if len(self._entries) >= FAILURES - 1 and all(one.trial.state == "failed" for one in self._entries):
                raise
            return Entry(failed, attempt.known("failed", None))

        # 3 What it came to
        return watching.entry()

    def _going_on(self, asked: TrainRequest) -> TrainRequest:
        """The same, from the newest checkpoint of a go at it that was interrupted, as by the end of the whole machine."""
        before = self._flow.interrupted(asked)
        places = (self._run(before) / "checkpoints").glob("step-*") if before is not None else ()
        return replace(asked, run=before.id) if before is not None and any(map(is_whole, places)) else asked

    def _run(self, job: Job) -> Path:
        """The folder of the run that a training worked on."""
        assert isinstance(job.request, TrainRequest)
        return self._runs / (job.request.run or job.id)

    def curve(self, job: Job) -> Curve:
        return Curve(self._run(job) / "metrics.jsonl")

    def is_over(self, seconds: float) -> bool:
        """Whether all trials, and `seconds` of the one at work, have taken the time that there was."""
        spent = sum(entry.trial.seconds for entry in self._entries) + seconds
        return 0 < self._request.minutes * 60 <= spent

    def write(self, *more: Entry) -> None:
        """The book, with the trial at work."""
        trials = [entry.to_json() for entry in (*self._entries, *more)]
        write_whole(self._folder / BOOK, json.dumps({"schema": 1, "trials": trials}).encode())

    async def result(self, reason: Any) -> StudyResult:
        """Of the trials that have ended."""
        trials = tuple(entry.trial for entry in self._entries if entry.trial.state != "running")
        best = best_of(trials, self._is_better)
        weights = await asyncio.to_thread(self._weigh) if reason == "stop" else {}
        seconds = sum(trial.seconds for trial in trials)
        return StudyResult(self.metric, self._is_better, trials, best, weights, reason, seconds)

    def _weigh(self) -> dict[str, float]:
        """How much each setting matters, by those that did all their steps; in a process of its own (see importance.py)."""
        done = [one.known for one in self._entries if one.trial.state == "done" and one.trial.value is not None]
        if len(done) < LEAST_TO_WEIGH:
            return {}
        asked = {
            "is_higher_better": self._is_better == "higher",
            "trials": [{"params": one.params, "value": one.value} for one in done],
        }
        try:
            answer = subprocess.run(
                [sys.executable, "-m", "pipelines.training.importance"],
                input=json.dumps(asked), capture_output=True, text=True, check=True,
                timeout=WEIGHING_SECONDS, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            return dict(json.loads(answer.stdout))
        except (subprocess.SubprocessError, ValueError):  # what was found stands without it
            return {}


class _Watching:
    """A trial on its way: its evaluations are handed on, and it ends when they are hopeless or the time is over.

    Its evaluations are those of its training; with `folds` each is the mean over the trainings so far.
    """

    def __init__(self, study: _Study, attempt: Attempt, trial: Trial, metric: str, folds: int) -> None:
        self._study, self._attempt, self._trial, self._metric, self._folds = study, attempt, trial, metric, folds
        self._curve: Curve | None = None
        self._told = 0  # evaluations
        self._seconds_before = 0.0  # of the folds that have ended
        self._seconds = 0.0
        self._values: list[float] = []  # of the folds
        self._value: float | None = None

    def is_enough(self, job: Job) -> bool:
        """Written down before the training is stopped: who comes after a kill stops it."""
        is_hopeless = self._hear(job)
        if is_hopeless or self._study.is_over(self._seconds):
            self._trial = replace(self._trial, state="pruned" if is_hopeless else "cut")
            self._study.write(self.entry())
        return self._trial.state != "running"

    def has_ended(self, job: Job) -> bool:
        """Take in a training that has ended; whether the trial has, too."""
        # 1 What was measured, and how long it took
        self._hear(job)
        if job.started and job.ended:
            self._seconds = self._seconds_before + job.ended - job.started
        self._seconds_before, self._curve = self._seconds, None
        if self._trial.state != "running":
            return True
        result = job.result
        if isinstance(result, TrainResult) and self._metric in result.metrics:
            self._values.append(result.metrics[self._metric])
            self._value = sum(self._values) / len(self._values)

        # 2 Is there another fold?
        is_hopeless = bool(self._folds and self._value is not None) and self._tell(self._value or 0.0)
        is_last = len(self._values) >= self._folds
        if is_last or is_hopeless:
            self._trial = replace(self._trial, state="done" if is_last else "pruned")
        return is_last or is_hopeless

    def entry(self) -> Entry:
        """Its place in the book."""
        trial = replace(self._trial, value=self._value, seconds=round(self._seconds, 2))
        return Entry(trial, self._attempt.known(trial.state, self._value))

    def _hear(self, job: Job) -> bool:
        """Hand on what was measured since the last time, the untrained network left out; whether it is hopeless."""
        self._curve = self._curve or self._study.curve(job)
        rows = [row for row in self._curve.read() if row["step"] > 0]
        self._seconds = self._seconds_before + (float(rows[-1].get("seconds", 0.0)) if rows else 0.0)
        if self._folds:
            return False
        measured = [row[self._metric] for row in rows if isinstance(row.get(self._metric), int | float)]
        return any(self._tell(value) for value in measured[self._told :])

    def _tell(self, value: float) -> bool:
        self._told, self._value = self._told + 1, value
        return self._attempt.is_hopeless(self._told, value)

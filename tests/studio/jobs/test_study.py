"""A study from its start to its end: real trials, a server that is killed in the middle, what is given up, and whose it is."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipelines.errors.access import NotFound
from pipelines.errors.requests import MalformedRequest, SettingOutOfRange
from pipelines.errors.runs import RunPaused
from pipelines.errors.storage import DiskFull
from pipelines.errors.study import NotComparable, StudyAtWork
from pipelines.errors.training import RunAtWork, UnknownSetting, UnknownTrainer, WrongData, WrongSetting
from pipelines.training import checkpoints
from pipelines.training.space import space_of
from pipelines.training.trainer import find_trainers
from pipelines.types.study import StudyRequest, StudyResult, Trial
from pipelines.types.training import TrainRequest, TrainResult
from studio.jobs import study
from studio.jobs.flows import Flow
from studio.jobs.folder import End, JobFolder
from studio.jobs.proposing import Proposing
from studio.jobs.study import BOOK, Entry, Studying, read_book
from studio.services import Services
from tests.studio.jobs.conftest import ANN, BO, Open
from tests.studio.jobs.headless import OWNER
from tests.studio.jobs.kills import Headless
from tests.studio.jobs.test_training import TINY, nobody_stays_behind, wait_for

__all__ = ["nobody_stays_behind"]  # whatever a test leaves at work is ended

SETTINGS = {name: value for name, value in TINY.items() if name != "batch"}
DIGITS = StudyRequest(
    ("cnn",), "digits", {**SETTINGS, "plan.steps": 20}, "cpu", vary=("plan.learning_rate", "batch"), trials=20
)

KNOWN = 12  # trials, so that each bracket of Hyperband has some


def test_a_study_whose_server_is_killed_loses_no_trial_and_makes_none_twice(
    tmp_path: Path, open_services: Open
) -> None:
    """A trial of two folds: two trainings, each measured on another half."""
    # 1 A server is killed in the middle of the first one, which goes on
    server = Headless(tmp_path / "home")
    study_id = server.ask(study={**SETTINGS, "plan.steps": 100, "plan.folds": 2})["job"]
    runs = tmp_path / "home" / "runs"
    wait_for(lambda: any(len(path.read_text().splitlines()) > 2 for path in runs.glob("*/metrics.jsonl")))
    (first,) = (path.name for path in runs.iterdir())
    server.process.kill()
    server.process.wait()

    # 2 The next server goes on with it
    services = open_services()
    assert services.studies.newest(OWNER).job.id == study_id  # type: ignore[union-attr]
    with pytest.raises(StudyAtWork):
        services.studies.start(OWNER, DIGITS)
    wait_for(lambda: services.jobs.get(OWNER, study_id).is_ended)
    found = services.studies.get(OWNER, study_id)
    assert found.job.state == "done" and isinstance(found.job.result, StudyResult)
    (trial,) = found.trials
    parts = services.jobs.parts(OWNER, study_id)
    assert trial.state == "done" and [part.state for part in parts] == ["done", "done"] and parts[0].id == first

    # 3 What it came to: the mean of what was measured, no model, nothing that is not needed
    values = []
    for fold, part in enumerate(parts):
        assert isinstance(part.request, TrainRequest) and isinstance(part.result, TrainResult)
        assert part.request.settings == {
            **SETTINGS,
            "plan.steps": 100,
            "plan.folds": 2,
            "plan.fold": fold,
            **trial.settings,
        }
        assert not (runs / part.id / "checkpoints").exists() and (runs / part.id / "metrics.jsonl").exists()
        values.append(part.result.metrics["accuracy"])
    assert found.best == 0 and trial.value == pytest.approx(sum(values) / 2) and trial.settings.keys() == {"batch"}
    assert not (tmp_path / "home" / "models").exists() or not list((tmp_path / "home" / "models").glob("cnn*"))
    assert services.runs.of_owner(OWNER) == [] and len(services.jobs.recent(OWNER)) == 1
    asked = services.studies.best_training(OWNER, study_id)
    assert asked.keeps_model and asked.settings == {**SETTINGS, "plan.steps": 100, **trial.settings}, "on all the data"

    # 4 It is one person's, and goes with its trials
    with pytest.raises(NotFound):
        services.studies.get(BO, study_id)
    services.studies.remove(OWNER, study_id)
    assert services.studies.newest(OWNER) is None and list(runs.iterdir()) == []


def known_trials(count: int) -> list[Entry]:
    """Trials that all came to 0.99 at once."""
    space, entries = space_of(DIGITS, find_trainers()), list[Entry]()
    proposing = Proposing(space, "tpe", is_higher_better=True, trials=DIGITS.trials, seed=0, rungs=10)
    for number in range(count):
        attempt = proposing.next([entry.known for entry in entries])
        assert attempt is not None
        for step in range(1, 11):
            attempt.is_hopeless(step, 0.99)
        trial = Trial(number, "cnn", attempt.settings, "done", 0.99, seconds=30.0)
        entries.append(Entry(trial, attempt.known("done", 0.99)))
    return entries


def trial_that_measures(
    services: Services, request: StudyRequest, values: list[float], *, is_hopeless: bool = True
) -> tuple[Trial, StudyResult]:
    """What becomes of a trial after those good ones, when it measures `values`; then its study is stopped.

    No worker is started: its training waits, and its curve is written here.
    """
    home = services.settings.home
    folder = JobFolder.create(home / "jobs", ANN, request)
    entries = known_trials(KNOWN)
    (folder.path / BOOK).write_text(json.dumps({"trials": [entry.to_json() for entry in entries]}))

    async def go() -> StudyResult:
        with folder.writer() as events:
            flow = Flow(services.jobs, services.creations, folder, folder.spec(), events, asyncio.Lock())
            work = asyncio.create_task(Studying(home)(flow))
            while not (waiting := [row for row in services.jobs.unfinished() if row.flow == folder.id]):
                await asyncio.sleep(0.02)
            run = home / "runs" / waiting[0].id
            run.mkdir(parents=True)
            rows = [{"step": 2 * place, "accuracy": one, "seconds": 30.0} for place, one in enumerate(values, 1)]
            (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            if is_hopeless:
                while not work.done() and read_book(folder.path)[KNOWN].trial.state == "running":
                    await asyncio.sleep(0.05)
            folder.ask_to_cancel()
            return await work

    result = asyncio.run(asyncio.wait_for(go(), 60))
    assert not [row for row in services.jobs.unfinished() if row.flow == folder.id], "nobody works on"
    return read_book(folder.path)[KNOWN].trial, result


def test_a_hopeless_trial_ends_early_and_stop_keeps_what_there_is(open_services: Open) -> None:
    services = open_services(is_started=False)
    bad, result = trial_that_measures(services, DIGITS, [0.1] * 9)
    assert (bad.state, bad.value) == ("pruned", 0.1)
    assert result.finish_reason == "cancelled" and result.best == 0 and len(result.trials) == KNOWN + 1
    good, result = trial_that_measures(services, DIGITS, [0.99, 0.99], is_hopeless=False)
    assert good.state == "running", "nothing was wrong with it when Stop was pressed"
    assert [trial.state for trial in result.trials] == ["done"] * KNOWN


def test_a_disk_that_is_full_leaves_no_training_at_work(open_services: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    services, write = open_services(is_started=False), study.write_whole

    def write_until_it_is_hopeless(path: Path, data: bytes) -> None:
        if b"pruned" in data:
            raise DiskFull(path=str(path))
        write(path, data)

    monkeypatch.setattr(study, "write_whole", write_until_it_is_hopeless)
    with pytest.raises(DiskFull):
        trial_that_measures(services, DIGITS, [0.1] * 9)
    assert not [row for row in services.jobs.unfinished() if row.kind == "train"]


async def asked_for(services: Services, folder: JobFolder) -> str:
    """The id of the training that a study asks for; then its server closes."""
    with folder.writer() as events:
        flow = Flow(services.jobs, services.creations, folder, folder.spec(), events, asyncio.Lock())
        work = asyncio.create_task(Studying(services.settings.home)(flow))
        while not (waiting := [row for row in services.jobs.unfinished() if row.flow == folder.id]):
            await asyncio.sleep(0.02)
        flow.is_closing = True
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return waiting[0].id


def test_a_trial_that_was_interrupted_with_its_machine_goes_on_from_its_checkpoint(open_services: Open) -> None:
    services = open_services(is_started=False)
    home = services.settings.home
    folds = replace(DIGITS, settings={**DIGITS.settings, "plan.folds": 2})
    folder = JobFolder.create(home / "jobs", ANN, folds)
    first = newest = asyncio.run(asyncio.wait_for(asked_for(services, folder), 60))
    checkpoints.save(home / "runs" / first / "checkpoints", 5, {"value": torch.zeros(2)})
    for _ in range(3):  # oftener than a part is asked for that takes its machine down by itself
        JobFolder(home / "jobs" / newest).finish(End("interrupted", None, RunPaused(step=5), 1.0, 2.0))
        services.close()
        services = open_services(is_started=False)
        newest = asyncio.run(asyncio.wait_for(asked_for(services, folder), 60))
        asked = services.jobs.get(ANN, newest).request
        assert isinstance(asked, TrainRequest) and asked.run == first != newest and asked.settings["plan.fold"] == 0
        (entry,) = read_book(folder.path)
        assert entry.trial.settings.items() <= asked.settings.items()


def test_when_the_time_is_over_the_trial_at_work_is_cut_short(open_services: Open) -> None:
    short = replace(DIGITS, minutes=KNOWN / 2 + 0.25)  # each took half a minute
    trial, result = trial_that_measures(open_services(is_started=False), short, [0.99])
    assert (trial.state, trial.value) == ("cut", 0.99)
    assert result.finish_reason == "stop" and len(result.trials) == KNOWN + 1 and result.best == 0


def test_what_cannot_be_searched_for_is_refused_before_it_begins(open_services: Open) -> None:
    services = open_services(is_started=False)
    for request, error in (
        (replace(DIGITS, trainers=("cnn", "nobody")), UnknownTrainer),
        (replace(DIGITS, trainers=("cnn", "vae"), settings={}), NotComparable),
        (
            replace(DIGITS, trainers=("lstm", "causal_lm"), dataset="python_docs", base="a/b", settings={}),
            NotComparable,
        ),
        (replace(DIGITS, trainers=("cnn", "lstm"), settings={}), WrongData),
        (replace(DIGITS, trainers=()), MalformedRequest),
        (replace(DIGITS, trials=0), SettingOutOfRange),
        (replace(DIGITS, settings={"plan.steps": 10**9}), SettingOutOfRange),
        (replace(DIGITS, settings={"plan.folds": 1}), SettingOutOfRange),
        (replace(DIGITS, settings={"width": "x"}), WrongSetting),
        (replace(DIGITS, settings={"depth": 3}), UnknownSetting),
    ):
        with pytest.raises(error):
            services.studies.start(ANN, request)
    assert services.jobs.of_kind(ANN, "study") == []
    job = services.studies.start(ANN, DIGITS)
    with pytest.raises(RunAtWork):
        services.studies.remove(ANN, job.id)
    with pytest.raises(NotFound):
        services.studies.best_training(ANN, job.id)

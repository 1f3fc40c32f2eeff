"""The endpoints for training, for clients: start, stop, go on. How a run is doing, `/job` tells."""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.training import SettingsNotJson
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import find_trainers, flat
from pipelines.types.study import StudyRequest
from pipelines.types.training import Setting, TrainRequest, TrainResult
from studio.jobs.comparing import Side, compare
from studio.jobs.job import Job
from studio.services import Services
from studio.ui.components import first_model
from studio.ui.i18n import language
from studio.ui.training.comparison import verdicts


class TrainingEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def train(
        self,
        request: gr.Request,
        trainer: str,
        dataset: str = "",
        settings: dict[str, Setting] | str | None = None,
        preset: str = "",
        model: str = "",
        name: str = "",
    ) -> str:
        """Train a model, as a run that goes on without you. Ask /job how it is doing.

        Args:
            trainer: what to train, such as cnn, vae, dcgan, char_transformer
            dataset: what it learns from, such as digits, mnist5k, openmoji; empty takes the first that suits
            settings: what shall differ from the preset, as JSON, such as {"steps": 600, "batch": 32}
            preset: cpu or gpu; empty takes what suits this machine
            model: the base, for a trainer that goes on from a model; empty takes the starter
            name: what the run and its model are called

        Returns:
            the id of the job
        """
        owner = self._services.identity.who(request)
        asked = TrainRequest(
            trainer=trainer,
            dataset=dataset or _first_dataset(trainer),
            settings=_spelled_out(trainer, settings),
            preset=preset,  # type: ignore[arg-type]  # whatever it is, the request is read as JSON and checked
            model=model or self._first_base(trainer),
            name=name,
        )
        return self._services.runs.start(owner, asked).id

    def _first_base(self, trainer: str) -> str:
        """ "" for a trainer that needs none."""
        module = find_trainers().get(trainer)
        return (first_model(self._services, module.BASES[0]) or "") if module is not None and module.NEEDS_MODEL else ""

    def stop_training(self, request: gr.Request, job_id: str, save: bool = True) -> dict[str, Any]:
        """Stop a training at its next step. One that has ended stays as it is.

        Args:
            job_id: the id of the job
            save: whether a checkpoint is written first, from which it can go on

        Returns:
            the id and the state of the job; it ends within seconds
        """
        owner, runs = self._services.identity.who(request), self._services.runs
        runs.stop(owner, runs.of_job(owner, job_id).id, save=save)
        job = self._services.jobs.get(owner, job_id)
        return {"id": job.id, "state": job.state, **training_facts(self._services, job)}

    def resume_training(self, request: gr.Request, job_id: str) -> str:
        """Go on with a training from its newest whole checkpoint.

        Args:
            job_id: the id of a job that worked on it

        Returns:
            the id of the new job
        """
        owner, runs = self._services.identity.who(request), self._services.runs
        return runs.resume(owner, runs.of_job(owner, job_id).id).id

    def search_settings(
        self,
        request: gr.Request,
        trainer: str,
        dataset: str = "",
        trials: int = 12,
        minutes: float = 0.0,
        vary: list[str] | None = None,
        ranges: dict[str, tuple[float, float]] | None = None,
        settings: dict[str, Setting] | None = None,
        families: list[str] | None = None,
        method: str = "tpe",
        preset: str = "",
        model: str = "",
        seed: int = 0,
        name: str = "",
    ) -> str:
        """Search for the best settings of a training: several trainings with other settings, one after the other. /job tells how
        it is doing, under "trials", and /cancel_job stops it and keeps what it found.

        Args:
            trainer: what to train, such as cnn, lstm
            dataset: what it learns from; empty takes the first that suits
            trials: how many at most, 1 to 200
            minutes: of work at most; 0 for no limit
            vary: the settings that change, such as ["plan.learning_rate", "batch"]; none takes these two
            ranges: bounds of your own, such as {"plan.learning_rate": [0.0001, 0.01]}
            settings: what holds for all trials, such as {"plan.steps": 200}
            families: other trainers to choose between, judged by the same metric
            method: tpe (with Hyperband), random or grid
            preset: cpu or gpu; empty takes what suits this machine
            model: the base, for a trainer that goes on from a model
            seed: the same seed and results give the same trials
            name: what it is called

        Returns:
            the id of the job
        """
        owner = self._services.identity.who(request)
        asked = StudyRequest(
            (trainer, *(families or [])),
            dataset or _first_dataset(trainer),
            settings or {},
            preset,  # type: ignore[arg-type]  # whatever it is, the request is read as JSON and checked
            model,
            tuple(vary or ()),
            ranges or {},
            method,  # type: ignore[arg-type]
            trials,
            minutes,
            seed,
            name,
        )
        return self._services.studies.start(owner, asked).id

    def compare_runs(self, request: gr.Request, job_ids: list[str]) -> dict[str, Any]:
        """Lay two trainings or more beside each other: how each does on held-out data, what they were set to, and whether the
        difference may be chance.

        Args:
            job_ids: an id of a job of each, two to six

        Returns:
            "runs": metric, value and 95 % interval of each, and whether on the part kept for the test; "differing": the settings that are not the same; "verdicts": the best
            against each of the others, in words too
        """
        owner, runs = self._services.identity.who(request), self._services.runs
        found = compare(runs, owner, [runs.of_job(owner, job_id).id for job_id in job_ids])
        return {
            "runs": [_compared(side) for side in found.sides],
            "differing": {name: list(row) for name, row in found.differing.items()},
            "verdicts": [asdict(verdict) for verdict in found.verdicts],
            "words": verdicts(found, language(request)),
        }


def _compared(side: Side) -> dict[str, Any]:
    about = {"run": side.run.id, "name": side.run.request.title(), "state": side.run.state, "metric": side.metric}
    interval = asdict(side.interval) if side.interval else None
    return {
        **about,
        "is_better": side.is_better,
        "value": side.value,
        "interval": interval,
        "is_tested": side.is_tested,
    }


def training_facts(services: Services, job: Job) -> dict[str, Any]:
    """What a training adds to a job as JSON: how far it is, the newest of each metric, the run, the finished model.

    Of another job all of it is null; of a search for settings its trials stand there.
    """
    nothing = {"step": None, "metrics": None, "run": None, "model": None}
    if isinstance(job.request, StudyRequest):
        return {**nothing, **study_facts(services, job)}
    if not isinstance(job.request, TrainRequest):
        return nothing
    result = job.result if isinstance(job.result, TrainResult) else None
    try:
        run = services.runs.of_job(job.owner, job.id)
    except NotFound:  # it was deleted
        return nothing
    metrics = {name: value for row in services.runs.curve(run) for name, value in row.items() if name != "step"}
    metrics |= {name: value for name, value in result.metrics.items() if name.startswith("test_")} if result else {}
    step = result.step if result is not None else max((row["step"] for row in services.runs.curve(run)), default=0)
    return {"step": step, "metrics": metrics, "run": run.id, "model": result.model if result else None}


def study_facts(services: Services, job: Job) -> dict[str, Any]:
    """The trials of a search for settings, the number of the best one, and how much each setting matters."""
    study = services.studies.get(job.owner, job.id)
    trials = [asdict(trial) for trial in study.trials]
    return {"trials": trials, "best": study.best, "metric": study.metric, "importance": study.importance}


def _spelled_out(trainer: str, settings: object) -> Any:
    """Settings as they are called in a request; "steps" is "plan.steps" where no other ends so, unless both are there.

    Raises SettingsNotJson.
    """
    if isinstance(settings, str) and settings:
        try:
            settings = json.loads(settings)
        except ValueError as error:
            raise SettingsNotJson() from error
    module = find_trainers().get(trainer)
    if module is None or not isinstance(settings, dict):
        return settings or {}
    names = flat(module.PRESETS["cpu"])
    ends = Counter(name.rpartition(".")[2] for name in names)
    whole = {name.rpartition(".")[2]: name for name in names if ends[name.rpartition(".")[2]] == 1}
    return {name if whole.get(name, name) in settings else whole.get(name, name): settings[name] for name in settings}


def _first_dataset(trainer: str) -> str:
    """ "" for a trainer that there is none of: `Runs.start` says so."""
    module = find_trainers().get(trainer)
    return next((name for name, one in find_datasets().items() if module is not None and serves(one, module)), "")

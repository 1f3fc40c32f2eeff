"""The endpoints for training, for clients: start, stop, go on. How a run is doing, `/job` tells."""

from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import find_trainers
from pipelines.types.training import Setting, TrainRequest, TrainResult
from studio.jobs.job import Job
from studio.services import Services


class TrainingEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def train(
        self,
        request: gr.Request,
        trainer: str,
        dataset: str = "",
        settings: dict[str, Setting] | None = None,
        preset: str = "",
        model: str = "",
        name: str = "",
    ) -> str:
        """Train a model, as a run that goes on without you. Ask /job how it is doing.

        Args:
            trainer: what to train, such as cnn, vae, dcgan, char_transformer
            dataset: what it learns from, such as digits, mnist5k, openmoji; empty takes the first that suits
            settings: what shall differ from the preset, such as {"plan.steps": 600, "batch": 32}
            preset: cpu or gpu; empty takes what suits this machine
            model: the base, for a trainer that goes on from a model
            name: what the run and its model are called

        Returns:
            the id of the job
        """
        owner = self._services.identity.who(request)
        asked = TrainRequest(
            trainer=trainer,
            dataset=dataset or _first_dataset(trainer),
            settings=settings or {},
            preset=preset,  # type: ignore[arg-type]  # whatever it is, the request is read as JSON and checked
            model=model,
            name=name,
        )
        return self._services.runs.start(owner, asked).id

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


def training_facts(services: Services, job: Job) -> dict[str, Any]:
    """What a training adds to a job as JSON: how far it is, the newest of each metric, the run, the finished model.

    Of another job all of it is null.
    """
    nothing = {"step": None, "metrics": None, "run": None, "model": None}
    if not isinstance(job.request, TrainRequest):
        return nothing
    result = job.result if isinstance(job.result, TrainResult) else None
    try:
        run = services.runs.of_job(job.owner, job.id)
    except NotFound:  # it was deleted
        return nothing
    metrics = {name: value for row in services.runs.curve(run) for name, value in row.items() if name != "step"}
    step = result.step if result is not None else max((row["step"] for row in services.runs.curve(run)), default=0)
    return {"step": step, "metrics": metrics, "run": run.id, "model": result.model if result else None}


def _first_dataset(trainer: str) -> str:
    """ "" for a trainer that there is none of: `Runs.start` says so."""
    module = find_trainers().get(trainer)
    return next((name for name, one in find_datasets().items() if module is not None and serves(one, module)), "")

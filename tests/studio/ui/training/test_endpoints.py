"""The endpoints for training, called by a client against a real server: start, ask, stop, go on; and every refusal plainly."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from pipelines.types.training import TrainRequest
from studio.identity import Identity
from studio.services import Services
from studio.settings import Settings
from studio.ui.training.endpoints import TrainingEndpoints
from tests.server import StudioServer

TINY = {"side": 16, "width": 4, "stages": 1, "batch": 8, "plan.steps": 20}
ANN = Identity.new_visitor()
NOBODYS_JOB = "0" * 32
PATIENCE_SECONDS = 300.0


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    server = StudioServer(tmp_path_factory.mktemp("studio") / "home").start(is_worker_awaited=False)
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def client(studio: StudioServer) -> Client:
    return client_of(studio)


def client_of(studio: StudioServer) -> Client:
    token = Identity(studio.home).api_token(Identity.new_visitor())
    return Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)


def wait_until(client: Client, job_id: str, is_true: Callable[[dict], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true(job := client.predict(job_id=job_id, api_name="/job")):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
    return job


def test_a_training_is_started_asked_after_stopped_and_goes_on(client: Client) -> None:
    job_id = client.predict("cnn", "digits", {**TINY, "plan.steps": 100_000}, api_name="/train")
    job = wait_until(client, job_id, lambda job: job["state"] == "running" and job["step"] > 0)
    assert job["metrics"]["loss"] > 0 and 0 <= job["metrics"]["accuracy"] <= 1 and job["run"] == job_id
    stopped = client.predict(job_id=job_id, save=True, api_name="/stop_training")
    assert stopped["id"] == job_id
    job = wait_until(client, job_id, lambda job: job["ended"] is not None)
    assert job["state"] == "done" and job["step"] > 0 and job["model"] == ""
    resumed = client.predict(job_id=job_id, api_name="/resume_training")
    assert resumed != job_id
    further = wait_until(client, resumed, lambda other: other["step"] > job["step"])
    assert further["run"] == job_id
    client.predict(job_id=resumed, save=False, api_name="/stop_training")
    assert wait_until(client, resumed, lambda job: job["ended"] is not None)["state"] == "cancelled"


def test_a_training_that_is_left_alone_ends_with_a_model(client: Client) -> None:
    settings = json.dumps({"steps" if name == "plan.steps" else name: value for name, value in TINY.items()})
    job_id = client.predict(trainer="cnn", settings=settings, name="By a client", api_name="/train")
    job = wait_until(client, job_id, lambda job: job["ended"] is not None)
    assert job["state"] == "done" and job["step"] == 20 and job["model"] == "by-a-client"
    assert {"accuracy", "baseline_accuracy"} <= set(job["metrics"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"trainer": "nobody"}, "no trainer"),
        ({"trainer": "../../etc/passwd"}, "could not be read"),
        ({"trainer": "cnn", "dataset": "nothing"}, "no data set"),
        ({"trainer": "cnn", "settings": {"plan.steps": 0}}, "between"),
        ({"trainer": "cnn", "settings": {"plan.steps": "$(touch X)"}}, "whole number"),
        ({"trainer": "cnn", "settings": {"--output_dir": "/"}}, "no setting"),
        ({"trainer": "cnn", "settings": {"plan.steps": [1]}}, "settings"),
        ({"trainer": "cnn", "settings": ["plan.steps"]}, "settings"),
        ({"trainer": "cnn", "settings": "plan.steps=3"}, 'like {"steps": 600'),
        ({"trainer": "cnn", "settings": {"steps": 3, "plan.steps": 4}}, "no setting"),
        ({"trainer": "cnn", "settings": {"steps": 0}}, "plan.steps"),
        ({"trainer": "cnn", "preset": "tpu"}, "preset"),
        ({"trainer": "cnn", "name": "x" * 1000}, "characters"),
    ],
)
def test_what_cannot_be_trained_is_refused_plainly(client: Client, arguments: dict, said: str) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(**arguments, api_name="/train")
    words = str(refused.value)
    assert said in words and "Traceback" not in words and "pydantic" not in words


@pytest.mark.parametrize(("trainer", "base"), [("causal_lm", "smollm2-135m-instruct"), ("image_lora", "openmoji-128")])
def test_a_base_that_is_not_named_is_the_starter(
    trainer: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))  # nothing is started: it waits
    monkeypatch.setattr(services.identity, "who", lambda request: ANN)
    job_id = TrainingEndpoints(services).train(None, trainer, settings={"steps": 3})  # type: ignore[arg-type]
    request = services.jobs.folder(ANN, job_id).spec().request
    assert isinstance(request, TrainRequest) and (request.model, request.settings) == (base, {"plan.steps": 3})
    services.close()


def test_somebody_elses_training_is_nobodys_business(studio: StudioServer, client: Client) -> None:
    job_id = client.predict("cnn", "digits", TINY, api_name="/train")
    other = client_of(studio)
    for name in ("/job", "/stop_training", "/resume_training"):
        for asked in (job_id, NOBODYS_JOB):
            with pytest.raises(AppError, match="does not exist"):
                other.predict(job_id=asked, api_name=name)
    wait_until(client, job_id, lambda job: job["ended"] is not None)


def test_a_public_demo_trains_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("demo") / "home"
    server = StudioServer(home, SPACE_ID="someone/demo").start(is_worker_awaited=False)
    try:
        with pytest.raises(AppError, match="models are not trained here"):
            client_of(server).predict("cnn", "digits", TINY, api_name="/train")
    finally:
        server.stop()


def test_a_search_for_settings_is_started_asked_after_and_stopped(client: Client) -> None:
    settings = {**TINY, "plan.steps": 1_000_000}
    job_id = client.predict(
        "cnn", "digits", trials=3, settings=settings, ranges={"width": [4, 8]}, api_name="/search_settings"
    )
    job = wait_until(client, job_id, lambda job: bool(job["trials"]))
    assert job["trials"][0]["trainer"] == "cnn" and 4 <= job["trials"][0]["settings"]["width"] <= 8
    client.predict(job_id=job_id, api_name="/cancel_job")
    job = wait_until(client, job_id, lambda job: job["ended"] is not None)
    assert job["state"] == "cancelled" and job["best"] is None and job["importance"] == {}
    with pytest.raises(AppError, match="no setting"):
        client.predict("cnn", "digits", vary=["depth"], api_name="/search_settings")


def test_two_runs_are_laid_beside_each_other(client: Client) -> None:
    jobs = [client.predict("cnn", "digits", {**TINY, "batch": batch}, api_name="/train") for batch in (8, 9)]
    found = client.predict(job_ids=jobs, api_name="/compare_runs")
    assert [one["metric"] for one in found["runs"]] == ["accuracy"] * 2 and found["differing"] == {"batch": [8, 9]}
    assert len(found["words"]) == 1
    for job_id in jobs:
        client.predict(job_id=job_id, save=False, api_name="/stop_training")
    with pytest.raises(AppError, match="two runs"):
        client.predict(job_ids=jobs[:1], api_name="/compare_runs")

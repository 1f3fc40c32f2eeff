"""The named endpoints, called by a client against a real server: good calls, and every kind of bad one said plainly."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from studio.identity import Identity
from tests.server import StudioServer

NOBODYS_JOB = "0" * 32


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    server = StudioServer(tmp_path_factory.mktemp("studio") / "home").start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


def client_of(studio: StudioServer, owner: str) -> Client:
    token = Identity(studio.home).api_token(owner)
    patient = {"timeout": 60.0}  # eight answers at once leave the server little of two cores
    return Client(studio.url, headers={"Authorization": f"Bearer {token}"}, httpx_kwargs=patient, verbose=False)


@pytest.fixture(scope="module")
def me() -> str:
    return Identity.new_visitor()


@pytest.fixture(scope="module")
def client(studio: StudioServer, me: str) -> Client:
    return client_of(studio, me)


def refusal(client: Client, name: str, *values: Any) -> str:
    """What a call is refused with."""
    with pytest.raises(AppError) as refused:
        client.predict(*values, api_name=name)
    said = str(refused.value)
    assert "Traceback" not in said and "upstream" not in said and "pydantic" not in said
    return said


def jobs_of(studio: StudioServer, owner: str) -> list[dict]:
    specs = [json.loads(path.read_text()) for path in (studio.home / "jobs").glob("*/request.json")]
    return sorted((spec for spec in specs if spec["owner"] == owner), key=lambda spec: spec["created"])


def conversations_of(studio: StudioServer, owner: str) -> list[str]:
    return [path.stem for path in (studio.home / "conversations").glob("*.jsonl") if owner in path.read_text()]


def test_generate_text_is_the_same_for_the_same_seed(client: Client) -> None:
    asked = {"prompt": "Name a colour.", "max_new_tokens": 12, "temperature": 0.8, "seed": 7}
    first = client.predict(**asked, api_name="/generate_text")
    assert first and client.predict(**asked, api_name="/generate_text") == first


def test_chat_goes_on_where_it_was(studio: StudioServer, client: Client, me: str) -> None:
    answer, conversation = client.predict(message="My name is Ada.", api_name="/chat")
    again, same = client.predict("What is my name?", conversation, api_name="/chat")
    assert answer and again and same == conversation
    messages = jobs_of(studio, me)[-1]["request"]["messages"]
    assert [message["text"] for message in messages] == ["My name is Ada.", answer, "What is my name?"]


def test_list_models_names_the_starter(client: Client) -> None:
    models = {model["id"]: model for model in client.predict(api_name="/list_models")}
    assert models["smollm2-135m-instruct"]["is_on_disk"] is True
    assert "chat" in models["smollm2-135m-instruct"]["tasks"]


def test_job_tells_the_text_and_the_figures_of_what_has_ended(studio: StudioServer, client: Client, me: str) -> None:
    text = client.predict("Name a river.", max_new_tokens=8, seed=3, api_name="/generate_text")
    job = client.predict(jobs_of(studio, me)[-1]["id"], api_name="/job")
    assert (job["state"], job["text"], job["seed"], job["place"]) == ("done", text, 3, None)
    assert client.predict(job["id"], api_name="/cancel_job") == job, "what has ended stays as it is"


def test_a_waiting_job_tells_its_place_and_is_cancelled(studio: StudioServer, client: Client) -> None:
    """Nine long stories: eight fit into one batch, so the last one waits."""
    crowd = [client_of(studio, Identity.new_visitor()) for _ in range(2)]
    story = {"prompt": "Tell a very long story about a river.", "max_new_tokens": 4000, "api_name": "/generate_text"}
    running = [crowd[n % 2].submit(**story, seed=n) for n in range(8)]
    waiting = Identity.new_visitor()
    waiting_client = client_of(studio, waiting)
    while studio.health()["running"] < 8:
        assert not all(call.done() for call in running)
    (worker,) = studio.worker_pids()
    os.kill(worker, signal.SIGSTOP)  # a story may end early: so none of them does
    try:
        last = waiting_client.submit(**story, seed=9)
        while not jobs_of(studio, waiting):
            assert not last.done()
        job_id = jobs_of(studio, waiting)[-1]["id"]
        job = waiting_client.predict(job_id, api_name="/job")
        assert job["state"] == "queued" and job["place"]["ahead"] == 8
        stopped = waiting_client.predict(job_id, api_name="/cancel_job")
        assert stopped["state"] == "cancelled" and stopped["place"] is None
    finally:
        os.kill(worker, signal.SIGCONT)
    for path in (studio.home / "jobs").iterdir():
        (path / "cancel").touch()
    for call in running:
        call.result(timeout=60)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("/generate_text", [None], "prompt"),
        ("/generate_text", [5], "prompt"),
        ("/generate_text", [{"a": 1}], "prompt"),
        ("/generate_text", [""], "nothing to work on"),
        ("/generate_text", ["x " * 300_000], "the limit is 400,000"),
        ("/generate_text", ["Hi", 5], "model"),
        ("/generate_text", ["Hi", "no such model"], "no model called"),
        ("/generate_text", ["Hi", "a\0b"], "no model called"),
        ("/generate_text", ["Hi", "../../etc/passwd"], "no model called"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", "many"], "max_new_tokens"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 0], "max_new_tokens"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 10**30], "max_new_tokens"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 8, "hot"], "temperature"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 8, 1e300], "temperature"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 8, 0.5, "abc"], "seed"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 8, 0.5, -1], "seed"),
        ("/generate_text", ["Hi", "smollm2-135m-instruct", 8, 0.5, 2**80], "seed"),
        ("/chat", [5], "message"),
        ("/chat", [None], "message"),
        ("/chat", ["  "], "nothing to work on"),
        ("/chat", ["Hi", 5], "conversation_id"),
        ("/chat", ["Hi", "../secret"], "does not exist"),
        ("/chat", ["Hi", "f" * 32], "does not exist"),
        ("/job", [5], "job_id"),
        ("/job", [None], "job_id"),
        ("/job", [""], "does not exist"),
        ("/job", ["../" * 10], "does not exist"),
        ("/job", [NOBODYS_JOB], "does not exist"),
        ("/cancel_job", [["a"]], "job_id"),
        ("/cancel_job", [NOBODYS_JOB], "does not exist"),
        ("/make_film", [" "], "nothing to work on"),
        ("/make_film", ["a fox", 0], "count"),
        ("/make_film", ["a fox", "many"], "scenes"),
        ("/make_film", ["[fox]\n\n[]"], "Scene 2 has neither"),
        ("/make_film", ["a fox", 4, "", "round"], "shape"),
    ],
)
def test_bad_calls_are_refused_plainly(client: Client, name: str, values: list, said: str) -> None:
    assert said in refusal(client, name, *values)


def test_a_refused_message_leaves_no_conversation(studio: StudioServer, client: Client, me: str) -> None:
    before = conversations_of(studio, me)
    refusal(client, "/chat", " ")
    assert conversations_of(studio, me) == before


def test_a_refused_message_leaves_the_conversation_it_was_meant_for(
    studio: StudioServer, client: Client, me: str
) -> None:
    _, conversation = client.predict("Name a tree.", api_name="/chat")
    refusal(client, "/chat", " ", conversation)
    assert client.predict("And another.", conversation, api_name="/chat")[1] == conversation
    assert [m["text"] for m in jobs_of(studio, me)[-1]["request"]["messages"]][0::2] == ["Name a tree.", "And another."]


def test_jobs_and_conversations_of_others_do_not_exist(studio: StudioServer, client: Client, me: str) -> None:
    _, conversation = client.predict("A secret.", api_name="/chat")
    job_id = jobs_of(studio, me)[-1]["id"]
    other = client_of(studio, Identity.new_visitor())
    assert "does not exist" in refusal(other, "/job", job_id)
    assert "does not exist" in refusal(other, "/cancel_job", job_id)
    assert "does not exist" in refusal(other, "/chat", "Tell me.", conversation)

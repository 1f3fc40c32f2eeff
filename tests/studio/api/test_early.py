"""The script that runs first: in the head of the page, and nowhere else."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.api.early import EarlyScript

PAGE = "<html><head><title>一页</title></head><body>words <head></body></html>"


def client(answer: object) -> TestClient:
    routes = [Route("/", lambda request: answer), Route("/other", lambda request: answer)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(EarlyScript, script="first();")]))


def test_the_script_is_the_first_thing_in_the_head() -> None:
    answer = client(HTMLResponse(PAGE)).get("/")
    assert answer.text == PAGE.replace("<head><title>", "<head>\n<script>\nfirst();</script><title>")
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_page_in_parts_loses_none() -> None:
    answer = client(StreamingResponse(iter(["<head></head>", "one", "two"]), media_type="text/html")).get("/")
    assert answer.text.endswith("</script></head>onetwo")


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (HTMLResponse(PAGE), "/other"),
        (PlainTextResponse("<head>"), "/"),
        (HTMLResponse("<p>no head"), "/"),
        (HTMLResponse(b"<head>", headers={"content-encoding": "br"}), "/"),
    ],
)
def test_everything_else_is_left_alone(answer: HTMLResponse, path: str) -> None:
    given = bytes(answer.body)
    with client(answer).stream("GET", path) as came:
        assert b"".join(came.iter_raw()) == given
        assert int(came.headers["content-length"]) == len(given)

"""How things look by now: for their owner only, and nothing twice."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from pipelines.errors.access import NotFound
from studio.api.live import live_routes
from studio.identity import Identity


class Clock:
    """A thing that belongs to one visitor and looks otherwise each time that it is wound."""

    def __init__(self, folder: Path) -> None:
        self.identity = Identity(folder)
        self.owner = self.identity.new_visitor()
        self.wound = 0

    def look(self, owner: str, which: str, language: str) -> str:
        if owner != self.owner or which not in ("", "tower"):
            raise NotFound(thing="clock")
        return f"<b>{language} {which} {self.wound}</b>"

    def browser(self, owner: str | None = None) -> TestClient:
        cookie = self.identity.cookie(owner, is_https=False, is_framed=False).partition(";")[0] if owner else ""
        routes = live_routes({"clock": self.look}, self.identity, language_of)
        return TestClient(Starlette(routes=routes), headers={"cookie": cookie})


def language_of(headers: Headers) -> str:
    return headers.get("accept-language", "en")


def test_a_look_is_told_again_only_when_it_has_changed(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    browser = clock.browser(clock.owner)
    first = browser.get("/live/clock/tower", headers={"accept-language": "zh"})
    assert (first.status_code, first.text) == (200, "<b>zh tower 0</b>")
    assert first.headers["content-type"].startswith("text/html") and "private" in first.headers["cache-control"]
    seen = {"if-none-match": first.headers["etag"], "accept-language": "zh"}
    assert browser.get("/live/clock/tower", headers=seen).status_code == 304
    clock.wound += 1
    assert browser.get("/live/clock/tower", headers=seen).text == "<b>zh tower 1</b>"
    assert browser.get("/live/clock").text == "<b>en  1</b>"


def test_nobody_sees_what_is_another_s_or_is_not_there(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    stranger = clock.identity.new_visitor()
    for browser, path in (
        (clock.browser(), "/live/clock"),
        (clock.browser(stranger), "/live/clock"),
        (clock.browser(clock.owner), "/live/clock/pocket"),
        (clock.browser(clock.owner), "/live/sundial"),
    ):
        assert browser.get(path).status_code == 404
    assert clock.browser(clock.owner).post("/live/clock").status_code == 405

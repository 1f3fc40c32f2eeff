"""What a tick of the Models tab looks at, without a browser."""

from pathlib import Path

import gradio as gr
import pytest

from pipelines.types.download import DownloadRequest
from studio.services import Services
from studio.settings import Settings
from studio.ui.models import rows
from studio.ui.tabs.models import ModelsTab
from tests.pipelines.tiny_texts import save_causal

NARROWED_BY_NOTHING = ("", "", "", "", False, False, "", False)


class Ticks:
    """The tab as a page with an open tab drives it."""

    def __init__(self, services: Services) -> None:
        with gr.Blocks(), gr.Tabs() as tabs:
            self.tab = ModelsTab(services, gr.State(), tabs)
        self.seen: dict = {}
        self.shown: dict = {}

    def __call__(self) -> None:
        request = gr.Request(username=None, headers={"accept-language": "en"})
        told = self.tab._tick(True, *NARROWED_BY_NOTHING, self.seen, {}, request)
        self.seen = told.pop(self.tab._seen)
        self.shown = {part.elem_id: value for part, value in told.items() if part.elem_id}


@pytest.fixture
def services(tmp_path: Path):
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.identity.who = lambda request: "visitor:" + "a" * 32  # type: ignore[method-assign]
    yield services
    services.close()


def test_a_tick_opens_the_models_only_when_something_may_have_changed(services, monkeypatch):
    looks: list[int] = []
    look = rows.rows_of
    monkeypatch.setattr(rows, "rows_of", lambda *asked: looks.append(1) or look(*asked))
    clock = [1_000_000.0]
    monkeypatch.setattr(rows.time, "time", lambda: clock[0])
    tick = Ticks(services)

    tick()
    assert len(looks) == 1 and "models-cards" in tick.shown
    tick()
    assert len(looks) == 1 and tick.shown == {}
    save_causal(services.settings.home / "models" / "my-own")
    tick()
    assert len(looks) == 2 and "my-own" in tick.shown["models-cards"]
    clock[0] += rows.LOOK_SECONDS
    tick()
    assert len(looks) == 3 and tick.shown == {}, "what others did inside a folder is seen after a while"


def test_while_something_is_downloaded_every_tick_looks(services):
    status = services.jobs.status()
    assert rows.change_mark(services, status, 100.0) == rows.change_mark(services, status, 101.0)
    services.jobs.submit("visitor:" + "a" * 32, DownloadRequest("owner/name"))
    assert rows.change_mark(services, status, 100.0) != rows.change_mark(services, status, 101.0)

"""What the table of places promises: each place of the page takes each kind that is sent to it, and says where it went."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe
from pipelines.sound.files import to_bytes
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest
from pipelines.types.text import Message, TextRequest, TextResult
from studio.jobs.folder import End, JobFolder
from studio.services import Services
from studio.settings import Settings
from studio.ui import sending
from studio.ui.image.files import png
from studio.ui.tabs.audio import AudioTab
from studio.ui.tabs.image import ImageTab
from studio.ui.tabs.multimodal import MultimodalTab
from studio.ui.tabs.text import TextTab
from studio.ui.text.private import PrivateConversations
from studio.ui.wishes import NONE, Wish
from studio.ui.words import WORDS

ANN, BO = "visitor:" + "a" * 32, "visitor:" + "b" * 32
REQUEST = gr.Request(headers={"accept-language": "en"})
MODEL = "smollm2-135m-instruct"
AT = {
    "say": "speak", "hear": "listen", "bench": "bench", "tune": "compose", "write": "tasks", "chat": "chat",
    "talk": "talk", "story": "story", "prompt": "image", "picture": "image", "look": "look", "find": "find",
    "motion": "film", "clip": "film", "frames": "film",
}  # fmt: skip


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("studio") / "home"
    services = Services(Settings(home=home, cache=home / "cache"))
    yield services
    services.close()


@pytest.fixture(scope="module")
def page(services: Services) -> SimpleNamespace:
    with gr.Blocks():
        wish = gr.State(NONE)
        with gr.Tabs() as tabs:
            made = [tab(services, wish, tabs) for tab in (TextTab, ImageTab, AudioTab, MultimodalTab)]
    return SimpleNamespace(**dict(zip(("text", "image", "audio", "multimodal"), made, strict=True)))


@pytest.fixture(scope="module")
def kept(services: Services) -> dict[str, str]:
    """A creation of each kind, and an answer of a conversation, which is none."""
    made = recipe.make(SpeechRequest("kokoro-82m", "A cat on a mat."))
    wave = to_bytes(Wave(np.zeros(800, np.float32), 8000), "flac")
    ids = {
        "text": services.creations.save(ANN, "text", "A cat on a mat.", made, "A cat", "j" * 32),
        "image": services.creations.save_file(ANN, "image", png(Image.new("RGB", (8, 8))), made, "A cat", "j" * 32),
        "sound": services.creations.save_file(ANN, "sound", wave, made, "A cat", "j" * 32),
    }
    ids["film"] = services.creations.save_file(ANN, "film", b"\0\0\0\x18ftypisom", made, "A cat", "j" * 32)
    for one in ids.values():
        services.creations.index(ANN, one)
    return ids


def granted(services: Services, page: SimpleNamespace, owner: str, wish: Wish) -> list[str]:
    """The places that took a wish."""
    services.identity.who = lambda request: owner  # type: ignore[method-assign]
    answers: list[tuple[Any, dict[Any, Any]]] = [
        (page.text, page.text._grant(wish, PrivateConversations(), REQUEST)),
        (page.image, page.image._grant(wish, "text-to-image", "openmoji-128", REQUEST)),
        (page.multimodal, page.multimodal._grant(wish, "", REQUEST)),
        (page.multimodal, page.multimodal._grant_look(wish, REQUEST)),
        (page.multimodal, page.multimodal._grant_film(wish, None, (), REQUEST)),
        *((page.audio, page.audio._granter(place)(wish, REQUEST)) for place in page.audio.panels),
    ]
    taken = []
    for tab, updates in answers:
        if isinstance(selected := updates.get(tab._tabs), gr.Tabs):
            inner = updates.get(getattr(tab, "_inner", None))
            taken.append(inner.selected if isinstance(inner, gr.Tabs) else selected.selected)
    return taken


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind in sending.PLACES for place in sending.PLACES[kind]]
)
def test_one_place_takes_what_the_table_says(
    services: Services, page: SimpleNamespace, kept: dict[str, str], kind: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    wish = sending.sent(f"to-{place}", kept[kind])
    assert wish is not None and granted(services, page, ANN, wish) == [AT[place]]
    assert f'data-action="to-{place}" data-id="{kept[kind]}"' in sending.menu(kind, kept[kind], "en")
    assert all(WORDS[f"send_to-{place}"])
    with pytest.raises(NotFound):
        granted(services, page, BO, wish)


def test_an_answer_is_sent_by_its_job(services: Services, page: SimpleNamespace) -> None:
    request = TextRequest(MODEL, messages=(Message("user", "Hello"),))
    job = services.jobs.submit(ANN, request)
    with pytest.raises(NotFound):
        sending.text_of(services, ANN, job.id)
    result = TextResult("<think>Hm.</think> Good day.", MODEL, 1, "stop", 1, 1, 0.1, 0.1)
    JobFolder(services.settings.home / "jobs" / job.id).finish(End("done", result, None, 1.0, 2.0))
    assert sending.text_of(services, ANN, job.id) == "Good day."
    for place in sending.PLACES["text"]:
        assert granted(services, page, ANN, (f"to-{place}", job.id, "")) == [AT[place]]


def test_what_is_not_of_the_menu_is_no_wish() -> None:
    assert sending.sent("delete", "x") is None and sending.sent("creation", "x") is None
    assert sending.menu("conversation", "x", "en") == ""
    assert "to-say" not in sending.menu("text", "x", "en", but="say")


def test_what_is_made_of_a_sent_text_has_it_as_its_parent(
    services: Services, page: SimpleNamespace, kept: dict[str, str]
) -> None:
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    text = sending.text_of(services, ANN, kept["text"])
    sent = (kept["text"], text)
    assert page.audio.panels["speak"]._parents(ANN, [text], (sent,)) == (kept["text"],)
    assert page.audio.panels["speak"]._parents(ANN, [f"{text} And a hat."], (sent,)) == ()
    assert page.image.images._parents(ANN, kept["image"], text, sent) == (kept["image"], kept["text"])
    assert page.text.tasks._parents(ANN, text, sent) == (kept["text"],)
    assert page.text.tasks._parents(BO, text, sent) == ()

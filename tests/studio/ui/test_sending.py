"""What the table of places promises: each place of the page takes each kind that is sent to it, and says where it went."""

from collections.abc import Iterator
from dataclasses import replace
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
from pipelines.types.clip import ClipRequest, FramesRequest
from pipelines.types.film import Scene as StoryScene
from pipelines.types.film import Shown
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest
from pipelines.types.text import Message, TextRequest, TextResult
from pipelines.types.video import VideoRequest
from studio.jobs.folder import End, JobFolder
from studio.library.creations import Creation
from studio.services import Services
from studio.settings import Settings
from studio.ui import sending
from studio.ui.audio.files import url_of
from studio.ui.audio.stage import Outcome
from studio.ui.image.files import png
from studio.ui.multimodal.story_view import actions, board
from studio.ui.stage import PageMemory, Scene
from studio.ui.tabs.audio import AudioTab
from studio.ui.tabs.image import ImageTab
from studio.ui.tabs.multimodal import MultimodalTab
from studio.ui.tabs.text import TextTab
from studio.ui.text.private import PrivateConversations
from studio.ui.wishes import NONE, Wish
from studio.ui.words import WORDS, say

ANN, BO = "visitor:" + "a" * 32, "visitor:" + "b" * 32
REQUEST = gr.Request(headers={"accept-language": "en"})
MODEL = "smollm2-135m-instruct"
AT = {
    "say": "speak", "hear": "listen", "bench": "bench", "tune": "compose", "write": "tasks", "chat": "chat",
    "talk": "talk", "story": "story", "prompt": "image", "picture": "image", "look": "look", "find": "find",
    "motion": "film", "shot": "film", "clip": "film", "frames": "film",
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
    poster = {"thumbnail": png(Image.new("RGB", (8, 8)))}
    ids["film"] = services.creations.save_file(
        ANN, "film", b"\0\0\0\x18ftypisom", made, "A cat", "j" * 32, parts=poster
    )
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
    assert page.multimodal.film.with_words(*sent)[page.multimodal.film.source] == (sent,)


def test_what_a_scene_of_a_story_is_made_of_is_sent_from_its_board(page: SimpleNamespace, kept: dict[str, str]) -> None:
    scenes = (Shown(StoryScene("One.", "fox"), kept["image"], kept["sound"]),)
    html = board(scenes, "j" * 32, "en")
    for kind, place in (("image", "look"), ("sound", "hear")):
        assert f'data-action="to-{place}" data-id="{kept[kind]}"' in html
        event = gr.EventData(None, {"action": f"to-{place}", "id": kept[kind]})
        asked = page.multimodal.story._press_board(event, "", REQUEST)[page.multimodal.story._wish]
        assert asked[:2] == (f"to-{place}", kept[kind])
    assert "send-menu" not in board(scenes, "", "en"), "what is being made changes too often"
    assert f'data-action="to-frames" data-id="{kept["film"]}"' in actions(
        kept["film"], "en", is_starred=False, has_words=True
    )


def test_a_film_brings_its_pictures_back_in_their_order_and_says_what_it_cannot(
    services: Services, page: SimpleNamespace, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    said: list[str] = []
    monkeypatch.setattr(
        "studio.ui.multimodal.film.inform", lambda key, lang, **values: said.append(say(key, lang, **values))
    )
    film, creations = page.multimodal.film, services.creations

    def made(asked: Any, *parents: str) -> Creation:
        one = creations.save_file(ANN, "film", b"\0\0\0\x18ftypisom", recipe.make(asked), "A film", "j" * 32, parents)
        return creations.get(ANN, one)

    first, second = kept["image"], kept["film"]
    sources = ((first, "a.png"), (second, "b.png"), (first, "a.png"))
    assert film._parents(ANN, ["b.png", "a.png", "mine.png", "a.png"], sources) == (second, first, first)

    whole, part = (made(ClipRequest(("x",) * count), second, first, first) for count in (3, 4))
    for one in (whole, part):
        film.tell_what_is_missing(ANN, one, "en")
        laid = film.filled_from(ANN, one)[film.parts.files["pictures"]]
        assert [Path(path).suffix for path in laid] == [".mp4", ".png", ".png"]
    film.tell_what_is_missing(ANN, made(FramesRequest("x")), "en")
    film.tell_what_is_missing(ANN, made(VideoRequest("m", "a fox")), "en")
    assert len(said) == 2 and "Only 3 of the 4" in said[0] and "not in the library" in said[1]


def test_every_setting_of_a_film_comes_back_into_its_box(page: SimpleNamespace, tmp_path: Path) -> None:
    film = page.multimodal.film
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    files = {"image": None, "pictures": [str(tmp_path / "a.png")], "film": None}
    for asked in (
        VideoRequest("m", "a fox", "dull", "", 64, 48, 9, 4, 2.5, 7),
        VideoRequest("m", "a fox", guidance_scale=0.0),
        ClipRequest(("",), 3.5, "flow", 1.25, 12, 64, 48, "a"),
        ClipRequest(("",), title_text="a"),
    ):
        names = {part: name for name, part in film.parts.settings.items()}
        boxes = {name: part.value for name, part in film.parts.settings.items()} | files
        boxes |= {names[part]: value for part, value in film.filled(asked).items()}
        assert film.asked(boxes)[0] == asked
    assert film.asked(boxes | {"what": "video", "guidance_scale": "much"})[0].guidance_scale == -1.0


def test_a_whole_picture_that_is_not_kept_comes_to_its_person_alone(
    services: Services, page: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    film, memory = page.multimodal.film, PageMemory()
    job = services.jobs.submit(ANN, FramesRequest(count=2), keep=False, files={"film": b"\0\0\0\x18ftypisom"})
    drawn = [png(Image.new("RGB", (800, 600), colour)) for colour in ("red", "blue")]
    services.jobs.folder(ANN, job.id).put_pictures(drawn)
    film._take_unkept(Scene(ANN, "en", ("job", job.id), memory), job.id)
    found = memory.get(ANN, job.id)
    assert found is not None
    stage, _, _ = film.outcome(Outcome(found[0], None, found[1]), "en")
    assert stage.count("data:image/webp") == 2 and "data:image/png" not in stage

    def press(place: str) -> Any:
        return film._press_stage(memory, gr.EventData(None, {"action": "whole", "id": place}), REQUEST)

    assert f'href="{url_of(drawn[1])}" download="002.png"' in press(f"{job.id}/1")[film.parts.actions]
    for place in (f"{job.id}/2", f"{job.id}/x", "", f"{'0' * 32}/0"):
        with pytest.raises(NotFound):
            press(place)
    services.identity.who = lambda request: BO  # type: ignore[method-assign]
    with pytest.raises(NotFound):
        press(f"{job.id}/1")

    monkeypatch.setattr("studio.ui.stage.MOST_CHARACTERS", 10)
    memory.put(ANN, replace(found[0], id="f" * 32), {"film.mp4": "data:" + "x" * 20})
    assert memory.get(ANN, job.id) is None and memory.get(ANN, "f" * 32) is not None, (
        "the oldest goes, the newest stays"
    )

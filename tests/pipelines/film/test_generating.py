"""Films by video models: tiny real ones of each kind."""

from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from pipelines.errors.models import WrongTask
from pipelines.errors.requests import EmptyPrompt
from pipelines.film.ffmpeg import Encoder
from pipelines.film.generating import _encoded
from pipelines.film.taking import take_frames
from pipelines.multimodal import MultimodalPipeline
from pipelines.provenance import recipe
from pipelines.types.clip import FramesRequest
from pipelines.types.events import Preview, Progress
from pipelines.types.video import VideoRequest, VideoResult
from tests.pipelines import tiny_films

FROM_WORDS = {"wan": 16.0, "ltx": 25.0, "cogvideox": 8.0, "animatediff": 8.0}
FROM_PICTURE = ("ltx", "cogvideox_from_picture")


@pytest.fixture(scope="module")
def films() -> MultimodalPipeline:
    return MultimodalPipeline.on_this_machine(device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    made: dict[str, str] = {}

    def find(kind: str) -> str:
        if kind not in made:
            made[kind] = str(getattr(tiny_films, kind)(tmp_path_factory.mktemp("films") / kind))
        return made[kind]

    return find


def asked(model: str, **more: object) -> VideoRequest:
    usual = {"prompt": "a red cat", "width": 64, "height": 32, "frames": 9, "steps": 3, "seed": 5}
    return VideoRequest(model, **{**usual, **more})


@pytest.mark.parametrize("kind", FROM_WORDS)
def test_words_become_a_film_with_progress_and_previews(kind, films, model, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.diffusion.previews.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("pipelines.diffusion.previews.COST_SHARE", 1e9)
    events: list = []
    result = films.generate(asked(model(kind)), events.append)
    assert isinstance(result, VideoResult) and result.finish_reason == "stop"
    assert (result.frames, result.frame_rate, result.steps_done) == (9, FROM_WORDS[kind], 3)
    steps = [(one.done, one.total) for one in events if isinstance(one, Progress) and one.unit == "steps"]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert [one for one in events if isinstance(one, Preview)]
    file = tmp_path / "film.mp4"
    file.write_bytes(result.film)
    taken = take_frames(FramesRequest(str(file), count=9), events.append, lambda: False)
    assert len(taken.images) == 9
    assert abs(taken.seconds_film - 9 / result.frame_rate) < 0.1
    assert recipe.make(result.request, result)["request"]["seed"] == 5


@pytest.mark.parametrize("kind", FROM_PICTURE)
def test_a_picture_begins_to_move(kind, films, model, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (50, 100), "red").save(picture)
    result = films.generate(asked(model(kind), image=str(picture)))
    assert (result.frames, result.poster.size) == (9, (64, 32)) and result.film
    if kind == "ltx":  # without a size, in the shape of the picture
        free = films.generate(asked(model(kind), image=str(picture), width=None, height=None, steps=1, frames=1))
        assert abs(free.request.height / free.request.width - 2.0) < 0.1


def test_the_same_seed_gives_the_same_film_and_sizes_are_rounded_to_what_the_model_can(films, model):
    first, second = (films.generate(asked(model("wan"), width=70, height=40, frames=8)) for _ in range(2))
    assert (first.request.width, first.request.height, first.request.frames) == (64, 48, 9)
    assert first.poster.tobytes() == second.poster.tobytes()
    assert films.generate(asked(model("wan"), width=70, height=40, frames=8, seed=6)).poster != first.poster


def test_no_more_frames_are_filmed_than_a_model_was_made_for(films, model):
    assert films.generate(asked(model("animatediff"), frames=100, steps=1)).frames == 32


def test_stop_acts_within_a_step(films, model):
    steps: list[int] = []

    def watch(event: object) -> None:
        if isinstance(event, Progress) and event.unit == "steps":
            steps.append(event.done)

    result = films.generate(asked(model("wan"), steps=50), watch, lambda: len(steps) >= 2)
    assert result.finish_reason == "cancelled" and not result.film
    assert steps == [1, 2]


def test_stop_is_asked_for_between_the_frames_that_are_written(monkeypatch):
    written: list[bytes] = []
    monkeypatch.setattr(Encoder, "write", lambda _, frame, __: written.append(frame) is None)
    frames = [Image.new("RGB", (64, 32), "red")] * 9
    assert _encoded(frames, 8.0, lambda: len(written) == 3) == b"" and len(written) == 3


def test_what_cannot_be_filmed_is_said_plainly(films, model, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "red").save(picture)
    with pytest.raises(WrongTask):
        films.generate(asked(model("animatediff"), image=str(picture)))
    with pytest.raises(EmptyPrompt):
        films.generate(asked(model("animatediff"), prompt=" "))

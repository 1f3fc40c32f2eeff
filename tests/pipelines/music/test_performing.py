"""A piece part by part: what a model adds is put together, and one that adds nothing ends it."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from pipelines.music.performing import perform
from pipelines.sound.files import to_bytes
from pipelines.types.events import ignore, never
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest
from pipelines.types.sound import Wave

SPEC = ModelSpec("m", "M", "", (), "none", "")


class Tones:
    """Adds a second at a time, `parts` times, then nothing."""

    sampling_rate = 100
    longest_seconds = 20.0
    goes_on = True
    follows = False

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def perform(self, prompt: str, beginning: Any, tune: Any, seconds: float, *_: Any) -> Any:
        self.parts -= 1
        return numpy.full(100 if self.parts >= 0 else 0, 0.5, numpy.float32)


@pytest.mark.parametrize(("parts", "seconds"), [(5, 3.0), (2, 2.0), (0, 0.0)])
def test_a_model_that_adds_nothing_ends_the_piece(parts: int, seconds: float) -> None:
    made = perform(Tones(parts), SPEC, MusicRequest("m", prompt="a waltz", seconds=3.0), ignore, never)
    assert (made.finish_reason, made.seconds_audio) == ("stop", seconds)
    assert (made.wave is None) == (parts == 0)


class Follower(Tones):
    """Keeps the tunes that it is to follow; one part is three seconds long at most, with what it goes on from."""

    sampling_rate = 1000
    longest_seconds = 3.0
    follows = True

    def __init__(self) -> None:
        self.tunes: list[Any] = []

    def perform(self, prompt: str, beginning: Any, tune: Any, seconds: float, *_: Any) -> Any:
        self.tunes.append(tune)
        return numpy.zeros(round(seconds * self.sampling_rate), numpy.float32)


def test_a_tune_is_followed_from_part_to_part_and_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.music.performing.HEARD_SECONDS", 1.0)
    given = numpy.linspace(-0.5, 0.5, 2500, dtype=numpy.float32)  # two and a half seconds
    (tmp_path / "tune.wav").write_bytes(to_bytes(Wave(given, 1000)))
    model = Follower()
    asked = MusicRequest("m", prompt="a waltz", seconds=6.0, melody=str(tmp_path / "tune.wav"))
    made = perform(model, SPEC, asked, ignore, never)
    assert made.seconds_audio == 6.0 and not made.wave.samples.any()  # it does not stand at the beginning
    for tune, start in zip(model.tunes, (0, 2000, 4000), strict=True):
        numpy.testing.assert_allclose(tune, given[numpy.arange(start, start + 3000) % 2500], atol=1e-3)

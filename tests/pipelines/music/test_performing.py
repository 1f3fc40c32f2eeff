"""A piece part by part: what a model adds is put together, and one that adds nothing ends it."""

from typing import Any

import numpy
import pytest

from pipelines.music.performing import perform
from pipelines.types.events import ignore, never
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest

SPEC = ModelSpec("m", "M", "", (), "none", "")


class Tones:
    """Adds a second at a time, `parts` times, then nothing."""

    sampling_rate = 100
    longest_seconds = 20.0
    goes_on = True

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def perform(self, prompt: str, beginning: Any, seconds: float, *_: Any) -> Any:
        self.parts -= 1
        return numpy.full(100 if self.parts >= 0 else 0, 0.5, numpy.float32)


@pytest.mark.parametrize(("parts", "seconds"), [(5, 3.0), (2, 2.0), (0, 0.0)])
def test_a_model_that_adds_nothing_ends_the_piece(parts: int, seconds: float) -> None:
    made = perform(Tones(parts), SPEC, MusicRequest("m", prompt="a waltz", seconds=3.0), ignore, never)
    assert (made.finish_reason, made.seconds_audio) == ("stop", seconds)
    assert (made.wave is None) == (parts == 0)

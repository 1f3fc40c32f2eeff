"""Settings come back from a browser's storage and from recipes, whatever stands there."""

import pytest

from pipelines.types.adapter import Adapter
from pipelines.types.text import Message, Sampling, TextRequest
from studio.ui.text.chosen import OWN, PRESETS, Chosen


@pytest.mark.parametrize(
    "junk", [None, 3, "x", [], {}, {"temperature": "hot", "seed": -1, "preset": "wild", "model": 7}]
)
def test_junk_becomes_the_defaults(junk: object) -> None:
    assert Chosen.read(junk) == Chosen()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), True, 1e300])
def test_numbers_that_are_none_are_not_taken(number: float) -> None:
    assert Chosen.read({"max_new_tokens": number, "seed": number}) == Chosen()


def test_what_is_kept_comes_back() -> None:
    chosen = Chosen("m", "Be brief.", "own", 64, 0.0, 1.0, 0, 1.0, 7, "me/lora", 0.5, True)
    assert Chosen.read(chosen.to_json()) == chosen
    assert chosen.sampling() == Sampling(64, 0.0, 1.0, 0, 1.0, 7)
    assert chosen.adapters() == (Adapter("me/lora", 0.5),)


def test_the_settings_of_a_request_name_their_preset() -> None:
    sampling = Sampling(**PRESETS["precise"], seed=None)  # type: ignore[arg-type]
    messages = (Message("system", "Be brief."), Message("user", "Hi"))
    chosen = Chosen.of_request(TextRequest("m", messages=messages, sampling=sampling), seed=5)
    assert (chosen.preset, chosen.system, chosen.seed) == ("precise", "Be brief.", 5)
    assert Chosen.of_request(TextRequest("m", text="x", task="write", sampling=Sampling(3))).preset == OWN


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_are_in_range(name: str) -> None:
    Sampling(**PRESETS[name]).check()  # type: ignore[arg-type]

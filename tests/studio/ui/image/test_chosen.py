"""What was chosen for a picture: read without trust, and back and forth to the request."""

from dataclasses import replace

import pytest

from pipelines.errors.requests import SettingOutOfRange
from pipelines.types.adapter import Adapter
from pipelines.types.crossing import to_json
from pipelines.types.image import ImageRequest
from pipelines.types.model import ImageDefaults
from studio.ui.image.chosen import OWN_SHAPE, ImageChosen, read_adapters, size_of
from studio.ui.image.presses import picture_request


def test_a_request_comes_back_as_it_was() -> None:
    asked = ImageRequest(
        "m", "outpaint", "a cat", "fog", count=2, steps=9, guidance_scale=3.5, scheduler="Euler",
        margins=(0, 8, 16, 24), seed=0, adapters=(Adapter("a/b", 0.5), Adapter("/my models/c", 1.0)),
    )  # fmt: skip
    assert ImageChosen.of_request(asked).request() == asked
    drawn = ImageRequest("m", width=640, height=480)
    assert ImageChosen.of_request(drawn).shape == OWN_SHAPE and ImageChosen.of_request(drawn).request() == drawn


def test_empty_boxes_are_left_to_the_model() -> None:
    asked = ImageChosen(model=" m ", prompt="x", left="64").request()
    assert (asked.model, asked.width, asked.height, asked.steps, asked.guidance_scale, asked.seed) == (
        "m", None, None, None, None, None,
    )  # fmt: skip
    assert asked.margins == (0, 0, 0, 0), "margins are for outpaint alone"


@pytest.mark.parametrize(
    ("field", "text"),
    [("steps", "many"), ("steps", "-3"), ("width", "1e9"), ("seed", "5.5"), ("guidance_scale", "x"), ("guidance_scale", "nan"), ("seed", "9" * 40)],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_the_request(field: str, text: str) -> None:
    with pytest.raises(SettingOutOfRange):
        ImageChosen.read({"prompt": "x", field: text}).request().check()


@pytest.mark.parametrize(
    "data", [None, 5, [], "x", {"mode": "fly", "shape": "round", "count": "many", "private": 1, "strength": None}]
)
def test_what_is_not_usable_has_its_default(data: object) -> None:
    assert ImageChosen.read(data) == ImageChosen()


def test_numbers_of_the_browser_are_taken_as_their_kind() -> None:
    read = ImageChosen.read({"count": 3.0, "strength": 1, "factor": float("inf"), "mode": "inpaint"})
    assert (read.count, read.strength, read.factor, read.mode) == (3, 1.0, 2, "inpaint") and isinstance(read.count, int)


def test_adapters_stand_one_on_a_line_with_their_weight() -> None:
    text = "owner/name 0.8\n\n  /my models/lora  \nowner/other -1\n/my models/lora 2\n/my models/a -b\n/a nan\n-1"
    assert read_adapters(text) == (
        Adapter("owner/name", 0.8),
        Adapter("/my models/lora"),
        Adapter("owner/other", -1.0),
        Adapter("/my models/lora", 2.0),
        Adapter("/my models/a -b"),
        Adapter("/a nan"),
        Adapter("-1"),
    )


def test_a_shape_has_about_as_many_pixels_as_suit_the_model() -> None:
    square, wide = ImageDefaults(512, 512, 20, 7.0), ImageDefaults(1024, 576, 20, 7.0)
    assert size_of("1:1", square) == ("", "") and size_of("16:9", wide) == ("", "")
    assert size_of("16:9", square) == ("680", "384")
    assert size_of("1:1", wide) == ("768", "768")
    assert size_of("3:4", None) == ("440", "592")
    assert size_of("9:16", ImageDefaults(8, 8, 1, 1.0)) == ("8", "8")


def test_the_numbers_of_a_model_without_words_come_back_as_they_were() -> None:
    asked = ImageChosen(model="vae", seed="3", toward="9", latent="0,1.5,-2,x", count=4).request()
    assert (asked.toward, asked.latent) == (9, (0.0, 1.5, -2.0, 0.0))
    assert ImageChosen.of_request(asked).request() == asked
    assert ImageChosen(latent="0,0,0").request().latent == ()


def test_a_picture_on_the_way_between_two_seeds_brings_back_the_whole_way() -> None:
    asked = ImageRequest("vae", seed=3, toward=9, count=5)
    assert picture_request({"request": to_json(asked), "index": 1}) == asked
    alone = replace(asked, toward=None)
    assert picture_request({"request": to_json(alone), "index": 1}) == replace(alone, seed=4, count=1)

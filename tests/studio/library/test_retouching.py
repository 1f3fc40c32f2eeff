"""Crop, turn, flip and resize, into a new picture that knows where it came from."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.access import NotFound
from pipelines.errors.requests import SettingOutOfRange
from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest
from studio.library.creations import Creations
from studio.library.retouching import Retouch, save_retouched

ANN, BEN = "visitor:ann", "login:ben"


def corners() -> Image.Image:
    """4 × 2 pixels, each of its own colour."""
    image = Image.new("RGB", (4, 2))
    image.putdata([(60 * x, 120 * y, 9) for y in range(2) for x in range(4)])
    return image


def at(image: Image.Image, x: int, y: int) -> tuple[int, int]:
    red, green, _ = image.getpixel((x, y))
    return red // 60, green // 120


def test_each_change_does_what_it_says() -> None:
    image = corners()
    cropped = Retouch(crop=(1, 1, 2, 0)).apply(image)
    assert cropped.size == (1, 1) and at(cropped, 0, 0) == (1, 1)
    turned = Retouch(turn=90).apply(image)
    assert turned.size == (2, 4) and at(turned, 1, 0) == (0, 0), "the top left corner is at the top right"
    assert at(Retouch(turn=180).apply(image), 3, 1) == (0, 0)
    assert at(Retouch(turn=270).apply(image), 0, 3) == (0, 0)
    assert at(Retouch(flips=("horizontal",)).apply(image), 3, 0) == (0, 0)
    assert at(Retouch(flips=("vertical",)).apply(image), 0, 1) == (0, 0)
    assert Retouch(width=8).apply(image).size == (8, 4)
    assert Retouch(height=1).apply(image).size == (2, 1)
    assert Retouch(width=7, height=5).apply(image).size == (7, 5)
    assert Retouch().apply(image).tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "retouch",
    [
        Retouch(crop=(2, 0, 2, 0)),
        Retouch(crop=(-1, 0, 0, 0)),
        Retouch(crop=(0, 9, 0, 0)),
        Retouch(width=0),
        Retouch(height=9000),
    ],
)
def test_what_leaves_nothing_or_too_much_is_refused(retouch: Retouch) -> None:
    with pytest.raises(SettingOutOfRange):
        retouch.apply(corners())


def test_boxes_are_read_without_trust() -> None:
    read = Retouch.read(["", "2", " ", "1"], 90, ["vertical", "sideways"], "", "30")
    assert read == Retouch((0, 2, 0, 1), 90, ("vertical",), None, 30)
    assert Retouch.read(["x", "", "", ""], 45, [], "many", "") == Retouch((-1, 0, 0, 0), 0, (), -1, None)


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    library = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield library
    library.close()


def test_a_retouched_picture_is_a_new_one_with_its_parent_and_its_recipe(creations: Creations) -> None:
    data = BytesIO()
    corners().save(data, "PNG")
    made = recipe.make(ImageRequest("m", prompt="corners", seed=3))
    first = creations.save_file(ANN, "image", data.getvalue(), made, "corners", "0" * 32)
    creations.index(ANN, first)
    second = save_retouched(creations, ANN, first, Retouch(turn=90))
    third = save_retouched(creations, ANN, second, Retouch(width=20))
    assert creations.get(ANN, second).parents == (first,) and creations.get(ANN, third).parents == (second,)
    with Image.open(creations.path(ANN, third)) as image:
        assert image.size == (20, 40)
    found = recipe.read(creations.path(ANN, third))
    assert found["request"]["seed"] == 3 and [one["turn"] for one in found["retouched"]] == [90, 0]
    assert creations.path(ANN, third, "thumbnail").is_file()
    assert creations.path(ANN, first).read_bytes() == data.getvalue()
    with pytest.raises(NotFound):
        save_retouched(creations, BEN, first, Retouch())
    text = creations.save(ANN, "text", "words", made, "t", "0" * 32)
    with pytest.raises(NotFound):
        save_retouched(creations, ANN, text, Retouch())

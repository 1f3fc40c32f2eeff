"""The starter image model as it is shipped: from words in two languages to the picture that they name."""

import numpy
import pytest
from PIL import Image

from pipelines.image import ImagePipeline
from pipelines.types.image import ImageRequest

MODEL = "openmoji-128"


@pytest.fixture(scope="module")
def pipeline() -> ImagePipeline:
    return ImagePipeline.on_this_machine()


def drawn(pipeline: ImagePipeline, prompt: str, count: int = 1, seed: int = 1) -> list[Image.Image]:
    return list(pipeline.generate(ImageRequest(MODEL, prompt=prompt, count=count, seed=seed)).images)


def colour(picture: Image.Image) -> str:
    """Of which colour channel the drawing on its white ground has most."""
    pixels = numpy.asarray(picture.convert("RGB"), dtype=float)
    ink = pixels[pixels.min(axis=2) < 200]
    return "rgb"[int(ink.mean(axis=0).argmax())]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [("red apple", "r"), ("红苹果", "r"), ("blue circle", "b"), ("蓝色圆", "b"), ("green apple", "g")],
)
def test_a_thing_has_its_colour(pipeline, prompt, wanted):
    pictures = drawn(pipeline, prompt, count=3)
    assert [colour(picture) for picture in pictures].count(wanted) >= 2
    assert {picture.size for picture in pictures} == {(128, 128)}


def test_the_same_seed_draws_the_same_and_another_one_does_not(pipeline):
    one, again, other = (drawn(pipeline, "rocket", seed=seed)[0].tobytes() for seed in (5, 5, 6))
    assert one == again != other


def test_whoever_gave_the_pictures_is_named(pipeline):
    spec = pipeline.catalog.find(MODEL)
    assert "OpenMoji" in spec.attribution and spec.licence == "CC-BY-SA-4.0"
    assert set(spec.languages) == {"en", "zh"} and pipeline.catalog.is_on_disk(spec)

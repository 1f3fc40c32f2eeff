"""The starter that names icons, as it is shipped: the right name among the first ones, and none for what is no icon."""

import math
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_images

from pipelines.errors.seeing import AnswersNoQuestions
from pipelines.multimodal import MultimodalPipeline
from pipelines.types.caption import CaptionRequest

MODEL = "icon-names"


@pytest.fixture(scope="module")
def pipeline() -> MultimodalPipeline:
    return MultimodalPipeline.on_this_machine()


def drawn(shape: str, colour: str, ground: str) -> Image.Image:
    picture = Image.new("RGB", (240, 180), ground)
    pen = ImageDraw.Draw(picture)
    if shape == "heart":
        pen.ellipse((60, 30, 128, 98), fill=colour)
        pen.ellipse((112, 30, 180, 98), fill=colour)
        pen.polygon([(66, 82), (120, 150), (174, 82), (120, 60)], fill=colour)
    elif shape == "star":
        ends = [(90 if point % 2 == 0 else 38, math.pi * (point / 5 - 0.5)) for point in range(10)]
        pen.polygon(
            [(120 + r * math.cos(a), 92 + r * math.sin(a)) for r, a in ends], fill=colour, outline="black", width=5
        )
    else:
        pen.ellipse((40, 20, 180, 160), fill=colour, outline="black", width=5)
    return picture


@pytest.mark.parametrize(
    ("shape", "colour", "ground", "en", "zh"),
    [
        ("heart", "#ea5a47", "white", "red heart", "红心"),
        ("star", "#fcea2b", "#cfe8ff", "star", "星"),
        ("circle", "#61b2e4", "white", "blue circle", "蓝色圆"),
    ],
)
def test_a_drawing_has_its_name_in_both_languages(pipeline, tmp_path: Path, shape, colour, ground, en, zh):
    drawn(shape, colour, ground).save(tmp_path / "a.png")
    result = pipeline.generate(CaptionRequest(MODEL, str(tmp_path / "a.png")))
    assert any(en in name.texts["en"] and zh in name.texts["zh"] for name in result.names), result.names
    assert len(result.names) == 5 and sum(name.probability for name in result.names) <= 1.0 + 1e-6


def test_a_photograph_is_no_icon(pipeline, tmp_path: Path):
    for number, pixels in enumerate(load_sample_images().images):
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
        result = pipeline.generate(CaptionRequest(MODEL, str(tmp_path / f"{number}.jpg")))
        assert not result.is_known and result.text == ""


def test_it_is_here_and_whoever_gave_the_drawings_is_named(pipeline, tmp_path: Path):
    spec = pipeline.catalog.find(MODEL)
    assert pipeline.catalog.is_on_disk(spec) and spec.licence == "CC-BY-SA-4.0" and "OpenMoji" in spec.attribution
    drawn("circle", "red", "white").save(tmp_path / "a.png")
    with pytest.raises(AnswersNoQuestions):
        pipeline.generate(CaptionRequest(MODEL, str(tmp_path / "a.png"), question="Who drew it?"))

"""A classifier that was trained here tells what is on a picture, and what spoke for it."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from pipelines.errors.models import WrongTask
from pipelines.errors.requests import MissingPicture, UnreadablePicture
from pipelines.recognition.classification import ClassificationPipeline
from pipelines.training.datasets import digits
from pipelines.training.pictures import to_picture
from pipelines.training.run import run
from pipelines.types.classification import ClassifyRequest
from pipelines.types.training import TrainRequest
from tests.pipelines.training.short import SETTINGS
from tests.pipelines.training.uploads.seeded import packed
from tests.pipelines.training.uploads.test_own import OWN, kept

RUN = "0" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    settings = {**SETTINGS["cnn"], "side": 16, "plan.steps": 250}
    run(TrainRequest("cnn", "digits", settings, name="Digits", run=RUN), home / "runs" / RUN)
    return home


@pytest.fixture
def pipeline(home: Path) -> ClassificationPipeline:
    return ClassificationPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")


def drawn(number: int, folder: Path) -> tuple[Path, int]:
    """A held-out digit as somebody would draw it: black on white, large, not in the middle."""
    data = digits.load(Path("unused"))
    pixels = data.held_out[number].float() / 127.5 - 1
    small = ImageOps.invert(to_picture(pixels)).resize((120, 120), Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (280, 280), "white")
    picture.paste(small, (30, 100))
    picture.save(folder / f"{number}.png")
    return folder / f"{number}.png", int(data.held_out_labels[number])


def test_drawn_digits_are_told(pipeline: ClassificationPipeline, tmp_path: Path) -> None:
    right = 0
    for number in range(0, 100, 5):
        path, label = drawn(number, tmp_path)
        result = pipeline.generate(ClassifyRequest("digits", str(path)))
        assert len(result.likelihoods) == 10
        assert abs(sum(one.probability for one in result.likelihoods) - 1) < 1e-4
        probabilities = [one.probability for one in result.likelihoods]
        assert probabilities == sorted(probabilities, reverse=True)
        right += result.likelihoods[0].label == str(label)
    assert right >= 14, f"{right} of 20"


def test_what_spoke_for_the_class_is_drawn_over_it(pipeline: ClassificationPipeline, tmp_path: Path) -> None:
    result = pipeline.generate(ClassifyRequest("digits", str(drawn(0, tmp_path)[0])))
    with Image.open(io.BytesIO(base64.b64decode(result.looked_at))) as shown:
        red, green, _ = shown.convert("RGB").split()
    assert shown.size == (224, 224)
    assert any(r > g + 40 for r, g in zip(red.tobytes(), green.tobytes(), strict=True))


def test_what_cannot_be_told_is_refused(pipeline: ClassificationPipeline, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(UnreadablePicture):
        pipeline.generate(ClassifyRequest("digits", str(tmp_path / "a.png")))
    with pytest.raises(MissingPicture):
        pipeline.generate(ClassifyRequest("digits"))
    with pytest.raises(WrongTask):
        pipeline.generate(ClassifyRequest("openmoji-128", str(tmp_path / "a.png")))


def test_a_classifier_of_own_pictures_in_colour(tmp_path: Path) -> None:
    kept(tmp_path, packed())
    settings = {"plan.steps": 2, "plan.ema_decay": 0.0, "side": 16, "width": 8, "stages": 1, "batch": 4}
    model = run(TrainRequest("cnn", OWN, settings, run=RUN), tmp_path / "runs" / RUN).model
    own = ClassificationPipeline.on_this_machine(tmp_path / "models", cache_folder=tmp_path / "cache", device="cpu")
    (tmp_path / "pet.png").write_bytes((tmp_path / "datasets" / OWN / "pictures" / "0.png").read_bytes())
    told = own.generate(ClassifyRequest(model, str(tmp_path / "pet.png")))
    assert {one.label for one in told.likelihoods} == {"cat", "dog"}

"""The endpoints for pictures, called by a client against a real server: files come and go, bad calls are said plainly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageChops

from pipelines.provenance import recipe
from studio.identity import Identity
from tests.pipelines import tiny_images
from tests.server import StudioServer


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    server = StudioServer(tmp_path_factory.mktemp("studio") / "home").start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_images.sd(tmp_path_factory.mktemp("models") / "tiny-sd"))


@pytest.fixture(scope="module")
def client(studio: StudioServer) -> Client:
    token = Identity(studio.home).api_token(Identity.new_visitor())
    return Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / "grey.jpg")
    return tmp_path / "grey.jpg"


def refusal(client: Client, **asked: Any) -> str:
    with pytest.raises(AppError) as refused:
        client.predict(**asked)
    said = str(refused.value)
    assert "Traceback" not in said and "upstream" not in said and "pydantic" not in said
    return said


def test_generate_image_gives_a_file_with_its_recipe(client: Client, model: str) -> None:
    asked = {"prompt": "a red apple", "model": model, "steps": 2, "seed": 5, "api_name": "/generate_image"}
    first, second = client.predict(**asked), client.predict(**asked)
    assert Path(first).suffix == ".png" and recipe.read(Path(first))["request"]["seed"] == 5
    with Image.open(first) as one, Image.open(second) as other:
        assert one.size == (64, 64) and not ImageChops.difference(one, other).getbbox()
    sized = client.predict("a cat", model, "fog", 32, 48, 2, 3.0, 1, api_name="/generate_image")
    with Image.open(sized) as image:
        assert image.size == (32, 48)
    assert recipe.read(Path(sized))["request"]["negative_prompt"] == "fog"


def test_edit_image_takes_a_picture_and_a_mask(client: Client, model: str, picture: Path, tmp_path: Path) -> None:
    asked = {"prompt": "a cat", "model": model, "steps": 2, "seed": 5, "api_name": "/edit_image"}
    with Image.open(client.predict(image=handle_file(picture), **asked)) as image:
        assert image.size == (64, 64)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "mask.png")
    made = client.predict(image=handle_file(picture), mask=handle_file(tmp_path / "mask.png"), strength=1.0, **asked)
    with Image.open(made) as image, Image.open(picture) as given:
        changed = ImageChops.difference(image, given)
        assert changed.crop((0, 0, 32, 64)).getbbox() and not changed.crop((32, 0, 64, 64)).getbbox()


def test_upscale_image_makes_it_larger(client: Client, picture: Path) -> None:
    with Image.open(client.predict(image=handle_file(picture), factor=3, api_name="/upscale_image")) as image:
        assert image.size == (192, 192)


def test_bad_calls_are_refused_plainly(client: Client, model: str, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    Image.new("L", (64, 64)).save(tmp_path / "black.png")
    words, black, good = (
        handle_file(tmp_path / "words.png"),
        handle_file(tmp_path / "black.png"),
        handle_file(picture),
    )
    for said, asked in {
        "prompt": {"prompt": 5, "api_name": "/generate_image"},
        "“steps” is 5000": {"prompt": "x", "model": model, "steps": 5000, "api_name": "/generate_image"},
        "steps: ": {"prompt": "x", "model": model, "steps": "many", "api_name": "/generate_image"},
        "There is nothing to work on": {"prompt": " ", "model": model, "api_name": "/generate_image"},
        "no model called": {"prompt": "x", "model": "no such model", "api_name": "/generate_image"},
        "could not be opened": {"image": words, "model": model, "prompt": "x", "api_name": "/edit_image"},
        "The mask is empty": {"image": good, "mask": black, "model": model, "prompt": "x", "api_name": "/edit_image"},
        "cannot do this task": {"image": good, "model": model, "api_name": "/upscale_image"},
        "“factor” is 1": {"image": good, "factor": 1, "api_name": "/upscale_image"},
    }.items():
        assert said in refusal(client, **asked), said


@pytest.mark.parametrize(
    "image",
    ["/etc/passwd", {"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, None, 5],
)
def test_only_what_was_uploaded_is_read(client: Client, image: Any) -> None:
    said = ""
    try:
        client.predict(image=image, api_name="/upscale_image")
    except Exception as error:  # noqa: BLE001  (gradio refuses some of these by errors of its own)
        said = str(error)
    assert said and "root:" not in said

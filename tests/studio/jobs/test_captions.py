"""What was said of a picture, from a request to the library: with the picture beside it, and nothing where nothing was known."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.base import open_catalog
from pipelines.errors.models import UnknownModel
from pipelines.errors.seeing import NothingToLookAt
from pipelines.provenance import recipe
from pipelines.types.caption import CaptionRequest, CaptionResult, Name
from pipelines.types.crossing import from_json, to_json
from studio.jobs.folder import JobFolder
from studio.jobs.keep import Keep
from studio.library.creations import Creations
from studio.services import Services
from studio.settings import Settings
from tests.studio.jobs.conftest import ANN

MODEL = "HuggingFaceTB/SmolVLM-256M-Instruct"
NAMES = (Name({"en": "red heart", "zh": "红心"}, 0.8),)


def png() -> bytes:
    data = BytesIO()
    Image.new("RGB", (20, 10), "red").save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    creations = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield creations
    creations.close()


def test_what_is_said_is_text_with_its_picture_and_its_recipe(tmp_path: Path, creations: Creations) -> None:
    request = CaptionRequest(MODEL, image="x", question="What is it?")
    folder = JobFolder.create(tmp_path / "jobs", ANN, request, files={"image": png()})
    result = CaptionResult(MODEL, "stop", "red heart", NAMES, seconds=0.5)
    (made,) = Keep(creations, open_catalog(None))(folder.spec(), folder, result)
    assert creations.text(ANN, made) == "red heart" and creations.get(ANN, made).title == "What is it?"
    assert creations.path(ANN, made, "image").read_bytes() == png()
    again = recipe.request_of(creations.get(ANN, made).recipe)
    assert isinstance(again, CaptionRequest) and again.question == "What is it?" and "/" not in again.image


def test_of_what_is_not_known_or_private_nothing_is_kept(tmp_path: Path, creations: Creations) -> None:
    keep, request = Keep(creations, open_catalog(None)), CaptionRequest(MODEL, image="x")
    kept = JobFolder.create(tmp_path / "jobs", ANN, request, files={"image": png()})
    private = JobFolder.create(tmp_path / "jobs", ANN, request, files={"image": png()}, keep=False)
    assert keep(kept.spec(), kept, CaptionResult(MODEL, "stop", "", NAMES, is_known=False)) == ()
    assert keep(private.spec(), private, CaptionResult(MODEL, "stop", "red heart", NAMES)) == ()


def test_a_result_crosses_processes_as_it_is():
    result = CaptionResult(MODEL, "stop", "", NAMES, is_known=False)
    assert from_json("result", to_json(result)) == result
    with pytest.raises(ValueError, match="question"):
        from_json("request", {**to_json(CaptionRequest(MODEL)), "question": 5})


def test_what_cannot_be_asked_comes_to_no_job(tmp_path: Path) -> None:
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    try:
        with pytest.raises(NothingToLookAt):
            services.jobs.submit(ANN, CaptionRequest(MODEL))
        with pytest.raises(UnknownModel):
            services.jobs.submit(ANN, CaptionRequest("no such model"), files={"image": png()})
        assert services.jobs.recent(ANN, 5) == []
    finally:
        services.close()

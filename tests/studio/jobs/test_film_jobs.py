"""Films and their pictures through the real queue and the real worker: what is kept of them, and what is not."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.film import NoPictures, UnreadableFilm
from pipelines.provenance import recipe
from pipelines.types.clip import ClipRequest, FramesRequest, FramesResult
from pipelines.types.crossing import Request
from studio.jobs.folder import End
from studio.jobs.job import Job
from studio.library.lineage import lineage
from studio.services import Services
from studio.settings import Settings
from studio.ui.image.files import png
from tests.studio.jobs.conftest import ANN, watch

CLIP = ClipRequest(("", ""), 0.5, frame_rate=10, title_text="red · blue")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("studio") / "home"
    services = Services(Settings(home=home, cache=Settings.from_environment([]).cache))
    services.start()
    yield services
    services.close()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    colours = ("red", "blue")
    return {f"pictures-{n}": png(Image.new("RGB", (64, 48), colour)) for n, colour in enumerate(colours)}


def ended(services: Services, request: Request, files: dict[str, bytes], **more: object) -> tuple[Job, End]:
    job = services.jobs.submit(ANN, request, files=files, **more)  # type: ignore[arg-type]
    end = watch(services.jobs, ANN, job.id, 120.0)[-1].data
    assert isinstance(end, End)
    return job, end


def test_a_film_is_kept_with_its_recipe_and_its_pictures_come_after_it(services, pictures) -> None:
    job, end = ended(services, CLIP, pictures)
    assert end.state == "done" and end.result.frames == 10
    (film,) = end.creation_ids
    path = services.creations.path(ANN, film)
    asked = recipe.request_of(recipe.read(path))
    assert (asked.seconds, asked.width, asked.height) == (0.5, 64, 48) and path.suffix == ".mp4"
    assert services.creations.path(ANN, film, "thumbnail").exists()
    assert services.jobs.folder(ANN, job.id).path.as_posix() not in path.read_bytes().decode("latin-1")

    files = {"film": path.read_bytes()}
    _, taken = ended(services, FramesRequest(every_seconds=0.5, title_text="red · blue"), files, parents=[film])
    assert isinstance(taken.result, FramesResult) and taken.result.times == (0.0, 0.5)
    colours = [
        Image.open(services.creations.path(ANN, one)).convert("RGB").getpixel((5, 5)) for one in taken.creation_ids
    ]
    assert colours[0][0] > 200 > 60 > colours[0][2] and colours[1][2] > 200
    second = recipe.read(services.creations.path(ANN, taken.creation_ids[1]))
    assert isinstance(recipe.request_of(second), FramesRequest) and second["index"] == 1
    drawn = lineage(services.creations, ANN, film)
    assert {edge[0] for edge in drawn.edges} == {film} and len(drawn.edges) == 2


def test_what_is_private_stays_in_its_job(services, pictures) -> None:
    before = services.creations.list(ANN).total
    job, end = ended(services, CLIP, pictures, keep=False)
    (film,) = services.jobs.folder(ANN, job.id).films().values()
    assert end.creation_ids == () and film[4:8] == b"ftyp"
    job, end = ended(services, FramesRequest(count=2), {"film": film}, keep=False)
    assert [Image.open(BytesIO(one)).size for one in services.jobs.folder(ANN, job.id).pictures()] == [(64, 48)] * 2
    assert end.creation_ids == () and services.creations.list(ANN).total == before


def test_what_is_no_film_ends_in_words_and_names_no_place_of_this_machine(services, tmp_path: Path) -> None:
    with pytest.raises(NoPictures):
        services.jobs.submit(ANN, replace(CLIP, pictures=()))
    _, end = ended(services, FramesRequest(title_text="mine"), {"film": b"\x00\x00\x00\x20ftypisom" + bytes(200)})
    assert end.state == "failed" and isinstance(end.error, UnreadableFilm)
    said = end.error.say("en") + end.error.say("zh")
    assert "mine" in said and str(services.settings.home) not in said

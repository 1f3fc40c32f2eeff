"""Pictures from a request to the library, with a real worker process and a tiny model of the real classes."""

import asyncio
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pipelines.errors.access import NotFound
from pipelines.errors.requests import EmptyPrompt, MissingPicture, SettingOutOfRange
from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest, ImageResult
from studio.jobs.records import PRIVATE_GRACE_SECONDS
from studio.services import Services
from studio.settings import Settings
from studio.ui.image.files import png
from tests.pipelines import tiny_images
from tests.studio.jobs.conftest import ANN, BO, watch

LONG = 500  # steps: long enough to do something in the middle


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("studio") / "home"
    services = Services(Settings(home=home, cache=Settings.from_environment([]).cache))
    services.start()
    yield services
    services.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_images.sd(tmp_path_factory.mktemp("models") / "tiny-sd"))


def grey(level: int = 128) -> bytes:
    return png(Image.new("RGB", (64, 64), (level, level, level)))


def mask() -> bytes:
    """The left half."""
    image = Image.new("L", (64, 64))
    image.paste(255, (0, 0, 32, 64))
    return png(image)


def pixels(services: Services, creation_id: str) -> Image.Image:
    return Image.open(services.creations.path(ANN, creation_id)).convert("RGB")


def wait_for(services: Services, job_id: str, kind: str) -> None:
    async def seen() -> None:
        async for event in services.jobs.watch(ANN, job_id):
            if event.kind == kind:
                return
        raise AssertionError(f"it ended before its first {kind}")

    asyncio.run(asyncio.wait_for(seen(), 120.0))


def test_each_picture_is_a_creation_with_its_recipe(services: Services, model: str) -> None:
    asked = ImageRequest(model, prompt="a red apple", count=3, steps=2, seed=7)
    job = services.jobs.submit(ANN, asked)
    events = watch(services.jobs, ANN, job.id, 120.0)
    end = events[-1].data
    assert end.state == "done" and isinstance(end.result, ImageResult) and len(end.creation_ids) == 3
    assert any(event.kind == "progress" for event in events)
    assert services.jobs.get(ANN, job.id).creation_ids == end.creation_ids
    for index, creation_id in enumerate(end.creation_ids):
        found = recipe.read(services.creations.path(ANN, creation_id))
        assert found == services.creations.get(ANN, creation_id).recipe
        assert (found["index"], found["request"]["seed"], found["request"]["width"]) == (index, 7, 64)
        assert model not in services.creations.path(ANN, creation_id).read_bytes().decode("latin-1"), "no path in it"
        assert services.creations.path(ANN, creation_id, "thumbnail").is_file()
    assert services.creations.list(ANN, "apple", kind="image").total == 3


def test_a_picture_of_a_batch_comes_again_from_its_own_seed(services: Services, model: str) -> None:
    batch = watch(
        services.jobs, ANN, services.jobs.submit(ANN, ImageRequest(model, prompt="a cat", count=2, steps=2, seed=11)).id
    )
    alone = watch(
        services.jobs, ANN, services.jobs.submit(ANN, ImageRequest(model, prompt="a cat", steps=2, seed=12)).id
    )
    second, again = pixels(services, batch[-1].data.creation_ids[1]), pixels(services, alone[-1].data.creation_ids[0])
    assert ImageChops.difference(second, again).getextrema() <= ((0, 1),) * 3


def test_what_it_was_made_from_is_kept_beside_it_and_named_as_its_parent(services: Services, model: str) -> None:
    first = watch(services.jobs, ANN, services.jobs.submit(ANN, ImageRequest(model, prompt="a", steps=2)).id)[-1].data
    asked = ImageRequest(model, "inpaint", "a dog", image="/etc/passwd", mask="../x", steps=2, strength=1.0, seed=3)
    files = {"image": grey(), "mask": mask()}
    job = services.jobs.submit(ANN, asked, files=files, parents=first.creation_ids)
    end = watch(services.jobs, ANN, job.id)[-1].data
    (made,) = end.creation_ids
    creation = services.creations.get(ANN, made)
    assert creation.parents == first.creation_ids
    assert (creation.recipe["request"]["image"], end.result.request.mask) == ("image.png", "mask.png")
    for part, data in files.items():
        assert services.creations.path(ANN, made, part).read_bytes() == data
    changed = ImageChops.difference(pixels(services, made), Image.open(BytesIO(grey())))
    assert changed.crop((0, 0, 32, 64)).getbbox() and not changed.crop((32, 0, 64, 64)).getbbox()

    again = watch(services.jobs, ANN, services.jobs.rerun(ANN, job.id).id)[-1].data
    assert not ImageChops.difference(pixels(services, again.creation_ids[0]), pixels(services, made)).getbbox()
    assert services.creations.get(ANN, again.creation_ids[0]).parents == first.creation_ids


def test_a_request_without_its_files_is_refused_whatever_names_it_holds(services: Services, model: str) -> None:
    named = ImageRequest(model, "image-to-image", "x", image="/etc/passwd")
    with pytest.raises(MissingPicture):
        services.jobs.submit(ANN, named)
    with pytest.raises(MissingPicture):
        services.jobs.submit(ANN, ImageRequest(model, "inpaint", "x"), files={"image": grey()})
    with pytest.raises(SettingOutOfRange):
        services.jobs.submit(ANN, ImageRequest(model, prompt="x", steps=5000))
    end = watch(services.jobs, ANN, services.jobs.submit(ANN, ImageRequest(model, prompt=" ")).id)[-1].data
    assert isinstance(end.error, EmptyPrompt)


def test_a_preview_is_its_owner_s_while_the_job_runs(services: Services, model: str) -> None:
    job = services.jobs.submit(ANN, ImageRequest(model, prompt="x", count=8, steps=LONG))
    wait_for(services, job.id, "preview")
    (preview,) = list((services.settings.home / "jobs" / job.id).glob("preview-*.jpg"))
    with Image.open(BytesIO(services.preview(ANN, job.id, preview.name))) as image:
        assert image.format == "JPEG"
    with pytest.raises(NotFound):
        services.preview(BO, job.id, preview.name)
    services.jobs.cancel(ANN, job.id)
    end = watch(services.jobs, ANN, job.id)[-1].data
    assert end.state == "cancelled" and end.creation_ids == ()
    with pytest.raises(NotFound):
        services.preview(ANN, job.id, preview.name)


def test_one_long_job_runs_at_a_time_and_a_quick_one_beside_it(services: Services, model: str) -> None:
    from tests.studio.jobs.conftest import story

    warm = services.jobs.submit(BO, story(max_new_tokens=3))  # the text model is loaded before the picture begins
    assert watch(services.jobs, BO, warm.id, 120.0)[-1].data.state == "done"
    first = services.jobs.submit(ANN, ImageRequest(model, prompt="x", count=8, steps=LONG))
    wait_for(services, first.id, "progress")
    second = services.jobs.submit(BO, ImageRequest(model, prompt="x", steps=2))
    assert services.jobs.get(BO, second.id).state == "queued"
    place = services.jobs.place(second.id)
    assert place is not None and place.ahead == 1
    quick = services.jobs.submit(BO, story(max_new_tokens=3))
    assert watch(services.jobs, BO, quick.id, 120.0)[-1].data.state == "done"
    assert services.jobs.get(ANN, first.id).state == "running"
    services.jobs.cancel(ANN, first.id)
    assert watch(services.jobs, BO, second.id, 120.0)[-1].data.state == "done"


def test_a_stopped_job_keeps_the_pictures_that_are_finished(services: Services, model: str) -> None:
    """Pictures of 512 × 512 are drawn four at a time."""
    asked = ImageRequest(model, prompt="x", count=64, steps=2, width=512, height=512)
    job = services.jobs.submit(ANN, asked)

    async def stop_in_the_second_batch() -> None:
        async for event in services.jobs.watch(ANN, job.id):
            if event.kind == "progress" and event.data.done >= 3:
                services.jobs.cancel(ANN, job.id)
                return

    asyncio.run(asyncio.wait_for(stop_in_the_second_batch(), 300.0))
    end = watch(services.jobs, ANN, job.id, 120.0)[-1].data
    assert end.state == "cancelled" and 4 <= len(end.creation_ids) < 64
    assert all(services.creations.path(ANN, one).is_file() for one in end.creation_ids)


def test_a_private_job_shows_its_pictures_for_a_moment_and_leaves_nothing(services: Services, model: str) -> None:
    before = services.creations.list(ANN).total
    asked = ImageRequest(model, "image-to-image", "a secret", steps=2, count=2)
    job = services.jobs.submit(ANN, asked, keep=False, files={"image": grey()})
    end = watch(services.jobs, ANN, job.id)[-1].data
    assert end.state == "done" and end.creation_ids == ()
    first, second = services.jobs.folder(ANN, job.id).pictures()
    assert recipe.read(first)["index"] == 0 and recipe.read(second)["index"] == 1
    with pytest.raises(NotFound):
        services.jobs.folder(BO, job.id).pictures()
    folder, deadline = services.settings.home / "jobs" / job.id, time.monotonic() + PRIVATE_GRACE_SECONDS + 10
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert services.creations.list(ANN).total == before
    with pytest.raises(NotFound):
        services.jobs.folder(ANN, job.id).pictures()


def test_this_machine_learns_how_long_pictures_take(services: Services, model: str) -> None:
    usual = services.jobs.usual_seconds(ImageRequest(model, steps=2, width=64, height=64))
    twice = services.jobs.usual_seconds(ImageRequest(model, steps=4, width=64, height=64))
    assert usual is not None and twice is not None and twice == pytest.approx(2 * usual)
    assert services.jobs.usual_seconds(ImageRequest("never seen")) is None
    assert Path(model).is_dir()

"""A story film through the real queue, the real worker and the starter that draws: its parts, an edit, Stop, a restart."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.film import EmptyScene, NoStoryLanguage, TooManyScenes
from pipelines.errors.models import NoModelForTask, UnknownModel, WrongTask
from pipelines.errors.requests import EmptyPrompt
from pipelines.provenance import recipe
from pipelines.types.film import Board, Scene, StoryRequest
from studio.jobs.flows import UNKEPT, fingerprint, unkept
from studio.jobs.folder import End
from studio.services import Services
from studio.settings import Settings
from tests.studio.jobs.conftest import ANN, BO, MODEL, watch

STORY = StoryRequest(
    theme="a fox", scenes=(Scene("A fox saw a rocket.", "fox"), Scene("It flew away.", "rocket")), painter="openmoji-128",
    shape="1:1", seed=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio") / "home"


def open_services(home: Path) -> Services:
    services = Services(Settings(home=home, cache=Settings.from_environment([]).cache))
    services.start()
    return services


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[list[Services]]:
    """The studio that is open; one that is started again takes its place."""
    opened = [open_services(home)]
    yield opened
    opened[-1].close()


def ended(services: Services, request: StoryRequest, owner: str = ANN) -> End:
    job = services.jobs.submit(owner, request)
    end = watch(services.jobs, owner, job.id, 180.0)[-1].data
    assert isinstance(end, End)
    return end


def made_by(folder: Path) -> list[str]:
    """What a part that makes films has made, by its folder."""
    if json.loads((folder / "request.json").read_text())["request"]["kind"] != "film":
        return []
    return list(json.loads((folder / "end.json").read_text())["creation_ids"])


def pictures(services: Services, job_id: str, count: int) -> list[str]:
    """The ids of the pictures of the first `count` scenes, as soon as they are there."""

    async def wait() -> list[str]:
        async for event in services.jobs.watch(ANN, job_id):
            if isinstance(event.data, Board) and all(shown.picture for shown in event.data.scenes[:count]):
                return [shown.picture for shown in event.data.scenes[:count]]
        raise AssertionError("it ended before its pictures")

    return asyncio.run(asyncio.wait_for(wait(), 120.0))


def test_typed_scenes_become_a_film_and_an_edit_makes_again_only_what_depends_on_it(studio: list[Services]) -> None:
    services = studio[-1]
    end = ended(services, STORY)
    assert end.state == "done" and end.creation_ids == (end.result.film,)
    path = services.creations.path(ANN, end.result.film)
    assert path.suffix == ".mp4" and recipe.request_of(recipe.read(path)) == end.result.request
    film = services.creations.get(ANN, end.result.film)
    drawn = tuple(shown.picture for shown in end.result.scenes)
    assert film.kind == "film" and film.parents == drawn and film.title == "a fox"
    assert b"It flew away." in services.creations.converted(ANN, film.id, "srt")
    assert services.creations.list(ANN, "flew", kind="film").total == 1
    assert [job.request.kind for job in services.jobs.recent(ANN)] == ["story"]  # its parts are no jobs of their own

    edited = replace(STORY, scenes=(replace(STORY.scenes[0], text="A fox."), replace(STORY.scenes[1], take=2)))
    job = services.jobs.submit(ANN, edited)
    again = pictures(services, job.id, 2)
    services.jobs.cancel(ANN, job.id)
    assert again[0] == drawn[0] and again[1] != drawn[1]
    second_alone = ended(services, replace(STORY, scenes=STORY.scenes[1:]))
    assert [shown.picture for shown in second_alone.result.scenes] == [drawn[1]]
    same = ended(services, STORY)
    assert same.result.film == film.id and same.ended - (same.started or 0) < 2
    with pytest.raises(NotFound):  # what others have made is not there
        services.creations.get(BO, film.id)
    part = services.jobs.get(ANN, services.creations.get(ANN, drawn[0]).job_id)
    step = fingerprint(part.request, {})
    assert [job.id for job in services.jobs.of_step(ANN, step)] == [part.id] and services.jobs.of_step(BO, step) == []
    (film_job,) = (folder for folder in (services.settings.home / "jobs").iterdir() if film.id in made_by(folder))
    assert not (film_job / "files").exists()  # they stand in the library


def test_a_picture_of_somebody_else_is_not_there(studio: list[Services]) -> None:
    services = studio[-1]
    picture = services.creations.list(ANN, kind="image").items[0].creation.id
    end = ended(services, StoryRequest(scenes=(Scene(picture=picture),), shape="1:1"), BO)
    assert end.state == "failed" and isinstance(end.error, NotFound)


def test_stop_keeps_what_is_finished_and_what_was_deleted_is_made_again(studio: list[Services]) -> None:
    services = studio[-1]
    scenes = tuple(Scene(f"Scene {number}.", name) for number, name in enumerate(("cat", "dog", "bus", "sun")))
    long = replace(STORY, scenes=scenes, seed=9)
    job = services.jobs.submit(ANN, long)
    (first,) = pictures(services, job.id, 1)
    services.jobs.cancel(ANN, job.id)
    pressed = time.monotonic()
    stopped = watch(services.jobs, ANN, job.id)[-1].data
    assert isinstance(stopped, End) and time.monotonic() - pressed < 2
    assert stopped.state == "cancelled" and not stopped.result.scenes[3].picture
    assert stopped.result.scenes[0].picture == first and services.creations.get(ANN, first).title == "cat"
    services.creations.delete(ANN, first)
    job = services.jobs.submit(ANN, long)
    assert pictures(services, job.id, 1) != [first]
    services.jobs.cancel(ANN, job.id)
    assert watch(services.jobs, ANN, job.id)[-1].data.state == "cancelled"  # type: ignore[union-attr]


def test_bad_stories_are_refused_before_anything_is_made(studio: list[Services]) -> None:
    services = studio[-1]
    for request, error in (
        (StoryRequest(), EmptyPrompt),
        (StoryRequest(scenes=(Scene("One."), Scene())), EmptyScene),
        (StoryRequest(scenes=(Scene("One."),) * 25), TooManyScenes),
    ):
        with pytest.raises(error):
            services.jobs.submit(ANN, request)
    for request, error in (
        (StoryRequest(scenes=(Scene("One."),)), NoModelForTask),
        (StoryRequest(MODEL, theme="a fox"), NoModelForTask),
        (replace(STORY, speaker="no such model"), UnknownModel),
        (replace(STORY, speaker="openmoji-128"), WrongTask),
        (replace(STORY, composer="openmoji-128"), WrongTask),
    ):
        end = ended(services, request)
        assert end.state == "failed" and isinstance(end.error, error)
    end = ended(services, StoryRequest(MODEL, "write", theme="小狐狸去月亮", painter="openmoji-128"))
    assert end.state == "failed" and isinstance(end.error, NoStoryLanguage)


def test_a_story_goes_on_after_a_restart(studio: list[Services], home: Path) -> None:
    """The film of a picture of the library is being made when the studio is closed; the next start takes it up."""
    services = studio[-1]
    picture = services.creations.list(ANN, kind="image").items[0].creation.id
    job = services.jobs.submit(ANN, StoryRequest(scenes=(Scene("Seen again.", picture=picture),), shape="1:1"))
    folder, deadline = services.jobs.folder(ANN, job.id), time.monotonic() + 60
    while not any(row.kind == "film" and row.state == "running" for row in services.jobs.unfinished()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    services.close()
    assert folder.end() is None
    studio.append(open_services(home))
    end = watch(studio[-1].jobs, ANN, job.id, 120.0)[-1].data
    assert isinstance(end, End) and end.state == "done" and end.result.scenes[0].picture == picture
    assert studio[-1].creations.path(ANN, end.result.film).is_file()


def test_a_private_story_leaves_nothing_behind(studio: list[Services], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.jobs.records.PRIVATE_GRACE_SECONDS", 2.0)
    services = studio[-1]
    before = services.creations.list(ANN).total
    asked = replace(STORY, scenes=STORY.scenes[:1], seed=77)
    job = services.jobs.submit(ANN, asked, keep=False)
    end = watch(services.jobs, ANN, job.id, 180.0)[-1].data
    assert isinstance(end, End) and end.state == "done" and end.creation_ids == ()
    assert end.result.film.startswith(UNKEPT)
    film = unkept(services.jobs.folder(ANN, end.result.film.removeprefix(UNKEPT)))
    assert film[4:8] == b"ftyp" and recipe.request_of(recipe.read(film)) == end.result.request
    parts = [part.id for part in services.jobs.parts(ANN, job.id)]
    assert parts and services.creations.list(ANN).total == before
    folders = [services.settings.home / "jobs" / one for one in (job.id, *parts)]
    until = time.monotonic() + 60
    while any(folder.exists() for folder in folders) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(folder.exists() for folder in folders)

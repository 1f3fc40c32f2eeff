"""The index of meaning is made by jobs of the studio's own, of people who have looked for something, while nobody waits."""

import asyncio
import shutil
import sqlite3
import threading
import time
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.access import QueueFull
from pipelines.errors.requests import EmptyPrompt
from pipelines.loading import starter
from pipelines.types.search import SENTENCES
from studio.jobs import indexing
from studio.jobs.indexing import Indexing
from studio.services import Services
from studio.settings import Settings
from studio.ui.multimodal.looking_for import Found, Wanted, look_again, look_for
from tests.pipelines.tiny_encoders import save_bert
from tests.studio.jobs.conftest import ANN, BO

WAIT_SECONDS = 60


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Works in this process, with a tiny sentence model in the place of the starter's 90 MB."""
    monkeypatch.setattr(indexing, "BUSY_SECONDS", 0.05)
    cache = tmp_path / "cache"
    place = starter.StarterStore(cache).place(SENTENCES)
    save_bert(tmp_path / "bert")
    place.parent.mkdir(parents=True)
    shutil.move(tmp_path / "bert", place)
    starter._write_manifest(place)
    services = Services(Settings(tmp_path / "home", cache, engine="inline"))
    services.start()
    yield services
    services.indexing.close()
    deadline = time.monotonic() + WAIT_SECONDS
    while services.jobs.unfinished() and time.monotonic() < deadline:
        time.sleep(0.05)
    services.close()


def save(services: Services, owner: str, text: str) -> str:
    made = services.creations.save(owner, "text", text, {}, text, "0" * 32)
    return services.creations.index(owner, made).id


def picture(colour: str) -> bytes:
    data = BytesIO()
    Image.new("RGB", (64, 64), colour).save(data, "PNG")
    return data.getvalue()


def look(services: Services, owner: str, **wanted: object) -> Found:
    async def last() -> Found:
        found = [news async for news in look_for(services, owner, Wanted(**wanted)) if isinstance(news, Found)]
        return found[-1]

    return asyncio.run(asyncio.wait_for(last(), WAIT_SECONDS))


def wait_until_indexed(services: Services, owner: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while services.finding.missing(owner):
        assert time.monotonic() < deadline, services.finding.counts(owner)
        time.sleep(0.05)


def test_what_is_kept_is_found_by_its_words_at_once_and_then_by_its_meaning(services: Services) -> None:
    # 1. Nobody has looked for anything: nothing is made
    cat = save(services, ANN, "a small cat sleeps")
    secret = save(services, BO, "a small cat sleeps")
    services.indexing.nudge()
    assert services.finding.owners() == []

    # 2. The first look finds words, and sets the index going
    found = look(services, ANN, words="cat")
    assert [creation.id for _, creation, _ in found.hits] == [cat] and found.error is None
    assert found.hits[0][0].found_by[0] == "text"
    wait_until_indexed(services, ANN)
    assert services.finding.owners() == [ANN]

    # 3. A picture is found by another one; what is no picture stays found by its words, and stops nobody
    shown = services.creations.save_file(ANN, "image", picture("red"), {}, "", "0" * 32)
    broken = services.creations.save_file(
        ANN, "image", b"no picture", {"request": {"prompt": "ruin"}}, "ruin", "0" * 32
    )
    for made in (shown, broken):
        services.creations.index(ANN, made)
    services.indexing.nudge()
    wait_until_indexed(services, ANN)
    found = look(services, ANN, picture=picture("red"))
    assert found.hits[0][1].id == shown and found.hits[0][0].found_by[0] == "picture-picture"
    assert (found.ready, found.total) == (3, 3)
    assert [creation.id for _, creation, _ in look(services, ANN, words="ruin", kind="image").hits][:1] == [broken]

    # 4. Nobody sees what is another's, or the jobs that made the index
    assert secret not in [creation.id for _, creation, _ in look(services, ANN, words="cat").hits]
    assert [creation.id for _, creation, _ in look(services, BO, words="cat").hits] == [secret]
    assert all(job.request.is_asked for job in services.jobs.recent(ANN))

    # 5. What is deleted is gone
    services.creations.delete(ANN, shown)
    assert shown not in [creation.id for _, creation, _ in look(services, ANN, picture=picture("red")).hits]


def test_a_first_search_goes_on_until_all_can_be_found_by_its_meaning(services: Services) -> None:
    cat = save(services, ANN, "a small cat sleeps")
    save(services, ANN, "the price of steel")

    async def looks() -> list[Found]:
        found = [news async for news in look_for(services, ANN, Wanted("kitten")) if isinstance(news, Found)]
        return [*found, *[more async for more in look_again(services, ANN, found[-1])]]

    first, *later = asyncio.run(asyncio.wait_for(looks(), WAIT_SECONDS))
    assert (first.hits, first.ready, first.total) == ((), 0, 2) and first.is_behind
    assert later[-1].ready == 2 and not later[-1].is_behind
    assert later[-1].hits[0][1].id == cat and later[-1].seconds == first.seconds
    assert asyncio.run(asyncio.wait_for(looks(), WAIT_SECONDS))[0].hits[0][1].id == cat


def test_an_empty_question_is_refused(services: Services) -> None:
    with pytest.raises(EmptyPrompt):
        look(services, ANN, words="  ")


def test_where_no_model_can_be_had_words_are_still_found(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shutil.rmtree(starter.StarterStore(services.settings.cache).place(SENTENCES))
    cat = save(services, ANN, "a small cat sleeps")
    found = look(services, ANN, words="cat")
    assert [creation.id for _, creation, _ in found.hits] == [cat]
    assert found.error is not None and SENTENCES in found.error.say("en")


def test_a_search_that_is_refused_still_looks_for_the_words(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise QueueFull(waiting=99, retry_after_seconds=3)

    monkeypatch.setattr(services.jobs, "submit", refuse)
    cat = save(services, ANN, "a small cat sleeps")
    found = look(services, ANN, words="cat", picture=picture("red"))
    assert [creation.id for _, creation, _ in found.hits] == [cat] and isinstance(found.error, QueueFull)
    with pytest.raises(QueueFull):
        look(services, ANN, picture=picture("red"))


def test_a_file_that_went_by_another_way_is_asked_for_once(services: Services) -> None:
    made = services.creations.save_file(ANN, "image", picture("red"), {}, "red", "0" * 32)
    services.creations.index(ANN, made)
    services.creations.path(ANN, made).unlink()
    services.finding.missing(ANN)
    services.indexing.nudge()
    wait_until_indexed(services, ANN)


def test_a_locked_database_stops_one_person_for_a_while(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "AFTER_ERROR_SECONDS", 0.01)
    for owner in (ANN, BO):
        made = services.creations.save_file(owner, "image", picture("red"), {}, "red", "0" * 32)
        services.creations.index(owner, made)
        services.creations.path(owner, made).unlink()  # so that it takes no job
        services.finding.counts(owner)
    is_locked, missing = threading.Event(), services.finding.missing
    is_locked.set()

    def locked(owner: str) -> list[str]:
        if owner == ANN and is_locked.is_set() and threading.current_thread().name == "indexing":
            raise sqlite3.OperationalError("database is locked")
        return missing(owner)

    monkeypatch.setattr(services.finding, "missing", locked)
    services.indexing.nudge()
    wait_until_indexed(services, BO)
    assert missing(ANN)
    is_locked.clear()
    wait_until_indexed(services, ANN)


def test_what_fails_again_and_again_is_tried_less_and_less(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "AFTER_ERROR_SECONDS", 0.01)
    at: list[float] = []

    def locked() -> list[str]:
        at.append(time.monotonic())
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(services.finding, "owners", locked)
    other = Indexing(services.jobs, services.finding)
    other.start()
    deadline = time.monotonic() + WAIT_SECONDS
    while len(at) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    other.close()
    assert [after - before >= 0.01 * 2**n for n, (before, after) in enumerate(pairwise(at))][:5] == [True] * 5

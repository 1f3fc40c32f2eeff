"""Parts of a flow without a worker: who asks for what is asked for already waits for it, and nobody stops what is another's."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors.access import QuotaReached
from pipelines.errors.film import FilmTooLong
from pipelines.errors.jobs import Interrupted, ShuttingDown
from pipelines.types.crossing import Request
from pipelines.types.film import Scene, StoryRequest, StoryResult
from pipelines.types.image import ImageRequest
from pipelines.types.speech import SpeechRequest, SpeechResult
from studio.jobs.flows import Flow, Flows, Stopped, fingerprint, unkept
from studio.jobs.folder import End, JobFolder
from studio.jobs.story import Storyteller
from studio.services import Services
from studio.settings import Settings
from tests.studio.jobs.conftest import ANN, BO

VOICE = "kokoro-82m"
FOX = ImageRequest("openmoji-128", prompt="fox", seed=1)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Its jobs wait for ever: no worker is started."""
    services = Services(Settings(home=tmp_path / "home", cache=Settings.from_environment([]).cache, person_limit=2))
    yield services
    services.close()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def flow_of(
    services: Services,
    owner: str,
    opened: ExitStack,
    asking: asyncio.Lock | None = None,
    asked: StoryRequest = StoryRequest(theme="a fox"),  # noqa: B008  # it is frozen
) -> tuple[Flow, JobFolder]:
    folder = JobFolder.create(services.settings.home / "flows", owner, asked)
    events = opened.enter_context(folder.writer())
    asking = asking or asyncio.Lock()
    return Flow(services.jobs, services.creations, folder, folder.spec(), events, asking), folder


def test_two_flows_share_a_part_and_one_that_stops_takes_nothing_from_the_other(
    services: Services, opened: ExitStack
) -> None:
    asking = asyncio.Lock()
    (first, stop), (second, other_stop) = (flow_of(services, ANN, opened, asking) for _ in range(2))
    step = fingerprint(FOX, {})

    async def both() -> None:
        parts = [asyncio.create_task(flow.part(FOX)) for flow in (first, second)]
        await asyncio.sleep(0.3)
        (shared,) = services.jobs.of_step(ANN, step)
        assert shared.state == "queued" and services.jobs.recent(ANN) == []
        stop.ask_to_cancel()
        with pytest.raises(Stopped):
            await parts[0]
        await asyncio.sleep(0.3)
        own, shared = services.jobs.of_step(ANN, step)
        assert (own.state, shared.state) == ("queued", "cancelled")
        other_stop.ask_to_cancel()
        with pytest.raises(Stopped):
            await parts[1]

    asyncio.run(asyncio.wait_for(both(), 30))
    assert {job.state for job in services.jobs.of_step(ANN, step)} == {"cancelled"}


def test_a_part_of_somebody_else_is_not_there(services: Services, opened: ExitStack) -> None:
    services.jobs.submit(BO, FOX, step=fingerprint(FOX, {}), flow="0" * 32)
    flow, folder = flow_of(services, ANN, opened)

    async def ask() -> None:
        part = asyncio.create_task(flow.part(FOX))
        await asyncio.sleep(0.3)
        assert len(services.jobs.of_step(ANN, fingerprint(FOX, {}))) == 1
        folder.ask_to_cancel()
        with pytest.raises(Stopped):
            await part

    asyncio.run(asyncio.wait_for(ask(), 30))
    assert [job.state for job in services.jobs.of_step(BO, fingerprint(FOX, {}))] == ["queued"]


def test_where_no_more_jobs_are_taken_a_flow_still_gets_its_parts(services: Services, opened: ExitStack) -> None:
    """Else flows that fill the limit wait for each other for ever. The parts count for nothing, either."""
    cat, _ = [services.jobs.submit(ANN, ImageRequest("openmoji-128", prompt=word)) for word in ("cat", "dog")]
    with pytest.raises(QuotaReached):
        services.jobs.submit(ANN, FOX)
    flow, folder = flow_of(services, ANN, opened)

    async def ask() -> None:
        part = asyncio.create_task(flow.part(FOX))
        while not services.jobs.of_step(ANN, fingerprint(FOX, {})):
            await asyncio.sleep(0.05)
        services.jobs.cancel(ANN, cat.id)
        services.jobs.submit(ANN, ImageRequest("openmoji-128", prompt="sun"))
        folder.ask_to_cancel()
        with pytest.raises(Stopped):
            await part

    asyncio.run(asyncio.wait_for(ask(), 30))


@pytest.fixture
def slow_files(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """The first is set while the files of a part are written, which goes on when the second is."""
    is_writing, may_go_on = threading.Event(), threading.Event()
    create = JobFolder.create

    def slowly(jobs: Path, owner: str, request: Request, **more: Any) -> JobFolder:
        folder = create(jobs, owner, request, **more)
        if more.get("flow"):
            is_writing.set()
            assert may_go_on.wait(20)
        return folder

    monkeypatch.setattr(JobFolder, "create", slowly)
    return is_writing, may_go_on


def test_nobody_waits_while_the_files_of_a_part_are_written(
    services: Services, slow_files: tuple[threading.Event, threading.Event]
) -> None:
    """And what is refused behind that leaves nothing."""
    is_writing, may_go_on = slow_files
    with ThreadPoolExecutor(1) as pool:
        part = pool.submit(services.jobs.submit, ANN, FOX, flow="0" * 32, step="1")
        assert is_writing.wait(20)
        job = services.jobs.submit(BO, FOX)
        services.jobs.close()
        may_go_on.set()
        with pytest.raises(ShuttingDown):
            part.result(20)
    assert [path.name for path in (services.settings.home / "jobs").iterdir()] == [job.id]


def test_a_flow_that_is_left_alone_leaves_its_part_alone(services: Services, opened: ExitStack) -> None:
    flow, _ = flow_of(services, ANN, opened)

    async def leave() -> None:
        part = asyncio.create_task(flow.part(FOX))
        await asyncio.sleep(0.3)
        flow.is_closing = True
        part.cancel()
        with pytest.raises(asyncio.CancelledError):
            await part

    asyncio.run(asyncio.wait_for(leave(), 30))
    assert [job.state for job in services.jobs.of_step(ANN, fingerprint(FOX, {}))] == ["queued"]


def test_a_part_that_is_stopped_while_its_files_are_written_does_not_run(
    services: Services, opened: ExitStack, slow_files: tuple[threading.Event, threading.Event]
) -> None:
    is_writing, may_go_on = slow_files
    flow, _ = flow_of(services, ANN, opened)

    async def stop() -> None:
        part = asyncio.create_task(flow.part(FOX))
        while not is_writing.is_set():  # the flows go on meanwhile
            await asyncio.sleep(0.01)
        part.cancel()
        await asyncio.sleep(0.1)
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await part

    asyncio.run(asyncio.wait_for(stop(), 30))
    assert [job.state for job in services.jobs.of_step(ANN, fingerprint(FOX, {}))] == ["cancelled"]


def test_a_flow_that_asks_while_the_studio_closes_has_no_end(services: Services) -> None:
    """The next start goes on with it."""
    home, reports = services.settings.home / "flows", []
    folder = JobFolder.create(home, ANN, StoryRequest(theme="a fox"))

    async def steps(flow: Flow) -> StoryResult:
        asks.set()
        await flow.part(FOX)
        raise AssertionError("it was refused")

    asks, flows = threading.Event(), Flows(home, services.creations, {"story": steps})
    flows.start(services.jobs, reports.append)
    services.jobs.close()
    flows.run(folder.id)
    assert asks.wait(20)
    time.sleep(0.3)
    flows.close()
    assert folder.is_started() and folder.end() is None and reports == []


def test_a_part_that_takes_the_studio_down_twice_is_not_asked_for_again(services: Services, opened: ExitStack) -> None:
    flow, _ = flow_of(services, ANN, opened)
    step = fingerprint(FOX, {})

    async def ask() -> None:
        for number in range(2):
            part = asyncio.create_task(flow.part(FOX))
            while len(services.jobs.of_step(ANN, step)) == number:
                await asyncio.sleep(0.02)
            job = services.jobs.of_step(ANN, step)[0]
            services.jobs.folder(ANN, job.id).finish(End("interrupted", None, Interrupted(), None, time.time()))
            with pytest.raises(Interrupted):
                await part
        with pytest.raises(Interrupted):
            await flow.part(FOX)

    asyncio.run(asyncio.wait_for(ask(), 30))
    assert len(services.jobs.of_step(ANN, step)) == 2
    later, folder = flow_of(services, ANN, opened)  # who asks anew is not refused

    async def ask_anew() -> None:
        part = asyncio.create_task(later.part(FOX))
        while len(services.jobs.of_step(ANN, step)) == 2:
            await asyncio.sleep(0.02)
        folder.ask_to_cancel()
        with pytest.raises(Stopped):
            await part

    asyncio.run(asyncio.wait_for(ask_anew(), 30))


def test_a_story_whose_narrations_are_too_long_for_a_film_says_so_at_the_first(
    services: Services, opened: ExitStack
) -> None:
    asked = StoryRequest(
        scenes=(Scene("One.", "fox"), Scene("Two.", "dog")), painter="openmoji-128", speaker=VOICE, seed=1
    )
    flow, _ = flow_of(services, ANN, opened, asked=asked)
    said = SpeechRequest(VOICE, "One.", seed=1)

    async def tell() -> None:
        story = asyncio.create_task(Storyteller(services.catalog)(flow))
        while not services.jobs.of_step(ANN, fingerprint(said, {})):
            await asyncio.sleep(0.02)
        (job,) = services.jobs.of_step(ANN, fingerprint(said, {}))
        result = SpeechResult(VOICE, said, "stop", 1000.0, 1.0, 1.0)
        picture = services.creations.save(ANN, "text", "sound", {}, "", job.id)
        services.jobs.folder(ANN, job.id).finish(End("done", result, None, 1.0, 2.0, (picture,)))
        await story

    with pytest.raises(FilmTooLong):
        asyncio.run(asyncio.wait_for(tell(), 30))
    assert services.jobs.of_step(ANN, fingerprint(replace(said, text="Two."), {})) == []


def test_the_same_is_the_same_and_other_files_are_another_part() -> None:
    assert fingerprint(FOX, {}) == fingerprint(ImageRequest("openmoji-128", prompt="fox", seed=1), {})
    prints = {fingerprint(FOX, {}), fingerprint(FOX, {"image": b"1"}), fingerprint(FOX, {"image": b"2"})}
    assert len(prints) == 3 and fingerprint(FOX, {"a": b"1", "b": b"2"}) == fingerprint(FOX, {"b": b"2", "a": b"1"})


def test_of_music_that_is_not_kept_the_sound_is_taken_and_not_its_notes(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, ANN, StoryRequest(theme="a fox"), keep=False)
    assert unkept(folder) == b""
    folder.put_sounds({"midi.mid": b"notes", "sound.flac": b"sound"})
    assert unkept(folder) == b"sound"

"""Parts of a flow without a worker: who asks for what is asked for already waits for it, and nobody stops what is another's."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors.access import QuotaReached
from pipelines.errors.jobs import ShuttingDown
from pipelines.types.crossing import Request
from pipelines.types.film import StoryRequest
from pipelines.types.image import ImageRequest
from studio.jobs.flows import Flow, Stopped, fingerprint
from studio.jobs.folder import JobFolder
from studio.services import Services
from studio.settings import Settings
from tests.studio.jobs.conftest import ANN, BO

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


def flow_of(services: Services, owner: str, opened: ExitStack) -> tuple[Flow, JobFolder]:
    folder = JobFolder.create(services.settings.home / "flows", owner, StoryRequest(theme="a fox"))
    events = opened.enter_context(folder.writer())
    return Flow(services.jobs, services.creations, folder, folder.spec(), events), folder


def test_two_flows_share_a_part_and_one_that_stops_takes_nothing_from_the_other(
    services: Services, opened: ExitStack
) -> None:
    (first, stop), (second, other_stop) = (flow_of(services, ANN, opened) for _ in range(2))
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


def test_nobody_waits_while_the_files_of_a_part_are_written(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is refused behind that leaves nothing."""
    is_writing, may_go_on = threading.Event(), threading.Event()
    create = JobFolder.create

    def slowly(jobs: Path, owner: str, request: Request, **more: Any) -> JobFolder:
        folder = create(jobs, owner, request, **more)
        if more["flow"]:
            is_writing.set()
            assert may_go_on.wait(20)
        return folder

    monkeypatch.setattr(JobFolder, "create", slowly)
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


def test_the_same_is_the_same_and_other_files_are_another_part() -> None:
    assert fingerprint(FOX, {}) == fingerprint(ImageRequest("openmoji-128", prompt="fox", seed=1), {})
    prints = {fingerprint(FOX, {}), fingerprint(FOX, {"image": b"1"}), fingerprint(FOX, {"image": b"2"})}
    assert len(prints) == 3 and fingerprint(FOX, {"a": b"1", "b": b"2"}) == fingerprint(FOX, {"b": b"2", "a": b"1"})

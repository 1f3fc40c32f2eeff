"""The pictures of a data set are captioned by a model: what a person wrote stays, and Stop leaves what is written."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.requests import MalformedRequest, PromptTooLong
from pipelines.training.uploads.captions import BY_PERSON
from pipelines.types.caption import CaptionRequest, CaptionResult
from pipelines.types.dataset import CaptionDataRequest, CaptionDataResult
from studio.jobs.captioning import Captioning
from studio.jobs.flows import Flow
from studio.jobs.folder import End, JobFolder
from studio.library.datasets import OwnDataset
from studio.services import Services
from studio.settings import Settings
from tests.pipelines.training.uploads.seeded import heard, said, split_pictures
from tests.studio.jobs.conftest import ANN, BO
from tests.studio.library.test_datasets import brought

MODEL = "icon-names"
OTHERS = "somebody's model"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Its jobs wait for ever: no worker is started."""
    services = Services(Settings(home=tmp_path / "home", cache=Settings.from_environment([]).cache))
    yield services
    services.close()


@pytest.fixture
def kept(services: Services, tmp_path: Path) -> OwnDataset:
    kept = services.datasets.add(ANN, "Mine", brought(tmp_path, split_pictures()))
    assert isinstance(kept, OwnDataset)
    services.datasets.say(ANN, kept.id, 0, "by hand")
    services.datasets.say(ANN, kept.id, 1, "by a machine", by=OTHERS)
    return kept


def captioned(services: Services, asked: CaptionDataRequest, stop_after: int = 99) -> CaptionDataResult:
    """The flow to its end; each part is answered by its number, the third with nothing known."""
    answered: set[str] = set()

    async def go() -> CaptionDataResult:
        with ExitStack() as opened:
            folder = JobFolder.create(services.settings.home / "flows", ANN, asked)
            events = opened.enter_context(folder.writer())
            flow = Flow(services.jobs, services.creations, folder, folder.spec(), events, asyncio.Lock())
            work = asyncio.create_task(Captioning(services.datasets)(flow))
            while not work.done():
                for row in services.jobs.unfinished():
                    if row.id in answered:
                        continue
                    if len(answered) == stop_after:
                        folder.ask_to_cancel()
                        break
                    answered.add(row.id)
                    text = "" if len(answered) == 3 else f"a thing, {len(answered)}"
                    result = CaptionResult(MODEL, "stop", text)
                    services.jobs.folder(ANN, row.id).finish(End("done", result, None, 1.0, 2.0))
                await asyncio.sleep(0.02)
            return await work

    return asyncio.run(asyncio.wait_for(go(), 60))


def test_what_a_person_wrote_stays_and_the_rest_is_captioned(services: Services, kept: OwnDataset) -> None:
    done = captioned(services, CaptionDataRequest(kept.id, MODEL))
    assert (done.written, done.unknown, done.kept, done.finish_reason) == (10, 1, 1, "stop")
    rows = services.datasets.said(ANN, kept.id)
    assert (rows[0].caption, rows[0].by) == ("by hand", BY_PERSON)
    assert rows[1].caption == "a thing, 1" and {row.by for row in rows[1:] if row.caption} == {MODEL}
    assert sum(not row.caption for row in rows) == 1
    assert services.datasets.get(ANN, kept.id).DATA == "captioned pictures"
    assert services.creations.list(ANN).total == 0  # they stand in the data set
    again = captioned(services, CaptionDataRequest(kept.id, MODEL, overwrite=True))
    assert again.kept == 0 and services.datasets.said(ANN, kept.id)[0].by == MODEL


def test_stopped_it_leaves_what_is_written(services: Services, kept: OwnDataset) -> None:
    done = captioned(services, CaptionDataRequest(kept.id, MODEL), stop_after=2)
    assert done.finish_reason == "cancelled" and done.written == 2
    assert sum(row.by == MODEL for row in services.datasets.said(ANN, kept.id)) == 2


def test_a_caption_written_meanwhile_stays(services: Services, kept: OwnDataset) -> None:
    asked = CaptionDataRequest(kept.id, MODEL)

    async def go() -> None:
        with ExitStack() as opened:
            folder = JobFolder.create(services.settings.home / "flows", ANN, asked)
            events = opened.enter_context(folder.writer())
            flow = Flow(services.jobs, services.creations, folder, folder.spec(), events, asyncio.Lock())
            work = asyncio.create_task(Captioning(services.datasets)(flow))
            while not services.jobs.unfinished():
                await asyncio.sleep(0.02)
            services.datasets.say(ANN, kept.id, 1, "faster by hand")
            (row,) = services.jobs.unfinished()
            result = CaptionResult(MODEL, "stop", "too late")
            services.jobs.folder(ANN, row.id).finish(End("done", result, None, 1.0, 2.0))
            deadline = time.monotonic() + 20
            while [one.id for one in services.jobs.unfinished()] in ([], [row.id]):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            folder.ask_to_cancel()
            await work

    asyncio.run(asyncio.wait_for(go(), 60))
    assert services.datasets.said(ANN, kept.id)[1].caption == "faster by hand"


def test_what_is_said_and_shown_is_its_owners(services: Services, kept: OwnDataset, tmp_path: Path) -> None:
    datasets = services.datasets
    assert datasets.media(ANN, kept.id, "0.png").read_bytes().startswith(b"\x89PNG")
    for owner, name in ((BO, "0.png"), (ANN, "../dataset.json"), (ANN, "99.png"), (ANN, "0.flac")):
        with pytest.raises(NotFound):
            datasets.media(owner, kept.id, name)
    with pytest.raises(NotFound):
        datasets.say(BO, kept.id, 0, "mine")
    with pytest.raises(NotFound):
        datasets.say(ANN, kept.id, 99, "which?")
    with pytest.raises(PromptTooLong):
        datasets.say(ANN, kept.id, 0, "x" * 3000)
    sounds = datasets.add(ANN, "Heard", brought(tmp_path, heard(captions=said())))
    assert isinstance(sounds, OwnDataset) and sounds.DATA == "captioned sounds"
    assert datasets.media(ANN, sounds.id, datasets.said(ANN, sounds.id)[0].media).read_bytes().startswith(b"fLaC")


@pytest.mark.parametrize(
    "asked",
    [CaptionDataRequest("own_x", MODEL), CaptionDataRequest("own_0123456789abcdef", ""), CaptionDataRequest("own_0123456789abcdef", MODEL, "xx")],
)  # fmt: skip
def test_what_cannot_be_asked(asked: CaptionDataRequest) -> None:
    with pytest.raises(MalformedRequest):
        asked.check()
    assert CaptionRequest(MODEL, image="x").title() == ""

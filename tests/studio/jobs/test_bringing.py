"""A data set of the hub: pinned to its commit, only files of rows, stopped, refused in plain words."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors.requests import MalformedRequest, NoRevision
from pipelines.errors.training import HubDataUnavailable, NoDataFiles, UnknownHubData
from pipelines.loading.hub import data as hub_data
from pipelines.training.uploads.own import OwnData
from pipelines.types.dataset import FetchDataRequest, FetchDataResult
from studio.jobs.bringing import Bringing
from studio.jobs.flows import Flow
from studio.jobs.job import Job
from studio.services import Services
from studio.settings import Settings
from tests.hub import LocalHub, ask_here
from tests.pipelines.training.uploads.seeded import GOOD, columns, parquet
from tests.studio.jobs.conftest import ANN

ROWS = {"data/train-00000.parquet": parquet(columns())[0][1], "README.md": b"# words", "run.py": b"raise SystemExit(9)"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub() as local:
        ask_here(monkeypatch, local.address, tmp_path / "hf")
        yield local


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.jobs.start()
    yield services
    services.close()


def ended(services: Services, job: Job) -> Job:
    deadline = time.monotonic() + 60
    while not job.is_ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        job = services.jobs.get(ANN, job.id)
    return job


def test_it_is_kept_with_the_commit_it_came_from(services: Services, hub: LocalHub, tmp_path: Path) -> None:
    commit = hub.add("owner/words", ROWS, card={"license": "cc0-1.0"}).commit
    job = ended(services, services.jobs.submit(ANN, FetchDataRequest("owner/words")))
    assert job.state == "done" and isinstance(job.result, FetchDataResult)
    assert (job.result.commit, job.result.count, job.result.found) == (commit, 12, 0)
    kept = services.datasets.get(ANN, job.result.dataset)
    assert kept.title == "owner/words" and kept.source.endswith(f"owner/words/tree/{commit}")
    assert OwnData(services.datasets.folder / kept.id).LICENCE == "cc0-1.0"
    assert {one.file for one in hub.sent} == {"data/train-00000.parquet"}  # no script, no page
    assert [path.name for path in services.datasets.folder.iterdir()] == [kept.id]

    # A server that is killed before the end is written finds it there
    again = Flow.__new__(Flow)
    again.id, again.owner, again.request = job.id, ANN, job.request
    hub.is_down = True
    told = asyncio.run(Bringing(services.datasets, tmp_path / "token")(again))
    assert (told.dataset, told.commit, told.count) == (kept.id, commit, 12)


def test_too_little_of_it_is_told_and_nothing_kept(services: Services, hub: LocalHub) -> None:
    hub.add("owner/bad", {"rows.jsonl": b'{"text": "one"}\n{bad'})
    job = ended(services, services.jobs.submit(ANN, FetchDataRequest("owner/bad")))
    assert isinstance(job.result, FetchDataResult) and (job.result.dataset, job.result.count) == ("", 1)


def test_stop_ends_it_and_leaves_nothing(services: Services, hub: LocalHub) -> None:
    hub.bytes_per_second = 20_000
    hub.add("owner/slow", {"a.parquet": b"0" * 4_000_000})
    job = services.jobs.submit(ANN, FetchDataRequest("owner/slow"))
    deadline = time.monotonic() + 60
    while not any(path.suffix == ".part" for path in services.datasets.folder.rglob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    services.jobs.cancel(ANN, job.id)
    assert ended(services, job).state == "cancelled"
    assert list(services.datasets.folder.iterdir()) == []


def test_what_cannot_be_fetched_says_so(hub: LocalHub) -> None:
    hub.add("owner/code", {"load.py": b"import os", "README.md": b"#", "dataset_infos.json": b"{}"})
    with pytest.raises(NoDataFiles):
        hub_data.look("owner/code", "main", None)
    for name, revision in (("owner/nothing", "main"), ("owner/code", "no-such-branch")):
        with pytest.raises(UnknownHubData):
            hub_data.look(name, revision, None)
    hub.is_down = True
    with pytest.raises(HubDataUnavailable):
        hub_data.look("owner/code", "main", None)


def test_one_form_is_enough_and_what_is_too_much_is_named(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = json.dumps({"text": GOOD[0]}).encode()
    hub.add("owner/both", {"a/test.jsonl": rows, "a/train.jsonl": rows * 2, "a.csv": b"text\nx", "state.json": b"{}"})
    found = hub_data.look("owner/both", "main", None)
    assert [file.name for file in found.files] == ["a/test.jsonl", "a/train.jsonl"] and found.left == ()
    monkeypatch.setattr(hub_data, "MOST_BYTES", len(rows))
    assert hub_data.look("owner/both", "main", None).left == ("a/train.jsonl",)


@pytest.mark.parametrize("name", ["", "../etc", "owner/../x", "a/b/c", "owner/name?x", "$(touch x)", "-x", "x" * 200])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(MalformedRequest):
        FetchDataRequest(name).check()


def test_a_revision_that_is_none() -> None:
    with pytest.raises(NoRevision):
        FetchDataRequest("owner/words", "../main").check()

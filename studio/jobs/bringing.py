"""The flow that brings a data set of the hub: looked up, fetched, examined, kept as one of the person's own. Knows no page.

It is fetched into a folder of its own that goes at the end; after a restart it begins again.
"""

import asyncio
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.loading.hub import data as hub
from pipelines.loading.hub.data import HubData
from pipelines.types.dataset import FetchDataRequest, FetchDataResult
from pipelines.types.events import Loading
from studio.files import storage_errors
from studio.jobs.flows import Flow, Stopped
from studio.library.datasets import AT_WORK, Datasets, Origin, OwnDataset, Report

TOLD_BYTES = 1_000_000


class Bringing:
    """Called with a flow whose request is a FetchDataRequest."""

    def __init__(self, datasets: Datasets, token_file: Path) -> None:
        self._datasets = datasets
        self._token_file = token_file

    async def __call__(self, flow: Flow) -> FetchDataResult:
        """Raises the errors of pipelines/loading/hub/data.py, and what keeping it raises."""
        asked = flow.request
        assert isinstance(asked, FetchDataRequest)
        with suppress(NotFound):  # kept already, and the server was killed before that was told
            kept = self._datasets.get(flow.owner, _id_of(flow))
            return FetchDataResult(kept.id, kept.source.rpartition("/")[2], kept.count, kept.found)

        # 1 What there is, at one commit from now on
        found = await asyncio.to_thread(hub.look, asked.name, asked.revision, self._token_file)

        # 2 Its files, and what is good of them
        try:
            made = await asyncio.to_thread(self._keep, flow, found)
        except Stopped:
            return FetchDataResult("", found.commit, 0, 0, "cancelled")
        if isinstance(made, Report):
            return FetchDataResult("", found.commit, made.count, made.found)
        return FetchDataResult(made.id, found.commit, made.count, made.found)

    def _keep(self, flow: Flow, found: HubData) -> OwnDataset | Report:
        """Raises Stopped between two pieces."""
        into = self._datasets.folder / f"{AT_WORK}{secrets.token_hex(8)}"
        done, told = 0, 0

        def on_bytes(count: int) -> None:
            nonlocal done, told
            if flow.is_stopping:
                raise Stopped
            done += count
            if done - told >= TOLD_BYTES:
                told = done
                flow.tell(Loading("download", found.name, done, found.size_bytes))

        try:
            with storage_errors(self._datasets.folder):
                into.mkdir(parents=True)
            brought = hub.bring(found, into, self._token_file, on_bytes)
            origin = Origin(
                f"https://huggingface.co/datasets/{found.name}/tree/{found.commit}", found.licence, found.left
            )
            on_bytes(0)
            return self._datasets.add(flow.owner, found.name, brought, origin, _id_of(flow))
        finally:
            shutil.rmtree(into, ignore_errors=True)


def _id_of(flow: Flow) -> str:
    """The id of the data set that comes of it: the same at every go."""
    return f"own_{flow.id[:16]}"

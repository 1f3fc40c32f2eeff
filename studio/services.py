"""Every long-lived object of the server, made once and passed down. The only place that knows who needs whom."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

from pipelines.base import open_catalog
from pipelines.errors.access import NotFound
from pipelines.errors.models import ModelError
from pipelines.loading.starter import StarterStore
from pipelines.provenance import recipe
from pipelines.types.download import DownloadResult
from pipelines.types.text import TextResult
from pipelines.types.training import TrainRequest
from studio.api.gate import Gate
from studio.home import Home
from studio.hub_token import HubToken
from studio.identity import Identity
from studio.jobs.bringing import Bringing
from studio.jobs.captioning import Captioning
from studio.jobs.engine import make_engine
from studio.jobs.flows import Flows, Steps
from studio.jobs.indexing import Indexing
from studio.jobs.job import Job
from studio.jobs.runs import Runs
from studio.jobs.store import JobStore
from studio.jobs.story import Storyteller
from studio.jobs.studies import Studies
from studio.jobs.study import Studying
from studio.jobs.supervisor import Supervisor
from studio.jobs.trainings import Trainings
from studio.library.added import AddedModels
from studio.library.conversations import Conversations
from studio.library.creations import Creations
from studio.library.datasets import Datasets
from studio.library.finding import Finding, models_of
from studio.library.removal import Removal
from studio.settings import Settings

log = logging.getLogger("studio")


class Services:
    """What the page and the routes are given. Making it takes the home; `start` lets the worker run."""

    def __init__(self, settings: Settings, announce: Callable[[str], None] = log.warning) -> None:
        """`announce` is told what the keeper of the studio should read. Raises StorageError when the home fails."""
        self.settings = settings
        self.home = Home.open(settings.home)
        self.identity = Identity(settings.home, settings.auth)
        self.gate = (
            Gate(lambda token: announce(f"To let a browser in, open {_page(settings)}?token={token}"))
            if settings.is_gated
            else None
        )
        self.hub_token = HubToken(settings.home)
        self.catalog = open_catalog(
            settings.home / "models",
            cache_folder=settings.cache,
            allow_any=not settings.is_public_demo,
            token_file=self.hub_token.file,
        )
        self.added = AddedModels(settings.home / "models")
        self._store = JobStore(settings.home / "studio.db")  # first: it sets a damaged database aside
        self.creations = Creations(settings.home / "library", settings.home / "studio.db")
        self.conversations = Conversations(settings.home / "conversations")
        self.datasets = Datasets(settings.home)
        steps: dict[str, Steps] = {
            "story": Storyteller(self.catalog),
            "study": Studying(settings.home),
            "fetch_data": Bringing(self.datasets, self.hub_token.file),
            "caption_data": Captioning(self.datasets),
        }
        flows = Flows(settings.home / "jobs", self.creations, steps)
        self.jobs = Supervisor(
            settings, self.catalog, self._store, make_engine(settings), Trainings(settings), flows, self._keep_end
        )
        self.finding = Finding(self.creations, settings.home / "studio.db", models_of(StarterStore(settings.cache)))
        self.indexing = Indexing(self.jobs, self.finding)
        self.runs = Runs(settings, self.jobs, self.datasets)
        self.studies = Studies(settings.home, self.jobs, self.runs)
        self.removal = Removal(
            settings.home / "models",
            self.catalog,
            StarterStore(settings.cache),
            self.added,
            self.conversations,
            self.models_at_work,
            self.jobs.unload,
        )
        self.jobs.recover()
        self.runs.go_on()

    def models_at_work(self) -> list[str]:
        """The model of each job that waits or runs, whoever asked for it."""
        return [row.model for row in self.jobs.unfinished()]

    def start(self) -> None:
        """Let the worker run. Until then requests wait in the queue."""
        self.jobs.start()
        self.indexing.start()

    def close(self, *, is_pausing: bool = False) -> None:
        """Stop the worker, or wait for what it has for a few seconds, then let the home go.

        Training runs go on without the server; with `is_pausing` they save, end, and go on at its next start.
        """
        self.indexing.close()
        self.jobs.close(is_pausing=is_pausing)
        self.finding.close()
        self.creations.close()
        self._store.close()
        self.home.close()

    def preview(self, owner: str, job_id: str, name: str) -> bytes:
        """The JPEG file that a preview event named, or a newer one; the WAV file of a piece of sound.

        Raises NotFound, also once the job has ended (of a piece: a while after).
        """
        folder = self.jobs.folder(owner, job_id)
        data = folder.preview(name) or folder.piece(name)
        if data is None:
            raise NotFound(thing="file")
        return data

    def _keep_end(self, job: Job) -> None:
        """Write a job's end where people look for it: an answer into its conversation, a creation into the index, a model into the lists."""
        for creation_id in job.creation_ids:
            with suppress(NotFound):  # its person deleted it meanwhile
                self.creations.index(job.owner, creation_id)
        if job.creation_ids:
            self.indexing.nudge()
        with suppress(NotFound):
            if job.conversation_id and job.node_id and isinstance(job.result, TextResult):
                facts = recipe.facts(job.result)
                self.conversations.settle(job.owner, job.conversation_id, job.node_id, job.result.text, facts)
        if isinstance(job.result, DownloadResult) and job.state == "done":
            self._keep_model(job.result)
        if isinstance(job.request, TrainRequest):
            self.runs.go_on_after(job)

    def _keep_model(self, came: DownloadResult) -> None:
        """A model that is no row of the catalog stands in the lists from now on, at the commit that came."""
        if not self.catalog.is_row(came.model):
            with suppress(ModelError):  # it was removed again meanwhile
                self.added.add(replace(self.catalog.find(came.model), revision=came.revision))


def _page(settings: Settings) -> str:
    """The page's address as others on the network write it, when the machine's name leads to its own address."""
    host = settings.host.strip("[]")
    if host in ("0.0.0.0", "::"):
        with suppress(OSError, UnicodeError):
            named = socket.gethostbyname(socket.gethostname())
            host = host if ip_address(named).is_loopback else named
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"

"""Every long-lived object of the server, made once and passed down. The only place that knows who needs whom."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from pipelines.base import open_catalog
from pipelines.errors import NotFound
from pipelines.provenance import recipe
from studio.api.gate import Gate
from studio.home import Home
from studio.identity import Identity
from studio.jobs.engine import make_engine
from studio.jobs.job import Job
from studio.jobs.store import JobStore
from studio.jobs.supervisor import Supervisor
from studio.library.conversations import Conversations
from studio.library.creations import Creations
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
        self.catalog = open_catalog(
            settings.home / "models", cache_folder=settings.cache, allow_any=not settings.is_public_demo
        )
        self._store = JobStore(settings.home / "studio.db")  # first: it sets a damaged database aside
        self.creations = Creations(settings.home / "library", settings.home / "studio.db")
        self.conversations = Conversations(settings.home / "conversations")
        self.jobs = Supervisor(settings, self.catalog, self._store, make_engine(settings), self._keep_end)
        self.jobs.recover()

    def start(self) -> None:
        """Let the worker run. Until then requests wait in the queue."""
        self.jobs.start()

    def close(self) -> None:
        """Stop the worker, or wait for what it has for a few seconds, then let the home go."""
        self.jobs.close()
        self.creations.close()
        self._store.close()
        self.home.close()

    def _keep_end(self, job: Job) -> None:
        """Write a job's end where people look for it: the answer into its conversation, the creation into the index."""
        with suppress(NotFound):  # its person deleted it meanwhile
            if job.creation_id:
                self.creations.index(job.owner, job.creation_id)
            if job.conversation_id and job.node_id and job.result:
                facts = recipe.facts(job.result)
                self.conversations.settle(job.owner, job.conversation_id, job.node_id, job.result.text, facts)


def _page(settings: Settings) -> str:
    """The page's address as others on the network write it, when the machine's name leads to its own address."""
    host = settings.host.strip("[]")
    if host in ("0.0.0.0", "::"):
        with suppress(OSError, UnicodeError):
            named = socket.gethostbyname(socket.gethostname())
            host = host if ip_address(named).is_loopback else named
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"

"""How unfinished jobs and this machine look by now, outside of gradio's events: `<live-view>` is filled from here.

    place → in a component's HTML → the browser asks again and again (assets/js/live.js) → looks

Knows no gradio.
"""

import time
from collections.abc import Callable, Mapping

from pipelines.errors.access import NotFound
from pipelines.types.image import ImageRequest
from studio.api.live import Look
from studio.identity import GUEST
from studio.jobs.job import Job, Place
from studio.services import Services
from studio.ui import lists
from studio.ui.facts import jobs_line, size
from studio.ui.image import view as image
from studio.ui.safe import escape
from studio.ui.stream import Live, peek
from studio.ui.words import say
from studio.ui.working import Working

VIEWS: Mapping[type, Callable[[Working, str, float], str]] = {ImageRequest: image.working_stage}
SHOWN_JOBS = 20
JOB_SECONDS = 1.0  # each look takes the browser and the server some 20 ms from the cores that draw on a laptop
PAGE_SECONDS = 2.0


def place(what: str, seconds: float, first: str = "") -> str:
    """Where a look goes that is asked for every so many seconds, with `first` in it until then."""
    return f'<live-view src="live/{escape(what)}" data-seconds="{seconds:g}">{first}</live-view>'


def job_place(job: Job, language: str) -> str:
    """Where the looks of a job go. It does not change while the job runs."""
    first = VIEWS[type(job.request)](Working(job, Live.of_job(job)), language, job.created)
    return place(f"job/{job.id}", JOB_SECONDS, first)


class Looks:
    """Each method is a look: (owner, which, language) → our own escaped HTML."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def by_name(self) -> dict[str, Look]:
        return {"job": self.job, "jobs": self.jobs, "chips": self.chips}

    def job(self, owner: str, which: str, language: str) -> str:
        """An unfinished job. Raises NotFound, also when it has ended."""
        job = self._services.jobs.get(owner, which)
        view = VIEWS.get(type(job.request))
        if view is None or job.is_ended:
            raise NotFound(thing="job")
        live, usual = peek(self._services.jobs, owner, job), self._services.jobs.usual_seconds(job.request)
        return view(Working(job, live, usual), language, time.time())

    def jobs(self, owner: str, which: str, language: str) -> str:
        """The rows of the job drawer."""
        rows = [lists.JobRow(job, self._place(job)) for job in self._recent(owner)]
        return lists.job_rows(rows, language, time.time())

    def chips(self, owner: str, which: str, language: str) -> str:
        """What this machine is, and how many jobs of this person run and wait: a press opens the drawer."""
        states = [job.state for job in self._recent(owner)]
        line = jobs_line(states.count("running"), states.count("queued"), language)
        device = f'<span class="chip" id="device-chip">{self._device(language)}</span>'
        return f'{device}<button class="chip" id="jobs-chip" data-action="drawer">{escape(line)}</button>'

    def _recent(self, owner: str) -> list[Job]:
        return [] if owner == GUEST else self._services.jobs.recent(owner, SHOWN_JOBS)

    def _place(self, job: Job) -> Place | None:
        return self._services.jobs.place(job.id) if job.state == "queued" else None

    def _device(self, language: str) -> str:
        worker = self._services.jobs.status()["workers"][0]
        device = str(worker.get("device") or "cpu").upper()
        used, total = worker.get("memory_used_bytes"), worker.get("memory_total_bytes")
        if worker.get("state") != "ready":
            line = say("device_starting", language, device=device)
        elif used and total:
            line = say("device_chip", language, device=device, used=size(used), total=size(total))
        else:
            line = device
        return f'<span class="dot dot-{escape(worker.get("state", ""))}"></span>{escape(line)}'

"""The right side of what makes something: a press submits a job; one watcher shows what runs, waits and came out.

    press → job → `pulse` changes → watch: events of the jobs → stage, facts, actions, what waits

The watcher may die with the page: the jobs go on, and opening the page finds them again. Knows no kind of job: how each
looks stands in the file of its tab.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.services import Services
from studio.ui.stream import Live, follow_all
from studio.ui.watchers import Updates, Watchers, changes, pulse
from studio.ui.working import Working, followed

Shown = tuple[str, str]  # ("follow", job) goes on to the next job that runs; ("job", job) and ("creation", id) stay
NOTHING: Shown = ("follow", "")
WATCHED_JOBS = 30
MOST_CHARACTERS = 128_000_000  # of data URLs in a page's memory; what the newest job made is always whole


class PageMemory:
    """What one page holds in memory and nowhere else: what private jobs made, and its watchers.

    Of what is too much the oldest goes. Gradio's session proves nobody's identity, so the owner is asked for each time.
    """

    def __init__(self) -> None:
        self.watchers = Watchers()
        self._unkept: dict[str, tuple[str, Job, dict[str, str]]] = {}

    def put(self, owner: str, job: Job, urls: dict[str, str]) -> None:
        self._unkept[job.id] = (owner, job, urls)
        while len(self._unkept) > 1 and self._characters() > MOST_CHARACTERS:
            del self._unkept[next(iter(self._unkept))]

    def _characters(self) -> int:
        return sum(len(url) for _, _, urls in self._unkept.values() for url in urls.values())

    def get(self, owner: str, job_id: str) -> tuple[Job, dict[str, str]] | None:
        """The job and its files as data URLs, by name."""
        found = self._unkept.get(job_id)
        return found[1:] if found is not None and found[0] == owner else None


@dataclass(frozen=True)
class Scene:
    """Everything that one look at the jobs needs: who looks, in which language, what the stage is to show, and which of several
    results the buttons are about."""

    owner: str
    language: str
    shown: Shown
    memory: PageMemory
    picked: str = ""


class Stage(ABC):
    """What it remembers, and the updates that show a job or a creation. `name` is that of its settings in the browser."""

    def __init__(self, services: Services, name: str) -> None:
        self._services = services
        self.shown = gr.State(NOTHING)
        self.job = gr.State("")  # the job that stands on the stage
        self.pulse = gr.State("")  # changes when there is something new to watch
        self.memory = gr.State(PageMemory())
        # rendered outside the tab: gradio 6.31 reads nothing from the browser in a tab that was not opened yet
        self.saved = gr.BrowserState({}, storage_key=name, secret="studio", render=False)
        self.saved_shown = gr.BrowserState(list(NOTHING), storage_key=f"{name}-shown", secret="studio", render=False)

    # ── what a tab says of itself ────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def is_mine(self, asked: object) -> bool:
        """Whether a job that was asked for so is shown here."""

    @property
    @abstractmethod
    def stage_outputs(self) -> list[Any]:
        """What a watcher may change."""

    @abstractmethod
    def unkept_files(self, owner: str, job: Job) -> dict[str, str]:
        """What a private job made, as data URLs by name."""

    @abstractmethod
    def _queue(self, scene: Scene, rows: Sequence[Working], now: float) -> Updates:
        """What runs and waits beside what is on the stage."""

    @abstractmethod
    def _working_stage(self, scene: Scene, mine: Working, now: float) -> Updates: ...

    @abstractmethod
    def _ended_stage(self, scene: Scene, job_id: str, live: Live | None) -> Updates:
        """What a job came to, what went wrong with it, or nothing yet."""

    @abstractmethod
    def _creation_stage(self, scene: Scene, creation_id: str) -> Updates: ...

    @abstractmethod
    def _recent(self, scene: Scene) -> Updates:
        """The strip of recent results."""

    # ── what to show ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def show_outputs(self) -> list[Any]:
        """What a press changes that shows something else."""
        return [self.shown, self.saved_shown, self.pulse]

    def show(self, what: str, which: str, *, is_kept: bool = True) -> Updates:
        """Show something and watch what runs. What is not kept is not found again after a reload."""
        saved = [what, which] if is_kept else list(NOTHING)
        return {self.shown: (what, which), self.saved_shown: saved, **self.watched()}

    def watched(self) -> Updates:
        """The update that starts a watcher."""
        return {self.pulse: pulse()}

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def course(self, at: str, scene: Scene) -> AsyncIterator[Updates]:
        """The stage and what runs and waits, up to the end of all of it, or until a newer watcher shows it."""
        nothing = {self.stage_outputs[0]: gr.skip()}
        async for updates in scene.memory.watchers.watch(at, changes(self._news(scene)), nothing):
            yield updates

    async def _news(self, scene: Scene) -> AsyncGenerator[Updates, None]:
        jobs = {job.id: job for job in self._unfinished(scene.owner)}
        usual = {job.id: self._services.jobs.usual_seconds(job.request) for job in jobs.values()}
        lives: dict[str, Live] = {job_id: Live.of_job(job) for job_id, job in jobs.items()}

        def running() -> list[Working]:
            return [Working(job, lives[job.id], usual[job.id]) for job in jobs.values() if lives[job.id].end is None]

        yield {**self._now(scene, running(), lives), **self._recent(scene)}
        ended: set[str] = set()
        async for so_far in follow_all(self._services.jobs, scene.owner, list(jobs)):
            lives = {**lives, **so_far}
            new_ends = {job_id for job_id, live in lives.items() if live.end is not None} - ended
            for job_id in new_ends:
                await asyncio.to_thread(self._take_unkept, scene, job_id)
            ended |= new_ends
            yield {**self._now(scene, running(), lives), **(self._recent(scene) if new_ends else {})}

    def _unfinished(self, owner: str) -> list[Job]:
        """The person's jobs of this stage that wait or run, the oldest first; those of a talk are shown there."""
        recent = [] if owner == GUEST else self._services.jobs.recent(owner, WATCHED_JOBS)
        mine = [job for job in reversed(recent) if self.is_mine(job.request) and not job.conversation_id]
        return [job for job in mine if not job.is_ended]

    def _take_unkept(self, scene: Scene, job_id: str) -> None:
        """What a private job made, before its folder goes."""
        job = self._job(scene.owner, job_id)
        if job is None or job.keep or scene.memory.get(scene.owner, job_id) is not None:
            return
        with suppress(NotFound):
            files = self.unkept_files(scene.owner, job)
            if files or job.is_ended:
                scene.memory.put(scene.owner, job, files)

    def _now(self, scene: Scene, running: list[Working], lives: Mapping[str, Live]) -> Updates:
        """How everything stands but the strip of recent results."""
        now = time.time()
        what, which = scene.shown
        if what == "follow":
            which = followed(which, running, lives)
        rows = [row for row in running if row.job.id != which] if what != "creation" else running
        queue = self._queue(scene, rows, now)
        if what == "creation":
            return {**queue, **self._creation_stage(scene, which)}
        mine = next((row for row in running if row.job.id == which), None)
        if mine is not None:
            return {**queue, **self._working_stage(scene, mine, now)}
        return {**queue, **self._ended_stage(scene, which, lives.get(which))}

    # ── jobs and models ──────────────────────────────────────────────────────────────────────────────────────────────

    def _job(self, owner: str, job_id: str) -> Job | None:
        try:
            job = self._services.jobs.get(owner, job_id) if job_id else None
        except NotFound:
            return None
        return job if job is not None and self.is_mine(job.request) else None

    def model_name(self, model: str) -> str:
        """The name of a row, of a folder its last part, else what was pasted."""
        try:
            return self._services.catalog.find(model).name
        except StudioError:
            return model

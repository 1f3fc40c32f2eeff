"""A sub-tab of the Audio tab: what all four have. A press submits a job; one watcher shows what runs, waits and came out.

    press → job → `pulse` changes → watch: events of the jobs → stage, facts, actions, what waits

The watcher may die with the page: the jobs go on, and opening the page finds them again. What a sub-tab asks and how
its result looks stands in its own file.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.types.crossing import Request
from pipelines.types.model import Task
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.library.creations import Creation, Item
from studio.services import Services
from studio.ui import safe, watchers, working
from studio.ui.audio import view
from studio.ui.audio.files import Given, small_url_of, url_of
from studio.ui.audio.layout import Parts
from studio.ui.i18n import language
from studio.ui.stream import Live, follow_all
from studio.ui.watchers import Watchers
from studio.ui.words import say
from studio.ui.working import Working, followed

Updates = dict[Any, Any]
Shown = tuple[str, str]  # ("follow", job) goes on to the next job that runs; ("job", job) and ("creation", id) stay
NOTHING: Shown = ("follow", "")
RECENT, WATCHED_JOBS = 8, 30


class PageMemory:
    """What one page holds in memory and nowhere else: what private jobs made, and its watchers."""

    def __init__(self) -> None:
        self.watchers = Watchers()
        self._unkept: dict[str, tuple[str, Job, dict[str, str]]] = {}

    def put(self, owner: str, job: Job, urls: dict[str, str]) -> None:
        self._unkept[job.id] = (owner, job, urls)

    def get(self, owner: str, job_id: str) -> tuple[Job, dict[str, str]] | None:
        """The job and its files as data URLs, by name."""
        found = self._unkept.get(job_id)
        return found[1:] if found is not None and found[0] == owner else None


@dataclass(frozen=True)
class Scene:
    """Everything that one look at the jobs needs: who looks, in which language, and what the stage is to show."""

    owner: str
    language: str
    shown: Shown
    memory: PageMemory


@dataclass(frozen=True)
class Outcome:
    """What there is of a job or of a creation whose job is gone. `urls` are the files of what is not kept, by name."""

    job: Job | None
    creation: Creation | None
    urls: Mapping[str, str]

    @property
    def result(self) -> Any:
        return self.job.result if self.job is not None else None


class SoundStage(ABC):
    """The right side of a sub-tab: what it remembers, and the updates that show a job or a creation."""

    area: ClassVar[str]
    request_class: ClassVar[Any]
    task: ClassVar[Task | None]
    kept_as: ClassVar[str] = "sound"  # the kind of its creations

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        self.parts: Parts = self.lay_out()
        self.shown = gr.State(NOTHING)
        self.job = gr.State("")  # the job that stands on the stage
        self.pulse = gr.State("")  # changes when there is something new to watch
        self.memory = gr.State(PageMemory())
        self.source = gr.State(())  # what was sent here: each creation, and the file or the text that it became
        # rendered outside the tab: gradio 6.31 reads nothing from the browser in a tab that was not opened yet
        name = f"studio-{self.area}"
        self.saved = gr.BrowserState({}, storage_key=name, secret="studio", render=False)
        self.saved_shown = gr.BrowserState(list(NOTHING), storage_key=f"{name}-shown", secret="studio", render=False)

    # ── what a sub-tab says of itself ────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def lay_out(self) -> Parts: ...

    @abstractmethod
    def asked(self, values: Mapping[str, Any]) -> tuple[Request, dict[str, Given]]:
        """The request that the form makes, and its files. Raises InvalidRequest."""

    @abstractmethod
    def filled(self, asked: Any) -> Updates:
        """The form filled in with a request, but for its files."""

    @abstractmethod
    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        """The stage, the line of facts and the actions of what came out; the stage "" where nothing did."""

    def is_mine(self, asked: object) -> bool:
        return isinstance(asked, self.request_class)

    @property
    def stage_outputs(self) -> list[Any]:
        """What a watcher may change."""
        p = self.parts
        return [p.stage, p.facts, p.actions, p.queue, p.recent, p.stop, self.job]

    @property
    def show_outputs(self) -> list[Any]:
        """What a press changes that shows something else."""
        return [self.shown, self.saved_shown, self.pulse]

    # ── what to show ─────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, what: str, which: str, *, is_kept: bool = True) -> Updates:
        """Show something and watch what runs. What is not kept is not found again after a reload."""
        return {
            self.shown: (what, which),
            self.saved_shown: [what, which] if is_kept else list(NOTHING),
            self.pulse: watchers.pulse(),
        }

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(self, pulse: str, shown: Shown, memory: PageMemory, request: gr.Request) -> AsyncIterator[Updates]:
        """Show the stage and what runs and waits, up to the end of all of it, or until a newer watcher does."""
        if not memory.watchers.begin(pulse):
            yield {self.parts.stage: gr.skip()}  # gradio 6.31 empties the outputs of a generator that yields nothing
            return
        scene = Scene(self._services.identity.who(request), language(request), shown, memory)
        jobs = {job.id: job for job in self._unfinished(scene.owner)}
        usual = {job.id: self._services.jobs.usual_seconds(job.request) for job in jobs.values()}
        seen: Updates = {}

        def news(lives: Mapping[str, Live]) -> Updates:
            """What has changed since the last time."""
            running = [Working(job, lives[job.id], usual[job.id]) for job in jobs.values() if lives[job.id].end is None]
            updates = self._now(scene, running, lives)
            changed = {part: new for part, new in updates.items() if part not in seen or seen[part] != new}
            seen.update(updates)
            return changed

        lives: dict[str, Live] = {job_id: Live.of_job(job) for job_id, job in jobs.items()}
        yield {**news(lives), self.parts.recent: self._recent(scene)}
        ended: set[str] = set()
        async for so_far in follow_all(self._services.jobs, scene.owner, list(jobs)):
            if not memory.watchers.is_newest(pulse):
                yield {self.parts.stage: gr.skip()}  # gradio sends what was yielded last once more at the end
                return
            lives = {**lives, **so_far}
            new_ends = {job_id for job_id, live in lives.items() if live.end is not None} - ended
            for job_id in new_ends:
                await asyncio.to_thread(self._take_unkept, scene, job_id)
            updates = news(lives)
            if new_ends:
                ended |= new_ends
                updates = {**updates, self.parts.recent: self._recent(scene)}
            if updates:
                yield updates

    def _unfinished(self, owner: str) -> list[Job]:
        """The person's jobs of this sub-tab that wait or run, the oldest first; those of a talk are shown there."""
        recent = [] if owner == GUEST else self._services.jobs.recent(owner, WATCHED_JOBS)
        mine = [job for job in reversed(recent) if self.is_mine(job.request) and not job.conversation_id]
        return [job for job in mine if not job.is_ended]

    def _take_unkept(self, scene: Scene, job_id: str) -> None:
        """What a private job made, before its folder goes."""
        job = self._job(scene.owner, job_id)
        if job is None or job.keep or scene.memory.get(scene.owner, job_id) is not None:
            return
        folder = self._services.jobs.folder(scene.owner, job_id)
        pictures = list(enumerate(folder.pictures()))
        files = folder.sounds() | folder.films() | {f"{number}.png": data for number, data in pictures}
        # a hundred whole ones are too much for a page
        smaller = {f"{number}.webp": small_url_of(data) for number, data in pictures}
        if self.kept_as == "text":  # it is heard beside what was written down
            with suppress(FileNotFoundError):
                files |= folder.files(job.request)
        scene.memory.put(scene.owner, job, smaller | {name: url_of(data) for name, data in files.items()})

    # ── how things stand ─────────────────────────────────────────────────────────────────────────────────────────────

    def _now(self, scene: Scene, running: list[Working], lives: Mapping[str, Live]) -> Updates:
        """The whole right side but the strip of recent results."""
        now = time.time()
        what, which = scene.shown
        if what == "follow":
            which = followed(which, running, lives)
        rows = [row for row in running if row.job.id != which] if what != "creation" else running
        told_rows = [
            (row, self._title(row.job, scene.language), view.working_line(row, scene.language, now)) for row in rows
        ]
        queue = {self.parts.queue: working.queue(told_rows, scene.language)}
        if what == "creation":
            return {**queue, **self._creation_stage(scene, which)}
        mine = next((row for row in running if row.job.id == which), None)
        if mine is not None:
            return {**queue, **self._working_stage(scene, mine, now)}
        return {**queue, **self._ended_stage(scene, which, lives.get(which))}

    def _working_stage(self, scene: Scene, mine: Working, now: float) -> Updates:
        p = self.parts
        return {
            p.stage: view.working_stage(mine, scene.language),
            p.facts: safe.escape(view.working_line(mine, scene.language, now)),
            p.actions: "",
            p.stop: gr.update(interactive=True),
            self.job: mine.job.id,
        }

    def _ended_stage(self, scene: Scene, job_id: str, live: Live | None) -> Updates:
        """What a job came to, what went wrong with it, or nothing yet."""
        self._take_unkept(scene, job_id)
        unkept = scene.memory.get(scene.owner, job_id)
        job = self._job(scene.owner, job_id) or (unkept[0] if unkept else None)
        if job is None:
            return self._standing(view.empty_stage(self.area, scene.language), "", "", "")
        live = live or Live.of_job(job)
        outcome = Outcome(job, self._creation_of(scene.owner, job), unkept[1] if unkept else {})
        stage, facts, actions = self.outcome(outcome, scene.language)
        if live.has_failed:
            stage, actions = view.failed_stage(live, scene.language), view.again_action(job_id, scene.language)
        return self._standing(stage or view.gone_stage(scene.language), safe.escape(facts), actions, job_id)

    def _creation_stage(self, scene: Scene, creation_id: str) -> Updates:
        try:
            creation = self._services.creations.get(scene.owner, creation_id)
        except NotFound:
            return self._standing(view.empty_stage(self.area, scene.language), "", "", "")
        job = self._job(scene.owner, creation.job_id)
        stage, facts, actions = self.outcome(Outcome(job, creation, {}), scene.language)
        return self._standing(stage or view.gone_stage(scene.language), safe.escape(facts), actions, creation.job_id)

    def _standing(self, stage: str, facts: str, actions: str, job_id: str) -> Updates:
        p = self.parts
        return {
            p.stage: stage,
            p.facts: facts,
            p.actions: actions,
            p.stop: gr.update(interactive=False),
            self.job: job_id,
        }

    # ── jobs, creations, models ──────────────────────────────────────────────────────────────────────────────────────

    def sound_of(self, outcome: Outcome) -> view.Sound | None:
        """The sound of an outcome, where there is one."""
        if outcome.creation is not None:
            made = outcome.creation
            return view.Sound(f"media/{made.id}", made.id, self.url_of_part(made, "midi"))
        url = outcome.urls.get("sound.flac")
        return view.Sound(url, midi_url=outcome.urls.get("midi.mid", "")) if url else None

    def url_of_part(self, creation: Creation, part: str) -> str:
        """Where what stands beside a creation can be fetched; "" where nothing does."""
        try:
            self._services.creations.path(creation.owner, creation.id, part)
        except NotFound:
            return ""
        return f"media/{creation.id}/{part}"

    def sound_actions(self, outcome: Outcome, sound: view.Sound, language: str) -> str:
        is_starred = outcome.creation is not None and outcome.creation.is_starred
        return view.sound_actions(sound, language, is_starred=is_starred)

    def _creation_of(self, owner: str, job: Job) -> Creation | None:
        for creation_id in job.creation_ids:
            try:
                return self._services.creations.get(owner, creation_id)
            except NotFound:
                continue
        return None

    def _job(self, owner: str, job_id: str) -> Job | None:
        try:
            job = self._services.jobs.get(owner, job_id) if job_id else None
        except NotFound:
            return None
        return job if job is not None and self.is_mine(job.request) else None

    def _title(self, job: Job, lang: str) -> str:
        return job.title or say(f"job_{job.request.kind}", lang)

    def _recent(self, scene: Scene) -> str:
        if scene.owner == GUEST:
            return view.recent((), self.area, scene.language)
        page = self._services.creations.list(scene.owner, kind=self.kept_as, size=4 * RECENT)
        mine = [one for one in page.items if self._is_recent(one)]
        return view.recent(mine[:RECENT], self.area, scene.language)

    def _is_recent(self, item: Item) -> bool:
        asked = item.creation.recipe.get("request")
        return isinstance(asked, dict) and asked.get("kind") == self.request_class.kind

    def model_name(self, model: str) -> str:
        try:
            return self._services.catalog.find(model).name
        except StudioError:
            return model

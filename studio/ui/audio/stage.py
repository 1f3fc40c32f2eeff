"""A sub-tab of the Audio tab, and of others that make sounds, films or words of files: what all of them have on their right side.

What a sub-tab asks and how its result looks stands in its own file.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.types.crossing import Request
from pipelines.types.model import Task
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.library.creations import Creation, Item
from studio.services import Services
from studio.ui import safe, working
from studio.ui.audio import view
from studio.ui.audio.files import Given, small_url_of, url_of
from studio.ui.audio.layout import Parts
from studio.ui.i18n import language
from studio.ui.stage import PageMemory, Scene, Shown, Stage
from studio.ui.stream import Live
from studio.ui.watchers import Updates
from studio.ui.words import say
from studio.ui.working import Working

RECENT = 8


@dataclass(frozen=True)
class Outcome:
    """What there is of a job or of a creation whose job is gone. `urls` are the files of what is not kept, by name."""

    job: Job | None
    creation: Creation | None
    urls: Mapping[str, str]

    @property
    def result(self) -> Any:
        return self.job.result if self.job is not None else None


class SoundStage(Stage):
    """The right side of a sub-tab: what it remembers, and the updates that show a job or a creation."""

    area: ClassVar[str]
    request_class: ClassVar[Any]
    task: ClassVar[Task | None]
    kept_as: ClassVar[str] = "sound"  # the kind of its creations

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        self.parts: Parts = self.lay_out()
        super().__init__(services, f"studio-{self.area}")
        self.source = gr.State(())  # what was sent here: each creation, and the file or the text that it became

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
        p = self.parts
        return [p.stage, p.facts, p.actions, p.queue, p.recent, p.stop, self.job]

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(self, pulse: str, shown: Shown, memory: PageMemory, request: gr.Request) -> AsyncIterator[Updates]:
        scene = Scene(self._services.identity.who(request), language(request), shown, memory)
        async for updates in self.course(pulse, scene):
            yield updates

    def unkept_files(self, owner: str, job: Job) -> dict[str, str]:
        folder = self._services.jobs.folder(owner, job.id)
        pictures = list(enumerate(folder.pictures()))
        files = folder.sounds() | folder.films() | {f"{number}.png": data for number, data in pictures}
        # a hundred whole ones are too much for a page
        smaller = {f"{number}.webp": small_url_of(data) for number, data in pictures}
        if self.kept_as == "text":  # it is heard beside what was written down
            with suppress(FileNotFoundError):
                files |= folder.files(job.request)
        return smaller | {name: url_of(data) for name, data in files.items()}

    # ── how things stand ─────────────────────────────────────────────────────────────────────────────────────────────

    def _queue(self, scene: Scene, rows: Sequence[Working], now: float) -> Updates:
        told_rows = [
            (row, self._title(row.job, scene.language), view.working_line(row, scene.language, now)) for row in rows
        ]
        return {self.parts.queue: working.queue(told_rows, scene.language)}

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

    def _title(self, job: Job, lang: str) -> str:
        return job.title or say(f"job_{job.request.kind}", lang)

    def _recent(self, scene: Scene) -> Updates:
        mine: list[Item] = []
        if scene.owner != GUEST:
            page = self._services.creations.list(scene.owner, kind=self.kept_as, size=4 * RECENT)
            mine = [one for one in page.items if self._is_recent(one)][:RECENT]
        return {self.parts.recent: view.recent(mine, self.area, scene.language)}

    def _is_recent(self, item: Item) -> bool:
        asked = item.creation.recipe.get("request")
        return isinstance(asked, dict) and asked.get("kind") == self.request_class.kind

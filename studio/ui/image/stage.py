"""The right side of the Image tab: what it remembers, and the updates that show a job or a creation. Its presses: `presses.py`."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest, ImageResult, ImageTask
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.library.creations import Creation
from studio.services import Services
from studio.ui import safe, sending, watchers
from studio.ui.components import model_choices_of
from studio.ui.i18n import language, t
from studio.ui.image import view
from studio.ui.image.chosen import IMAGE_TASKS
from studio.ui.image.layout import lay_out
from studio.ui.image.picture_box import url_of
from studio.ui.image.view import Picture
from studio.ui.live import job_place
from studio.ui.stream import Live, follow_all
from studio.ui.watchers import Watchers
from studio.ui.words import say
from studio.ui.working import Working, followed

Updates = dict[Any, Any]

RECENT = 16
WATCHED_JOBS = 30

# What the stage shows: ("follow", job) goes on to the next job that runs, ("job", job) and ("creation", id) stay
Shown = tuple[str, str]
NOTHING: Shown = ("follow", "")


class PageMemory:
    """What one page holds in memory and nowhere else: the pictures of private jobs, and its watchers.

    Gradio's session proves nobody's identity, so the owner is asked for each time.
    """

    def __init__(self) -> None:
        self.watchers = Watchers()
        self._unkept: dict[str, tuple[str, tuple[str, ...]]] = {}

    def put(self, owner: str, job_id: str, urls: tuple[str, ...]) -> None:
        self._unkept[job_id] = (owner, urls)

    def get(self, owner: str, job_id: str) -> tuple[str, ...] | None:
        whose, urls = self._unkept.get(job_id, ("", ()))
        return urls if whose == owner else None


@dataclass(frozen=True)
class Scene:
    """Everything that one look at the jobs needs: who looks, in which language, and what the stage is to show."""

    owner: str
    language: str
    shown: Shown
    picked: str
    memory: PageMemory


class ImageStageView:
    """The parts of the tab, what the page remembers of it, and the updates that show how things stand."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.settings, self.form, self.parts, self.retouching = lay_out(
            services, self._models("en"), self._first_model()
        )
        self.shown = gr.State(NOTHING)
        self.job = gr.State("")  # the job that stands on the stage
        self.picked = gr.State("")  # the picture that the buttons are about
        self.pair = gr.State("")  # "ask": the next picture that is pressed is compared with the picked one; or its id
        self.pulse = gr.State("")  # changes when there is something new to watch
        self.memory = gr.State(PageMemory())
        self.before = gr.State("")  # the prompt before it was enriched
        self.source = gr.State(("", ""))  # what was sent here as the prompt: the creation and its text
        # rendered outside the tab (see `load`): gradio 6.31 reads nothing from the browser in a tab that was not opened yet
        self.saved = gr.BrowserState({}, storage_key="studio-image", secret="studio", render=False)
        self.saved_shown = gr.BrowserState(
            list(NOTHING), storage_key="studio-image-shown", secret="studio", render=False
        )

    @property
    def stage_outputs(self) -> list[Any]:
        """What a watcher may change."""
        p = self.parts
        return [
            p.stage, p.facts, p.actions, p.again, p.use, p.as_input, p.sending, p.compare, p.retouch, p.star, p.download, p.compared,
            p.queue, p.recent, self.form.stop, self.job, self.picked, self.retouching.panel,
        ]  # fmt: skip

    @property
    def show_outputs(self) -> list[Any]:
        """What a press changes that shows something else."""
        return [
            self.shown,
            self.saved_shown,
            self.picked,
            self.pair,
            self.pulse,
            self.parts.compared,
            self.retouching.panel,
        ]

    # ── what to show ─────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, what: str, which: str, *, is_kept: bool = True) -> Updates:
        """Show something and watch what runs. What is not kept is not found again after a reload."""
        return {
            self.shown: (what, which),
            self.saved_shown: [what, which] if is_kept else list(NOTHING),
            self.picked: "",
            self.pair: "",
            self.parts.compared: gr.update(value="", visible=False),
            self.retouching.panel: gr.update(visible=False),
            **self.watched(),
        }

    def watched(self) -> Updates:
        """The update that starts a watcher."""
        return {self.pulse: watchers.pulse()}

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(
        self, pulse: str, shown: Shown, picked: str, memory: PageMemory, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """Show the stage and what runs and waits, up to the end of all of it, or until a newer watcher does."""
        if not memory.watchers.begin(pulse):
            yield {self.parts.stage: gr.skip()}  # gradio 6.31 empties the outputs of a generator that yields nothing
            return
        scene = Scene(self._services.identity.who(request), language(request), shown, picked, memory)
        jobs = {job.id: job for job in self._unfinished(scene.owner)}
        usual = {job.id: self._services.jobs.usual_seconds(job.request) for job in jobs.values()}
        seen: Updates = {}

        def news(lives: Mapping[str, Live]) -> Updates:
            """What has changed since the last time: previews are large, and a step is often only a new line."""
            running = [job for job in jobs.values() if lives[job.id].end is None]
            updates = self._now(scene, [Working(job, lives[job.id], usual[job.id]) for job in running], lives)
            changed = {part: new for part, new in updates.items() if part not in seen or seen[part] != new}
            seen.update(updates)
            return changed

        lives: dict[str, Live] = {job_id: Live.of_job(job) for job_id, job in jobs.items()}
        yield {**news(lives), self.parts.recent: self._recent_html(scene)}
        ended: set[str] = set()
        async for told in follow_all(self._services.jobs, scene.owner, list(jobs)):
            if not memory.watchers.is_newest(pulse):
                yield {self.parts.stage: gr.skip()}  # gradio sends what was yielded last once more at the end
                return
            lives = {**lives, **told}
            new_ends = {job_id for job_id, live in lives.items() if live.end is not None} - ended
            for job_id in new_ends:
                self._take_unkept(scene, job_id)
            updates = news(lives)
            if new_ends:
                ended |= new_ends
                updates = {**updates, self.parts.recent: self._recent_html(scene)}
            if updates:
                yield updates

    def _unfinished(self, owner: str) -> list[Job]:
        """The person's jobs of this tab that wait or run, the oldest first."""
        recent = [] if owner == GUEST else self._services.jobs.recent(owner, WATCHED_JOBS)
        return [job for job in reversed(recent) if isinstance(job.request, ImageRequest) and not job.is_ended]

    def _take_unkept(self, scene: Scene, job_id: str) -> None:
        """The pictures of a private job, before its folder goes."""
        try:
            pictures = self._services.jobs.folder(scene.owner, job_id).pictures()
        except NotFound:
            return
        if pictures:
            scene.memory.put(scene.owner, job_id, tuple(url_of(data) for data in pictures))

    # ── how things stand ─────────────────────────────────────────────────────────────────────────────────────────────

    def _now(self, scene: Scene, working: list[Working], lives: Mapping[str, Live]) -> Updates:
        """The whole right side but the strip of recent pictures."""
        now = time.time()
        what, which = scene.shown
        if what == "follow":
            which = followed(which, working, lives)
        rows = [row for row in working if row.job.id != which] if what != "creation" else working
        queue = {self.parts.queue: view.queue(rows, scene.language, now)}
        if what == "creation":
            return {**queue, **self._creation_stage(scene, which)}
        mine = next((row for row in working if row.job.id == which), None)
        if mine is not None:
            return {**queue, **self._working_stage(scene, mine.job)}
        return {**queue, **self._ended_stage(scene, which, lives.get(which))}

    def _working_stage(self, scene: Scene, job: Job) -> Updates:
        """The same as long as the job is not finished: how it looks by now is asked for beside gradio."""
        p = self.parts
        return {
            p.stage: job_place(job, scene.language),
            p.facts: "",
            p.actions: gr.update(visible=False),
            self.form.stop: gr.update(interactive=True),
            self.job: job.id,
        }

    def _ended_stage(self, scene: Scene, job_id: str, live: Live | None) -> Updates:
        """The pictures of a job that has ended, what went wrong with it, or nothing yet."""
        job = self._job(scene.owner, job_id)
        if job is not None and not job.keep and scene.memory.get(scene.owner, job_id) is None:
            self._take_unkept(scene, job_id)
        unkept = scene.memory.get(scene.owner, job_id)
        if job is None and unkept is None:
            return self._empty_stage(scene)
        live = live if live is not None or job is None else Live.of_job(job)
        pictures = self.pictures_of(scene, job) if job is not None and job.keep else unkept_pictures(unkept or ())
        result = live.end.result if live is not None and live.end is not None else None
        facts = ""
        if isinstance(result, ImageResult):
            facts = safe.escape(view.image_facts(result, self._model_name(result.model), scene.language))
            facts += view.image_notes(result, scene.language)
        updates = self._pictures_stage(scene, pictures, facts)
        has_failed = live is not None and live.has_failed
        if not pictures:
            failed = view.failed_stage(live, scene.language) if live is not None and has_failed else ""
            updates |= {self.parts.stage: failed or view.no_pictures(scene.language)}
            updates |= {self.parts.actions: gr.update(visible=has_failed)}
        return {**updates, self.parts.again: gr.update(visible=has_failed), self.job: job_id}

    def _creation_stage(self, scene: Scene, creation_id: str) -> Updates:
        try:
            creation = self._services.creations.get(scene.owner, creation_id)
        except NotFound:
            return self._empty_stage(scene)
        asked = recipe.request_of(creation.recipe)
        facts = ""
        if isinstance(asked, ImageRequest):
            facts = safe.escape(view.recipe_facts(asked, self._model_name(asked.model), scene.language))
        updates = self._pictures_stage(scene, [self.picture_of(creation)], facts)
        return {**updates, self.parts.again: gr.update(visible=False), self.job: creation.job_id}

    def _pictures_stage(self, scene: Scene, pictures: list[Picture], facts: str) -> Updates:
        p = self.parts
        picked = next((one for one in pictures if one.id == scene.picked), pictures[0] if pictures else None)
        is_kept = picked is not None and picked.is_kept
        return {
            p.stage: view.gallery(pictures, picked.id if picked else "", scene.language),
            p.facts: facts,
            p.actions: gr.update(visible=bool(pictures)),
            p.use: gr.update(visible=is_kept),
            p.as_input: gr.update(visible=picked is not None),
            p.sending: sending.menu("image", picked.id, scene.language, but="picture") if picked and is_kept else "",
            p.compare: gr.update(visible=len(pictures) > 1 or bool(picked and picked.before_url)),
            p.retouch: gr.update(visible=is_kept),
            p.star: gr.update(visible=is_kept, value=t(self.star_word(scene.owner, picked))),
            p.download: gr.update(visible=picked is not None, value=view.downloads(picked, scene.language) if picked else ""),
            self.form.stop: gr.update(interactive=False),
            self.picked: picked.id if picked else "",
        }  # fmt: skip

    def _empty_stage(self, scene: Scene) -> Updates:
        p = self.parts
        return {
            p.stage: view.empty_stage(scene.language, has_models=self._first_model() is not None),
            p.facts: "",
            p.actions: gr.update(visible=False),
            self.form.stop: gr.update(interactive=False),
            self.job: "",
        }

    def pictures_on(self, scene: Scene, job_id: str) -> list[Picture]:
        """The pictures that stand on the stage, where `job_id` does."""
        if scene.shown[0] == "creation":
            return [self.picture_of(self._services.creations.get(scene.owner, scene.shown[1]))]
        job, unkept = self._job(scene.owner, job_id), scene.memory.get(scene.owner, job_id)
        return self.pictures_of(scene, job) if job is not None and job.keep else unkept_pictures(unkept or ())

    # ── jobs, creations, models ──────────────────────────────────────────────────────────────────────────────────────

    def pictures_of(self, scene: Scene, job: Job) -> list[Picture]:
        """The creations of a job that are still there."""
        pictures = []
        for creation_id in job.creation_ids:
            try:
                pictures.append(self.picture_of(self._services.creations.get(scene.owner, creation_id)))
            except NotFound:
                continue
        return pictures

    def picture_of(self, creation: Creation) -> Picture:
        try:
            self._services.creations.path(creation.owner, creation.id, "image")
            before_url = f"media/{creation.id}/image"
        except NotFound:
            before_url = ""
        return Picture(creation.id, f"media/{creation.id}", creation.title, before_url=before_url)

    def star_word(self, owner: str, picture: Picture | None) -> str:
        if picture is None or not picture.is_kept:
            return "star"
        return "unstar" if self._services.creations.get(owner, picture.id).is_starred else "star"

    def _recent_html(self, scene: Scene) -> str:
        page = self._services.creations.list(scene.owner, kind="image", size=RECENT) if scene.owner != GUEST else None
        return view.recent(page.items if page else (), scene.language)

    def _job(self, owner: str, job_id: str) -> Job | None:
        try:
            job = self._services.jobs.get(owner, job_id) if job_id else None
        except NotFound:
            return None
        return job if job is not None and isinstance(job.request, ImageRequest) else None

    def _model_name(self, model: str) -> str:
        """The name of a row, of a folder its last part, else what was pasted."""
        try:
            return self._services.catalog.find(model).name
        except StudioError:
            return model

    def _models(self, lang: str) -> list[tuple[str, str]]:
        rows = [spec for spec in self._services.catalog.rows() if set(spec.tasks) & set(IMAGE_TASKS)]
        return model_choices_of(self._services, rows, lang)

    def _first_model(self) -> str | None:
        """A starter, else one on this machine; never one that would be downloaded unasked."""
        rows = [
            spec for spec in self._services.catalog.rows("text-to-image") if self._services.catalog.is_on_disk(spec)
        ]
        return min(rows, key=lambda spec: spec.source != "starter").id if rows else None

    def tasks_of(self, model: str) -> tuple[ImageTask, ...]:
        """What a model can do; of one that is not known, everything."""
        try:
            tasks = self._services.catalog.find(model).tasks if model.strip() else ()
        except StudioError:
            tasks = ()
        return tuple(task for task in IMAGE_TASKS if task in tasks) or IMAGE_TASKS


def unkept_pictures(urls: tuple[str, ...]) -> list[Picture]:
    return [Picture(str(number), url, say("untitled_picture", "en"), is_kept=False) for number, url in enumerate(urls)]

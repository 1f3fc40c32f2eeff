"""The right side of the Image tab: what it remembers, and the updates that show a job or a creation. Its presses: `presses.py`."""

from collections.abc import AsyncIterator, Sequence
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
from studio.ui import safe, sending
from studio.ui.components import model_choices_of
from studio.ui.i18n import language, t
from studio.ui.image import view
from studio.ui.image.chosen import IMAGE_TASKS
from studio.ui.image.layout import lay_out
from studio.ui.image.picture_box import url_of
from studio.ui.image.view import Picture
from studio.ui.live import job_place
from studio.ui.stage import PageMemory, Scene, Shown, Stage
from studio.ui.stream import Live
from studio.ui.watchers import Updates
from studio.ui.words import say
from studio.ui.working import Working

RECENT = 16


class ImageStage(Stage):
    """The parts of the tab, what the page remembers of it, and the updates that show how things stand."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.settings, self.form, self.parts, self.retouching = lay_out(
            services, self._models("en"), self._first_model()
        )
        super().__init__(services, "studio-image")
        self.picked = gr.State("")  # the picture that the buttons are about
        self.pair = gr.State("")  # "ask": the next picture that is pressed is compared with the picked one; or its id
        self.before = gr.State("")  # the prompt before it was enriched
        self.source = gr.State(("", ""))  # what was sent here as the prompt: the creation and its text

    def is_mine(self, asked: object) -> bool:
        return isinstance(asked, ImageRequest)

    @property
    def stage_outputs(self) -> list[Any]:
        p = self.parts
        return [
            p.stage, p.facts, p.actions, p.again, p.use, p.as_input, p.sending, p.compare, p.retouch, p.star, p.download, p.compared,
            p.queue, p.recent, self.form.stop, self.job, self.picked, self.retouching.panel,
        ]  # fmt: skip

    @property
    def show_outputs(self) -> list[Any]:
        return [*super().show_outputs, self.picked, self.pair, self.parts.compared, self.retouching.panel]

    def show(self, what: str, which: str, *, is_kept: bool = True) -> Updates:
        return {
            **super().show(what, which, is_kept=is_kept),
            self.picked: "",
            self.pair: "",
            self.parts.compared: gr.update(value="", visible=False),
            self.retouching.panel: gr.update(visible=False),
        }

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(
        self, pulse: str, shown: Shown, picked: str, memory: PageMemory, request: gr.Request
    ) -> AsyncIterator[Updates]:
        scene = Scene(self._services.identity.who(request), language(request), shown, memory, picked)
        async for updates in self.course(pulse, scene):
            yield updates

    def unkept_files(self, owner: str, job: Job) -> dict[str, str]:
        pictures = self._services.jobs.folder(owner, job.id).pictures()
        return {str(number): url_of(data) for number, data in enumerate(pictures)}

    # ── how things stand ─────────────────────────────────────────────────────────────────────────────────────────────

    def _queue(self, scene: Scene, rows: Sequence[Working], now: float) -> Updates:
        return {self.parts.queue: view.queue(rows, scene.language, now)}

    def _working_stage(self, scene: Scene, mine: Working, now: float) -> Updates:
        """The same as long as the job is not finished: how it looks by now is asked for beside gradio."""
        p = self.parts
        return {
            p.stage: job_place(mine.job, scene.language),
            p.facts: "",
            p.actions: gr.update(visible=False),
            self.form.stop: gr.update(interactive=True),
            self.job: mine.job.id,
        }

    def _ended_stage(self, scene: Scene, job_id: str, live: Live | None) -> Updates:
        self._take_unkept(scene, job_id)
        unkept = scene.memory.get(scene.owner, job_id)
        job = self._job(scene.owner, job_id) or (unkept[0] if unkept else None)
        if job is None:
            return self._empty_stage(scene)
        live = live or Live.of_job(job)
        pictures = self.pictures_of(scene.owner, job) if job.keep else unkept_pictures(unkept)
        result = live.end.result if live.end is not None else None
        facts = ""
        if isinstance(result, ImageResult):
            facts = safe.escape(view.image_facts(result, self.model_name(result.model), scene.language))
            facts += view.image_notes(result, scene.language)
        updates = self._pictures_stage(scene, pictures, facts)
        if not pictures:
            failed = view.failed_stage(live, scene.language) if live.has_failed else view.no_pictures(scene.language)
            updates |= {self.parts.stage: failed, self.parts.actions: gr.update(visible=live.has_failed)}
        return {**updates, self.parts.again: gr.update(visible=live.has_failed), self.job: job_id}

    def _creation_stage(self, scene: Scene, creation_id: str) -> Updates:
        try:
            creation = self._services.creations.get(scene.owner, creation_id)
        except NotFound:
            return self._empty_stage(scene)
        asked = recipe.request_of(creation.recipe)
        facts = ""
        if isinstance(asked, ImageRequest):
            facts = safe.escape(view.recipe_facts(asked, self.model_name(asked.model), scene.language))
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
        job = self._job(scene.owner, job_id)
        if job is not None and job.keep:
            return self.pictures_of(scene.owner, job)
        return unkept_pictures(scene.memory.get(scene.owner, job_id))

    # ── jobs, creations, models ──────────────────────────────────────────────────────────────────────────────────────

    def pictures_of(self, owner: str, job: Job) -> list[Picture]:
        """The creations of a job that are still there."""
        pictures = []
        for creation_id in job.creation_ids:
            try:
                pictures.append(self.picture_of(self._services.creations.get(owner, creation_id)))
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

    def _recent(self, scene: Scene) -> Updates:
        page = self._services.creations.list(scene.owner, kind="image", size=RECENT) if scene.owner != GUEST else None
        return {self.parts.recent: view.recent(page.items if page else (), scene.language)}

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


def unkept_pictures(unkept: tuple[Job, dict[str, str]] | None) -> list[Picture]:
    urls = unkept[1] if unkept else {}
    return [Picture(number, url, say("untitled_picture", "en"), is_kept=False) for number, url in urls.items()]

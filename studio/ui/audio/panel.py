"""A sub-tab of the Audio tab: what its presses do. What it asks and how its result looks stands in a file of its own."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.provenance import recipe
from pipelines.types.model import ModelSpec
from studio.library.creations import Creation
from studio.services import Services
from studio.ui import sending, wishes
from studio.ui.audio.files import put_in_cache
from studio.ui.audio.stage import SoundStage
from studio.ui.components import bring_back, keep, model_choices_of, pressed, quietly
from studio.ui.i18n import language
from studio.ui.stage import NOTHING
from studio.ui.told import inform, told
from studio.ui.watchers import Updates


class SoundPanel(SoundStage):
    """One sub-tab of one page. `unkept` are settings that no browser remembers."""

    unkept: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, services: Services, wish: gr.State) -> None:
        super().__init__(services, wish)
        self._wire()

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _kept(self) -> dict[str, Any]:
        return {name: part for name, part in self.parts.settings.items() if name not in self.unkept}

    @property
    def form_outputs(self) -> list[Any]:
        return [*self.parts.settings.values(), *self.parts.files.values(), self.source]

    @property
    def run_outputs(self) -> list[Any]:
        """What a press on a run button changes."""
        return self.show_outputs

    def _wire(self) -> None:
        p, quiet = self.parts, quietly()
        seeing = [self.pulse, self.shown, self.memory]
        self.pulse.change(told(self.watch), seeing, self.stage_outputs, trigger_mode="multiple", **quiet)
        every: set[Any] = {*p.settings.values(), *p.files.values(), self.source}
        for button, more in p.runs:
            button.click(told(self._runner(more)), every, self.run_outputs, **quiet)
        p.stop.click(told(self._stop), [self.job], p.stop, **quiet)
        p.queue.click(told(self._press_queue), None, self.show_outputs, **quiet)
        p.recent.click(told(self._press_recent), None, self.show_outputs, **quiet)
        pressing = [self._wish, *self.show_outputs, *self.form_outputs]
        p.actions.click(told(self._press), None, pressing, **quiet)
        keep(self._kept, self.saved)

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        self.saved.render()
        self.saved_shown.render()
        bring_back(blocks, self._kept, self.saved)
        blocks.load(told(self._load), [self.saved_shown], self.load_outputs, **quietly())

    @property
    def load_outputs(self) -> list[Any]:
        return self.show_outputs

    def _load(self, saved: object, request: gr.Request) -> Updates:
        match saved:
            case ["follow" | "job" | "creation" as what, str(which)]:
                return self.show(what, which)
        return self.show(*NOTHING)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _runner(self, more: Mapping[str, Any]) -> Any:
        def run(values: Updates, request: gr.Request) -> Updates:
            """Submit what stands on the left. Whatever is refused leaves it as it is."""
            owner = self._services.identity.who(request)
            named = {name: values[part] for name, part in {**self.parts.settings, **self.parts.files}.items()}
            asked, files = self.asked({**named, **more})
            job = self._services.jobs.submit(
                owner, asked, keep=not named.get("private"), files={name: one.data for name, one in files.items()},
                parents=self._parents(owner, [*(one.path for one in files.values()), *(str(named.get(box) or "") for box in ("text", "prompt"))], values[self.source]),
            )  # fmt: skip
            return self.show("follow", job.id, is_kept=job.keep)

        return run

    def _parents(self, owner: str, given: Sequence[str], sources: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The creations that were sent here, while their files or their text still stand in the form, in its order."""
        found: list[str] = []
        sent = {what: creation_id for creation_id, what in sources}
        for creation_id in (sent[what] for what in given if what in sent):
            with suppress(NotFound):
                found.append(self._services.creations.get(owner, creation_id).id)
        return tuple(found)

    def _stop(self, job_id: str, request: gr.Request) -> Any:
        if job_id:
            self._services.jobs.cancel(self._services.identity.who(request), job_id)
        return gr.update(interactive=False)

    # ── presses ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _press_queue(self, event: gr.EventData, request: gr.Request) -> Updates:
        match pressed(event):
            case ("stop", job_id):
                self._services.jobs.cancel(self._services.identity.who(request), job_id)
            case ("show", job_id):
                return self.show("follow", job_id)
        return self.watched()

    def _press_recent(self, event: gr.EventData, request: gr.Request) -> Updates:
        action, creation_id = pressed(event)
        return self.show("creation", creation_id) if action == "open" else self.watched()

    def _press(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Use its settings, run it again, star it, or send it where it can be taken. Raises NotFound."""
        owner, lang = self._services.identity.who(request), language(request)
        match pressed(event):
            case ("use", creation_id):
                inform("settings_taken", lang)
                return self.filled_from(owner, self._services.creations.get(owner, creation_id))
            case ("again", job_id):
                job = self._services.jobs.rerun(owner, job_id)
                return self.show("follow", job.id, is_kept=job.keep)
            case ("star", creation_id):
                is_starred = self._services.creations.get(owner, creation_id).is_starred
                self._services.creations.star(owner, creation_id, not is_starred)
            case (str(action), creation_id) if action in sending.VERBS:
                return {self._wish: wishes.wish(action, creation_id)}
        return self.watched()

    def filled_from(self, owner: str, creation: Creation) -> Updates:
        """The form filled in with a creation's settings and what it was made from. Raises NotFound for another kind."""
        asked = recipe.request_of(creation.recipe)
        if not self.is_mine(asked):
            raise NotFound(thing="creation")
        with suppress(NotFound):  # the recipe names a model by its folder alone, the job by its whole path
            asked = replace(asked, model=self._services.jobs.get(owner, creation.job_id).request.model)
        parts = self._services.creations.parts(owner, creation.id, asked.FILES)
        files = {self.parts.files[name]: self.boxed(data) for name, data in parts.items() if name in self.parts.files}
        empty: Updates = dict.fromkeys(self.parts.files.values())
        return {**self.filled(asked), **empty, **files}

    def boxed(self, data: bytes) -> str:
        """A file of the library as a box of this form shows it."""
        return put_in_cache(data)

    def with_file(self, owner: str, creation_id: str, field: str) -> Updates:
        """The form with a sound of the library in it. Raises NotFound."""
        path = self.boxed(self._services.creations.path(owner, creation_id).read_bytes())
        return {self.parts.files[field]: path, self.source: ((creation_id, path),)}

    # ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def models(self, lang: str) -> list[tuple[str, str]]:
        return model_choices_of(self._services, self.rows, lang)

    @property
    def rows(self) -> list[ModelSpec]:
        return self._services.catalog.rows(self.task) if self.task is not None else []

    def first_model(self) -> str | None:
        """A starter first: it is fetched where it is not on this machine yet, and its line says so."""
        catalog = self._services.catalog
        by_ease = sorted(self.rows, key=lambda spec: (spec.source != "starter", not catalog.is_on_disk(spec)))
        return by_ease[0].id if by_ease else None

    def note(self, model: str, lang: str) -> str:
        """What one should know of a model, or why it is none."""
        try:
            spec = self._services.catalog.find(model)
        except StudioError as error:
            return error.say(lang) if model else ""
        return spec.note_zh if lang == "zh" else spec.note_en

    def example_of(self, event: gr.EventData, examples: Sequence[dict], lang: str) -> dict:
        place = pressed(event)[1]
        return examples[int(place) % len(examples)] if place.isdecimal() else examples[0]

    def keep_after(self, change: Any) -> None:
        """What a program fills in is no input of a person: write it into the browser all the same."""
        parts = self._kept
        js = f"(...values) => Object.fromEntries({json.dumps(list(parts))}.map((name, at) => [name, values[at]]))"
        change.success(None, list(parts.values()), self.saved, js=js, api_visibility="private")

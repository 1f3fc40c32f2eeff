"""The Image tab: what its presses do. A press submits a job; what is shown of it stands in `stage.py`."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.pictures.files import open_picture
from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest
from pipelines.types.text import Message, Sampling, TextRequest
from studio.library.creations import Creation
from studio.library.retouching import Retouch, save_retouched
from studio.services import Services
from studio.ui import lists, safe
from studio.ui.components import bring_back, first_model, keep, pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.image import view
from studio.ui.image.chosen import OWN_SHAPE, WITH_SIZE, WITH_STRENGTH, ImageChosen, size_of
from studio.ui.image.files import files_of, png
from studio.ui.image.of_model import OfModel
from studio.ui.image.picture_box import EMPTY, WITH_BRUSH, boxed, bytes_of, uploaded
from studio.ui.image.stage import ImageStage
from studio.ui.image.view import Picture
from studio.ui.stage import NOTHING, PageMemory, Scene, Shown
from studio.ui.stream import follow
from studio.ui.told import inform, refuse, told
from studio.ui.watchers import Updates
from studio.ui.words import say

ENRICH = (
    "You turn a few words into one prompt for a text-to-image model: a single sentence that names the subject, its look, "
    "the light, the background and the style. Answer with the prompt alone, in the language of the words."
)
ENRICHING = Sampling(max_new_tokens=90, temperature=0.7)


class Images(ImageStage):
    """The Image tab of one page."""

    def __init__(self, services: Services, examples: list[dict]) -> None:
        super().__init__(services)
        self._examples = examples
        self.of_model = OfModel(services, self.settings, self.form)
        self._wire()

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wire(self) -> None:
        p = self.parts
        seeing = [self.pulse, self.shown, self.picked, self.memory]
        watch = told(self.watch)
        self.pulse.change(watch, seeing, self.stage_outputs, trigger_mode="multiple", **quietly())
        every: set[Any] = {*self.settings.components.values(), self.form.box, self.source}
        here, quiet = [self.job, self.shown, self.picked, self.pair], quietly()
        self.form.run.click(told(self._run), every, self.show_outputs, **quiet)
        placed = self.of_model.press_map()
        placed.success(told(self._run), every, self.show_outputs, **quiet)
        p.again.click(told(self._run_again), [self.job], self.show_outputs, **quiet)
        p.stage.click(told(self._press_stage), here, self.show_outputs, **quiet)
        p.queue.click(told(self._press_queue), None, self.show_outputs, **quiet)
        p.recent.click(told(self._press_recent), None, self.show_outputs, **quiet)
        self.retouching.save.click(told(self._retouch), self._retouch_inputs, self.show_outputs, **quiet)
        self._wire_form()
        self._wire_results()

    @property
    def _retouch_inputs(self) -> set[Any]:
        parts = vars(self.retouching)
        return {self.picked, *(parts[name] for name in parts if name not in ("panel", "save", "close"))}

    def _wire_form(self) -> None:
        s, f, quiet = self.settings, self.form, quietly()
        last = quietly(trigger_mode="always_last")
        own = [s.mode, s.shape, s.width, s.height, s.steps, s.guidance_scale, f.note]
        s.model.change(told(self._suit_model), [s.model, s.mode, s.shape], own, **last)
        s.mode.change(_mode_parts, s.mode, [f.box, s.strength, f.margins, s.factor, s.shape, s.count], **last)
        shaped = s.shape.input(told(self._suit_shape), [s.model, s.shape], [s.width, s.height], **last)
        own_size = gr.on([s.width.input, s.height.input], None, None, s.shape, js=f"() => '{OWN_SHAPE}'", api_visibility="private")  # fmt: skip
        f.box.upload(told(self._take_picture), None, f.box, **quiet)
        example = f.examples.click(told(self._take_example), {s.model}, s.prompt, **quiet)
        enriched = f.enrich.click(told(self._enrich), s.prompt, [s.prompt, self.before, f.undo, f.enrich], **quiet)  # fmt: skip
        enriched.failure(lambda: gr.update(interactive=True, value=t("enrich")), None, f.enrich, **quiet)
        undone = f.undo.click(
            lambda before: (before, gr.update(visible=False)), self.before, [s.prompt, f.undo], **quiet
        )
        f.stop.click(told(self._stop), [self.job], f.stop, **quiet)
        keep(s.components, self.saved)
        filled = [shaped, own_size, example, enriched, undone, *self.of_model.wire()]
        for change in filled:  # what a program fills in is no input of a person
            self._keep_after(change)

    def _wire_results(self) -> None:
        p, quiet = self.parts, quietly()
        here = [self.job, self.shown, self.picked, self.pair]
        filling = [*self.settings.components.values(), self.form.box]
        used = p.use.click(told(self._use), [self.picked], filling, **quiet)
        taken = p.as_input.click(told(self._use_as_input), [*here, self.memory, self.settings.mode, self.settings.model], [self.form.box, self.settings.mode], **quiet)  # fmt: skip
        for change in (used, taken):
            self._keep_after(change)
        p.compare.click(told(self._compare), [*here, self.memory], self.pair, **quiet)
        self.pair.change(told(self._show_pair), [*here, self.memory], p.compared, **quiet)
        p.retouch.click(lambda: gr.update(visible=True), None, self.retouching.panel, **quiet)
        self.retouching.close.click(lambda: gr.update(visible=False), None, self.retouching.panel, **quiet)
        p.star.click(told(self._star), [self.picked], p.star, **quiet)

    def _keep_after(self, change: Any) -> None:
        names = list(self.settings.components)
        js = f"(...values) => Object.fromEntries({json.dumps(names)}.map((name, at) => [name, values[at]]))"
        change.success(None, list(self.settings.components.values()), self.saved, js=js, api_visibility="private")

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        self.saved.render()
        self.saved_shown.render()
        bring_back(blocks, self.settings.components, self.saved)
        f = self.form
        outputs = [self.settings.model, f.examples, *self.show_outputs]
        blocks.load(told(self._load), [self.saved_shown], outputs, **quietly())

    def _load(self, saved: object, request: gr.Request) -> Updates:
        lang = language(request)
        match saved:
            case ["follow" | "job" | "creation" as what, str(which)]:
                shown: Shown = (what, which)
            case _:
                shown = NOTHING
        return {
            self.settings.model: gr.update(choices=self._models(lang)),
            self.form.examples: lists.example_chips(self._examples, lang),
            **self.show(*shown),
        }

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, values: Updates, request: gr.Request) -> Updates:
        """Submit what stands on the left. Whatever is refused leaves it as it is."""
        owner = self._services.identity.who(request)
        chosen = ImageChosen.read({name: values[part] for name, part in self.settings.components.items()})
        asked, (files, source) = chosen.request(), files_of(chosen.mode, values[self.form.box])
        job = self._services.jobs.submit(
            owner,
            asked,
            keep=not chosen.private,
            files=files,
            parents=self._parents(owner, source, asked.prompt, values[self.source]),
        )
        return self.show("follow", job.id, is_kept=job.keep)

    def _parents(self, owner: str, picture: str, prompt: str, sent: tuple[str, str]) -> tuple[str, ...]:
        """The creations that the input picture and the prompt are, where they are this person's."""
        found = []
        for source in filter(None, (picture, sent[0] if sent[1] == prompt else "")):
            with suppress(NotFound):
                found.append(self._services.creations.get(owner, source).id)
        return tuple(found)

    def with_picture(self, owner: str, creation_id: str, mode: str, model: str, lang: str) -> Updates:
        """The form with a picture of the library in it, in a mode that takes one. Raises NotFound."""
        tasks = [task for task in self.tasks_of(model) if task not in WITH_SIZE]
        if not tasks:
            raise refuse(say("only_from_words", lang))
        box = boxed(self._services.creations.path(owner, creation_id).read_bytes(), source=creation_id)
        return {self.form.box: box, self.settings.mode: mode if mode in tasks else tasks[0]}

    def with_prompt(self, text: str, source: str) -> Updates:
        """The form with a text of elsewhere as its prompt."""
        return {self.settings.prompt: text, self.source: (source, text)}

    def _run_again(self, job_id: str, request: gr.Request) -> Updates:
        job = self._services.jobs.rerun(self._services.identity.who(request), job_id)
        return self.show("follow", job.id, is_kept=job.keep)

    def _stop(self, job_id: str, request: gr.Request) -> Any:
        if job_id:
            self._services.jobs.cancel(self._services.identity.who(request), job_id)
        return gr.update(interactive=False)

    async def _enrich(self, prompt: str, request: gr.Request) -> AsyncIterator[Updates]:
        """The prompt written out by the text model; it can be taken back."""
        lang, owner = language(request), self._services.identity.who(request)
        if not prompt.strip():
            raise refuse(say("enrich_empty", lang))
        messages = (Message("system", ENRICH), Message("user", prompt))
        asked = TextRequest(first_model(self._services, "chat") or "", messages=messages, sampling=ENRICHING)
        job = self._services.jobs.submit(owner, asked, keep=False)
        yield {self.form.enrich: gr.update(interactive=False, value=t("enriching"))}
        async for live in follow(self._services.jobs, owner, job.id):
            if live.error is not None:
                raise live.error
            if live.end is not None:
                text = " ".join(safe.split_thinking(live.text).answer.split()).strip('"“” ')
                yield {
                    self.settings.prompt: text or prompt,
                    self.before: prompt,
                    self.form.undo: gr.update(visible=bool(text)),
                    self.form.enrich: gr.update(interactive=True, value=t("enrich")),
                }

    # ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _suit_model(self, model: str | None, mode: str, shape: str, request: gr.Request) -> Updates:
        """Another model: what it can do, what suits it, and what one should know of it."""
        s, lang = self.settings, language(request)
        tasks = self.tasks_of(model or "")
        notice, defaults = "", None
        try:
            spec = self._services.catalog.find(model or "")
            notice, defaults = view.model_notice(spec, lang), spec.defaults
        except StudioError as error:
            notice = error.say(lang) if model else ""
        own = {s.width: "", s.height: "", s.steps: "", s.guidance_scale: ""}
        if defaults is not None:
            numbers = (defaults.width, defaults.height, defaults.steps, f"{defaults.guidance_scale:g}")
            own = dict(zip(own, map(str, numbers), strict=True))
        updates: Updates = {part: gr.update(placeholder=number) for part, number in own.items()}
        if shape != OWN_SHAPE:
            for part, side in zip((s.width, s.height), size_of(shape, defaults), strict=True):
                updates[part] = gr.update(placeholder=own[part], value=side)
        choices = [(t(f"mode_{task}"), task) for task in tasks]
        return {
            **updates,
            s.mode: gr.update(choices=choices, value=mode if mode in tasks else tasks[0]),
            self.form.note: gr.update(value=safe.escape(notice), visible=bool(notice)),
        }

    def _suit_shape(self, model: str | None, shape: str, request: gr.Request) -> tuple[Any, Any]:
        if shape == OWN_SHAPE:
            return gr.skip(), gr.skip()
        try:
            defaults = self._services.catalog.find(model or "").defaults
        except StudioError:
            defaults = None
        return size_of(shape, defaults)

    def _take_picture(self, event: gr.EventData, request: gr.Request) -> dict[str, str]:
        """A chosen file as a picture that any browser shows. Raises UnreadablePicture or PictureTooLarge."""
        name, data = uploaded(event)
        return boxed(png(open_picture(data, name)))

    def _take_example(self, event: gr.EventData, values: Updates, request: gr.Request) -> str:
        place = pressed(event)[1]
        example = self._examples[int(place) % len(self._examples)] if place.isdecimal() else self._examples[0]
        try:
            languages = self._services.catalog.find(str(values[self.settings.model] or "")).languages
        except StudioError:
            languages = ()
        knows = not languages or "zh" in languages
        return str(example["zh" if language(request) == "zh" and knows else "en"])

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _press_stage(
        self, event: gr.EventData, job_id: str, shown: Shown, picked: str, pair: str, request: gr.Request
    ) -> Updates:
        """Another picture: the buttons are about it from now on, or it is compared with the one that is picked."""
        action, picture_id = pressed(event)
        if action != "pick":
            return self.watched()
        stays = ("job", job_id) if shown[0] == "follow" else shown
        if pair and picture_id != picked:
            return {self.shown: stays, self.pair: picture_id, **self.watched()}
        return {self.shown: stays, self.picked: picture_id, **self.watched()}

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

    def _use(self, picked: str, request: gr.Request) -> Updates:
        """The settings that make the picked picture again, with what it was made from."""
        owner = self._services.identity.who(request)
        updates = self.filled_from(owner, self._services.creations.get(owner, picked))
        inform("settings_taken", language(request))
        return updates

    def filled_from(self, owner: str, creation: Creation) -> Updates:
        """The left side filled in with a creation's settings. Raises NotFound for one that is no picture."""
        asked = picture_request(creation.recipe)
        try:  # the recipe names a model by its folder alone, the job by its whole path
            of_job = self._services.jobs.get(owner, creation.job_id).request
            if isinstance(of_job, ImageRequest):
                asked = replace(asked, model=of_job.model, adapters=of_job.adapters)
        except NotFound:
            pass
        files = {}
        for part in ImageRequest.FILES:
            try:
                files[part] = self._services.creations.path(owner, creation.id, part).read_bytes()
            except (NotFound, FileNotFoundError):
                continue
        source = creation.parents[0] if creation.parents else ""
        box = boxed(files["image"], files.get("mask"), source) if "image" in files else dict(EMPTY)
        return {**self.filled(asked), self.form.box: box}

    def filled(self, asked: ImageRequest) -> Updates:
        """The left side filled in with a request, but for its files."""
        chosen = ImageChosen.of_request(asked)
        parts = self.settings.components
        updates = {part: getattr(chosen, name) for name, part in parts.items() if name != "private"}
        try:
            self._services.catalog.find(asked.model)
        except StudioError:  # another studio's name for it, or a folder of another machine: the chosen one stays
            del updates[self.settings.model]
        modes = [(t(f"mode_{task}"), task) for task in self.tasks_of(asked.model)]
        if asked.task in [task for _, task in modes]:
            updates[self.settings.mode] = gr.update(choices=modes, value=asked.task)
        return updates

    def _on_stage(self, job_id: str, shown: Shown, memory: PageMemory, request: gr.Request) -> list[Picture]:
        """The pictures that stand there now."""
        scene = Scene(self._services.identity.who(request), language(request), shown, memory)
        return self.pictures_on(scene, job_id)

    def _use_as_input(
        self, job_id: str, shown: Shown, picked: str, pair: str, memory: PageMemory, mode: str, model: str, request: gr.Request,
    ) -> Updates:  # fmt: skip
        """The picked picture as what the next one starts from, in a mode that takes one."""
        picture = next((one for one in self._on_stage(job_id, shown, memory, request) if one.id == picked), None)
        if picture is None:
            raise NotFound(thing="picture")
        tasks = [task for task in self.tasks_of(model or "") if task not in WITH_SIZE]
        if not tasks:
            raise refuse(say("only_from_words", language(request)))
        owner = self._services.identity.who(request)
        if picture.is_kept:
            box = boxed(self._services.creations.path(owner, picture.id).read_bytes(), source=picture.id)
        else:
            box = boxed(bytes_of(picture.url, picture.title))
        return {self.form.box: box, self.settings.mode: mode if mode in tasks else tasks[0]}

    def _compare(
        self, job_id: str, shown: Shown, picked: str, pair: str, memory: PageMemory, request: gr.Request
    ) -> str:
        """Begin a comparison, with the picture it was made from where there is one, or end it."""
        if pair:
            return ""
        pictures = self._on_stage(job_id, shown, memory, request)
        has_before = any(one.before_url for one in pictures if one.id == picked)
        return "input" if has_before else "ask"

    def _show_pair(
        self, job_id: str, shown: Shown, picked: str, pair: str, memory: PageMemory, request: gr.Request
    ) -> Any:
        pictures = {one.id: one for one in self._on_stage(job_id, shown, memory, request)} if pair else {}
        after, before = pictures.get(picked), pictures.get(pair)
        if after is None:
            return gr.update(value="", visible=False)
        before_url = before.url if before is not None else after.before_url if pair == "input" else ""
        return gr.update(value=view.comparison(before, before_url, after, language(request)), visible=True)

    def _star(self, picked: str, request: gr.Request) -> Any:
        owner, creations = self._services.identity.who(request), self._services.creations
        is_starred = not creations.get(owner, picked).is_starred
        creations.star(owner, picked, is_starred)
        return gr.update(value=t("unstar" if is_starred else "star"))

    def _retouch(self, values: Updates, request: gr.Request) -> Updates:
        """A new picture out of the picked one. Raises SettingOutOfRange."""
        r, owner = self.retouching, self._services.identity.who(request)
        crops = [values[part] for part in (r.crop_left, r.crop_top, r.crop_right, r.crop_bottom)]
        retouch = Retouch.read(crops, values[r.turn], values[r.flips] or (), values[r.width], values[r.height])
        made = save_retouched(self._services.creations, owner, values[self.picked], retouch)
        inform("retouched", language(request))
        return self.show("creation", made)


def picture_request(found: dict) -> ImageRequest:
    """The request that makes one picture again: number i of a batch comes from its seed + i.

    Raises NotFound for the recipe of anything else.
    """
    asked = recipe.request_of(found)
    if not isinstance(asked, ImageRequest):
        raise NotFound(thing="picture")
    index = found.get("index")
    if asked.toward is not None or len(asked.place) == 4:  # it is one of a row, and the row is made again
        return asked
    if asked.seed is not None and isinstance(index, int):
        asked = replace(asked, seed=(asked.seed + index) % 2**32)
    return replace(asked, count=1)


def _mode_parts(mode: str) -> tuple[Any, ...]:
    """Which parts of the form a mode needs."""
    takes_picture = mode not in WITH_SIZE
    return (
        gr.update(visible=takes_picture, elem_classes=[WITH_BRUSH] if mode == "inpaint" else []),
        gr.update(visible=mode in WITH_STRENGTH),
        gr.update(visible=mode == "outpaint"),
        gr.update(visible=mode == "upscale"),
        gr.update(visible=not takes_picture),
        gr.update(visible=mode != "upscale"),
    )

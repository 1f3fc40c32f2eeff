"""The Multimodal tab: a sub-tab for each thing that takes more than one kind of model, and what other places ask of them."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe
from pipelines.types.caption import CaptionRequest
from pipelines.types.film import StoryRequest
from pipelines.types.model import Task
from studio.services import Services
from studio.ui import sending
from studio.ui.components import quietly
from studio.ui.i18n import language, t
from studio.ui.multimodal.film import Film
from studio.ui.multimodal.find import Find
from studio.ui.multimodal.look import Look
from studio.ui.multimodal.story import Story
from studio.ui.multimodal.talk import Talk
from studio.ui.told import told
from studio.ui.watchers import Updates
from studio.ui.wishes import Wish


class MultimodalTab:
    """The tab. `wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        self._services = services
        self._tabs = tabs
        with (
            gr.Tab(t("multimodal"), id="multimodal", elem_id="tab-multimodal"),
            gr.Tabs(elem_id="multimodal-tabs") as self._inner,
        ):
            with gr.Tab(t("look_tab"), id="look", elem_id="tab-look"):
                self.look = Look(services, wish)
            with gr.Tab(t("talk"), id="talk", elem_id="tab-talk"):
                self.talk = Talk(services, wish)
            with gr.Tab(t("story"), id="story", elem_id="tab-story"):
                self.story = Story(services, wish)
            with gr.Tab(t("film_tab"), id="film", elem_id="tab-film"):
                self.film = Film(services, wish)
            with gr.Tab(t("find"), id="find", elem_id="tab-find"):
                self.find = Find(services, wish)

        sent = [self.talk.parts.text, *self.find.given_outputs]
        granted = [self._tabs, self._inner, *sent, *self.story.form_outputs, *self.story.show_outputs]
        wish.change(told(self._grant), [wish, self.story.parts.settings["script"]], granted, **quietly())

        looked = [self._tabs, self._inner, *self.look.form_outputs, *self.look.show_outputs]
        wish.change(told(self._grant_look), wish, looked, **quietly())

        filmed = [self._tabs, self._inner, *self.film.form_outputs, *self.film.show_outputs]
        given = [wish, self.film.parts.files["pictures"], self.film.source]
        wish.change(told(self._grant_film), given, filmed, **quietly())

    @property
    def pickers(self) -> dict[Task, gr.Dropdown]:
        """The choice of a model in sub-tabs that have one, by what it is to do."""
        return {"chat": self.talk.parts.settings["model"]}

    @property
    def fresh(self) -> dict[Any, Callable[[str], Any]]:
        """What else shows which models there are, and how it does, by language."""
        return self.look.fresh | self.story.fresh | self.film.fresh

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        self.look.load(blocks)
        self.talk.load(blocks)
        self.story.load(blocks)
        self.film.load(blocks)

    def _grant(self, wish: Wish, script: str, request: gr.Request) -> Updates:
        """Open a story that was asked for elsewhere, or take what was sent to it as one more scene. Raises NotFound."""
        owner, story, creations = self._services.identity.who(request), self.story, self._services.creations
        here = {self._tabs: gr.Tabs(selected="multimodal"), self._inner: gr.Tabs(selected="story")}
        match wish:
            case ("creation", str(creation_id), _):
                creation = creations.get(owner, creation_id)
                if creation.kind == story.kept_as and story.is_mine(recipe.request_of(creation.recipe)):
                    return here | story.filled_from(owner, creation) | story.show("creation", creation_id)
            case ("job", str(job_id), _):
                job = self._services.jobs.get(owner, job_id)
                if story.is_mine(job.request):
                    return here | story.filled(story.told_by(job)) | story.show("job", job_id)
            case ("recipe", str(text), _):
                asked = recipe.request_of(json.loads(text))
                if isinstance(asked, StoryRequest):
                    return here | story.filled(asked)
            case ("to-story", str(creation_id), _):
                return here | story.with_scene(script, self._scene(owner, creation_id))
            case ("to-talk", str(which), _):
                at_talk = {**here, self._inner: gr.Tabs(selected="talk")}
                return at_talk | self.talk.with_text(sending.text_of(self._services, owner, which))
            case ("to-find", str(which), _):
                at_find = {**here, self._inner: gr.Tabs(selected="find")}
                return at_find | self.find.given(owner, which)
        return {self._tabs: gr.skip()}

    def _grant_look(self, wish: Wish, request: gr.Request) -> Updates:
        """Open what was said of a picture, or take a picture that was sent here. Raises NotFound."""
        owner, look, creations = self._services.identity.who(request), self.look, self._services.creations
        here = {self._tabs: gr.Tabs(selected="multimodal"), self._inner: gr.Tabs(selected="look")}
        match wish:
            case ("creation", str(creation_id), _):
                creation = creations.get(owner, creation_id)
                if creation.kind == look.kept_as and look.is_mine(recipe.request_of(creation.recipe)):
                    return here | look.filled_from(owner, creation) | look.show("creation", creation_id)
            case ("job", str(job_id), _):
                job = self._services.jobs.get(owner, job_id)
                if isinstance(job.request, CaptionRequest):
                    return here | look.filled(job.request) | look.show("job", job_id, is_kept=job.keep)
            case ("recipe", str(text), _):
                asked = recipe.request_of(json.loads(text))
                if isinstance(asked, CaptionRequest):
                    return here | look.filled(asked)
            case ("to-look", str(creation_id), _):
                return here | look.with_file(owner, creation_id, "image")
        return {self._tabs: gr.skip()}

    def _grant_film(
        self, wish: Wish, pictures: list[str] | None, sources: Sequence[tuple[str, str]], request: gr.Request
    ) -> Updates:
        """Open a film or its pictures, or take what was sent here. Raises NotFound."""
        owner, film, creations = self._services.identity.who(request), self.film, self._services.creations
        here = {self._tabs: gr.Tabs(selected="multimodal"), self._inner: gr.Tabs(selected="film")}
        match wish:
            case ("creation", str(creation_id), _):
                creation = creations.get(owner, creation_id)
                if film.has_made(creation):
                    film.tell_what_is_missing(owner, creation, language(request))
                    return here | film.filled_from(owner, creation) | film.show("creation", creation_id)
            case ("job", str(job_id), _):
                job = self._services.jobs.get(owner, job_id)
                if film.is_mine(job.request):
                    return here | film.filled(job.request) | film.show("job", job_id, is_kept=job.keep)
            case ("recipe", str(text), _):
                asked = recipe.request_of(json.loads(text))
                if film.is_mine(asked):
                    return here | film.filled(asked)
            case ("to-shot", str(which), _):
                return here | film.with_words(which, sending.text_of(self._services, owner, which))
            case ("to-motion" | "to-clip" | "to-frames" as action, str(creation_id), _):
                return here | film.with_creation(owner, action, creation_id, pictures or (), sources)
        return {self._tabs: gr.skip()}

    def _scene(self, owner: str, which: str) -> str:
        """What was sent to the story: a picture by its id, else its words."""
        with suppress(NotFound):
            if self._services.creations.get(owner, which).kind == "image":
                return f"[picture {which}]"
        return sending.text_of(self._services, owner, which)

"""The endpoint that puts a picture into words, for clients. It goes through the same queue as the page."""

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.pictures import open_picture
from pipelines.types.caption import CaptionRequest, CaptionResult
from studio.services import Services
from studio.ui.image.files import png
from studio.ui.stream import follow
from studio.ui.words import say

MOST_GUESSES = 3


class LookEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def caption(
        self, request: gr.Request, image: FileData, question: str = "", model: str = "", language: str = "en"
    ) -> str:
        """Say what is on a picture, or answer a question about it.

        Args:
            image: PNG, JPEG, WebP, GIF or BMP
            question: what to answer; empty asks for a name or a description. The starter answers none
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here, a starter first
            language: "en" or "zh"

        Returns:
            the name, the description or the answer; where a model of names sees nothing that it knows, a sentence that says so
        """
        # 1 What is asked, of whom
        question = question.strip()
        asked = CaptionRequest(model or self._model(question), question=question, language=language)
        picture = png(open_picture(Path(image.path)))

        # 2 Until it is answered
        owner, jobs = self._services.identity.who(request), self._services.jobs
        job = jobs.submit(owner, asked, files={"image": picture})
        async for live in follow(jobs, owner, job.id):
            if live.error is not None:
                raise live.error
            if live.end is not None and isinstance(live.end.result, CaptionResult):
                return told(live.end.result, language)
        raise NotFound(thing="result")

    def _model(self, question: str) -> str:
        """Raises NoModelForTask."""
        catalog, task = self._services.catalog, "ask-picture" if question else "caption"
        rows = [spec for spec in catalog.rows(task) if spec.source == "starter" or catalog.is_on_disk(spec)]
        if not rows:
            raise NoModelForTask(task=task)
        return min(rows, key=lambda spec: spec.source != "starter").id


def told(result: CaptionResult, language: str) -> str:
    """What a client reads of it."""
    if result.is_known:
        return result.text
    parts = [say("look_unknown", language)]
    guesses = [name.texts.get(language) or next(iter(name.texts.values()), "") for name in result.names[:MOST_GUESSES]]
    if any(guesses):
        parts.append(say("look_guessed", language, names=" · ".join(filter(None, guesses))))
    return "\n".join(parts)

"""The endpoint that puts a picture into words, for clients. It goes through the same queue as the page."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.pictures.files import open_picture
from pipelines.types.caption import CaptionRequest, CaptionResult, CaptionTask
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
        self,
        request: gr.Request,
        image: FileData,
        question: str = "",
        model: str = "",
        language: str = "en",
        reads: bool = False,
    ) -> str:
        """Say what is on a picture, answer a question about it, or read what is written on it.

        Args:
            image: PNG, JPEG, WebP, GIF or BMP
            question: what to answer; empty asks for a name or a description. The starter answers none
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here, a starter first
            language: "en" or "zh"
            reads: read the writing on it; the starter reads none

        Returns:
            the name, the description, the answer or the writing; where a model of names sees nothing that it knows, a sentence that says so
        """
        # 1 What is asked, of whom
        question = question.strip()
        asked = CaptionRequest("", question="" if reads else question, language=language, reads=reads)
        asked = replace(asked, model=model or self._model(asked.task))
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

    def _model(self, task: CaptionTask) -> str:
        """Raises NoModelForTask."""
        catalog = self._services.catalog
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

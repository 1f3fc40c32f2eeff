"""The named endpoints for clients: what gradio_client, MCP and curl call. All go through the same queue as the page."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import gradio as gr
from gradio.events import api
from pydantic import TypeAdapter, ValidationError

from pipelines.errors.base import StudioError
from pipelines.errors.requests import MalformedRequest
from pipelines.types.image import ImageResult
from pipelines.types.text import TextRequest, TextResult
from studio.jobs.job import Job, Place
from studio.services import Services
from studio.ui.audio.endpoints import AudioEndpoints
from studio.ui.components import first_model
from studio.ui.image.endpoints import ImageEndpoints
from studio.ui.multimodal.film_endpoints import FilmEndpoints
from studio.ui.multimodal.find_endpoints import FindEndpoints
from studio.ui.multimodal.look_endpoints import LookEndpoints
from studio.ui.multimodal.story_endpoints import StoryEndpoints
from studio.ui.stream import follow
from studio.ui.text.chosen import Chosen
from studio.ui.told import told
from studio.ui.training.endpoints import TrainingEndpoints, training_facts

DEFAULT_MODEL = "smollm2-135m-instruct"
DEFAULTS = Chosen().sampling()  # the same as the page's
UPLOADED = {"validate_meta": True}  # gradio has looked where a file lies only if it is marked as one


def add_endpoints(services: Services) -> None:
    """Give the Blocks that is being built its endpoints."""
    its, images, training = Endpoints(services), ImageEndpoints(services), TrainingEndpoints(services)
    audio = AudioEndpoints(services)
    text = (its.generate_text, its.chat, its.list_models, its.job, its.cancel_job)
    of_training = (
        training.train,
        training.stop_training,
        training.resume_training,
        training.compare_runs,
        training.search_settings,
    )
    of_images = (images.generate_image, images.edit_image, images.upscale_image)
    of_sound = (audio.speak, audio.transcribe, audio.compose, audio.edit_sound)
    films = FilmEndpoints(services)
    of_films = (StoryEndpoints(services).make_film, films.make_video, films.frames_to_film, films.film_to_frames)
    of_pictures = (LookEndpoints(services).caption,)
    of_library = (FindEndpoints(services).search_library,)
    for endpoint in (*text, *of_images, *of_sound, *of_training, *of_films, *of_pictures, *of_library):
        api(told(typed(endpoint)), api_name=endpoint.__name__, concurrency_limit=None)


class Endpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def generate_text(
        self,
        request: gr.Request,
        prompt: str,
        model: str = DEFAULT_MODEL,
        max_new_tokens: int = 512,
        temperature: float = DEFAULTS.temperature,
        seed: int | None = None,
    ) -> str:
        """Answer a prompt with a text model.

        Args:
            prompt: what to answer
            model: id from list_models, hub id (owner/name) or folder
            max_new_tokens: the answer ends here at the latest, 1 to 8192
            temperature: 0 (always the likeliest token) to 2
            seed: 0 to 4294967295; the same seed and settings give the same text, none draws one
        """
        sampling = replace(DEFAULTS, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
        owner = self._services.identity.who(request)
        asked = TextRequest(model, "chat", text=prompt, sampling=sampling)
        return await self._text_of(owner, self._services.jobs.submit(owner, asked))

    async def chat(self, request: gr.Request, message: str, conversation_id: str = "") -> tuple[str, str]:
        """Send a message to a conversation and wait for the answer.

        Args:
            message: what to say
            conversation_id: the second value that an earlier call returned; empty begins a new conversation

        Returns:
            the answer, and the id of the conversation
        """
        owner, book = self._services.identity.who(request), self._services.conversations
        is_new = not conversation_id
        if is_new:
            settings = {"model": first_model(self._services, "chat") or DEFAULT_MODEL, "sampling": asdict(DEFAULTS)}
            conversation_id = book.new(owner, settings=settings).id
        try:
            job = self._ask(owner, conversation_id, message)
        except StudioError:
            if is_new:
                book.delete(owner, conversation_id)
            raise
        return await self._text_of(owner, job), conversation_id

    def list_models(self) -> list[dict[str, Any]]:
        """The models of this studio: id, name, tasks, languages, size, licence, and whether each is on this machine."""
        catalog = self._services.catalog
        return [
            {
                "id": spec.id,
                "name": spec.name,
                "tasks": list(spec.tasks),
                "languages": list(spec.languages),
                "size_bytes": spec.size_bytes,
                "licence": spec.licence,
                "is_on_disk": catalog.is_on_disk(spec),
            }
            for spec in catalog.rows()
        ]

    def job(self, request: gr.Request, job_id: str) -> dict[str, Any]:
        """How one of your jobs is doing: its state, its place in the queue, its text once it has ended, its figures, its
        error in words; of a training its step and the newest of each metric.

        Args:
            job_id: the id of the job
        """
        jobs = self._services.jobs
        job = jobs.get(self._services.identity.who(request), job_id)
        return describe(job, jobs.place(job_id)) | training_facts(self._services, job)

    def cancel_job(self, request: gr.Request, job_id: str) -> dict[str, Any]:
        """Stop one of your jobs, waiting or running. One that has ended stays as it is.

        Args:
            job_id: the id of the job
        """
        self._services.jobs.cancel(self._services.identity.who(request), job_id)
        return self.job(request, job_id)

    def _ask(self, owner: str, conversation_id: str, message: str) -> Job:
        """Add a message and submit the job of its answer. Raises StudioError; then the message was not added."""
        book, jobs = self._services.conversations, self._services.jobs
        question = book.add_user(owner, conversation_id, book.get(owner, conversation_id).last_id(), message)
        try:
            asked = book.get(owner, conversation_id).request(until=question)
            job_id = jobs.new_job_id()
            place = (conversation_id, book.add_answer(owner, conversation_id, question, job_id))
            return jobs.submit(owner, asked, conversation=place, job_id=job_id)
        except StudioError:
            book.remove(owner, conversation_id, question)
            raise

    async def _text_of(self, owner: str, job: Job) -> str:
        """Wait for the end of a job. Raises the error that ended it."""
        async for live in follow(self._services.jobs, owner, job.id):
            if live.end is not None:
                if live.error is not None:
                    raise live.error
                return live.text
        return ""


def typed(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """`endpoint`, called only with arguments of the types that it names; others raise MalformedRequest.

    Gradio hands on whatever JSON a client sent.
    """
    parameters = inspect.signature(endpoint).parameters.values()
    types = [(one.name, None if one.annotation is gr.Request else TypeAdapter(one.annotation)) for one in parameters]

    @functools.wraps(endpoint)
    def call(*args: Any) -> Any:
        read = []
        for (name, adapter), value in zip(types, args, strict=False):
            try:
                read.append(value if adapter is None else adapter.validate_python(value, context=UPLOADED))
            except ValidationError as error:
                raise MalformedRequest(reason=f"{name}: {error.errors()[0]['msg']}") from error
        return endpoint(*read)

    return call


def describe(job: Job, place: Place | None) -> dict[str, Any]:
    """A job as JSON. "place" is null unless it waits; "eta_seconds" in it is null until this machine has learnt it."""
    result = job.result if isinstance(job.result, TextResult) else None
    return {
        "id": job.id,
        "state": job.state,
        "place": asdict(place) if place is not None else None,
        "title": job.title,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "text": result.text if result else None,
        "seed": result.seed if result else _seed(job),
        "new_tokens": result.new_tokens if result else None,
        "decode_tokens_per_second": result.decode_tokens_per_second if result else None,
        "prefill_tokens_per_second": result.prefill_tokens_per_second if result else None,
        "creation_ids": list(job.creation_ids),
        "error": job.error.say("en") if job.error else None,
    }


def _seed(job: Job) -> int | None:
    return job.result.request.seed if isinstance(job.result, ImageResult) else None

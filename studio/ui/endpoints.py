"""The named endpoints for clients: what gradio_client, MCP and curl call. All go through the same queue as the page."""

from dataclasses import asdict, replace
from typing import Any

import gradio as gr
from gradio.events import api

from pipelines.errors import StudioError
from pipelines.types import TextRequest
from studio.jobs.supervisor import Job
from studio.services import Services
from studio.ui.chosen import Chosen
from studio.ui.components import first_model
from studio.ui.stream import follow
from studio.ui.told import told

DEFAULT_MODEL = "smollm2-135m-instruct"
DEFAULTS = Chosen().sampling()  # the same as the page's


def add_endpoints(services: Services) -> None:
    """Give the Blocks that is being built its endpoints. Every argument but the first has a default."""

    async def text_of(owner: str, job: Job) -> str:
        async for live in follow(services.jobs, owner, job.id):
            if live.end is not None:
                if live.error is not None:
                    raise live.error
                return live.text
        return ""

    async def generate_text(
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
        owner = services.identity.who(request)
        asked = TextRequest(model, "chat", text=prompt, sampling=sampling)
        return await text_of(owner, services.jobs.submit(owner, asked))

    async def chat(request: gr.Request, message: str, conversation_id: str = "") -> tuple[str, str]:
        """Send a message to a conversation and wait for the answer.

        Args:
            message: what to say
            conversation_id: the second value that an earlier call returned; empty begins a new conversation

        Returns:
            the answer, and the id of the conversation
        """
        owner, book = services.identity.who(request), services.conversations
        if not conversation_id:
            settings = {"model": first_model(services, "chat") or DEFAULT_MODEL, "sampling": asdict(DEFAULTS)}
            conversation_id = book.new(owner, settings=settings).id
        conversation = book.get(owner, conversation_id)
        question = book.add_user(owner, conversation_id, conversation.last_id(), message)
        try:
            asked = book.get(owner, conversation_id).request(until=question)
            job_id = services.jobs.new_job_id()
            place = (conversation_id, book.add_answer(owner, conversation_id, question, job_id))
            job = services.jobs.submit(owner, asked, conversation=place, job_id=job_id)
        except StudioError:
            book.remove(owner, conversation_id, question)
            raise
        return await text_of(owner, job), conversation_id

    def list_models() -> list[dict[str, Any]]:
        """The text models of this studio: id, name, tasks, languages, size, licence, and whether each is on this machine."""
        return [
            {
                "id": spec.id,
                "name": spec.name,
                "tasks": list(spec.tasks),
                "languages": list(spec.languages),
                "size_bytes": spec.size_bytes,
                "licence": spec.licence,
                "is_on_disk": services.catalog.is_on_disk(spec),
            }
            for spec in services.catalog.rows()
        ]

    def job(request: gr.Request, job_id: str) -> dict[str, Any]:
        """How one of your jobs is doing: its state, its text once it has ended, its figures, its error in words.

        Args:
            job_id: the id of the job
        """
        return describe(services.jobs.get(services.identity.who(request), job_id))

    def cancel_job(request: gr.Request, job_id: str) -> dict[str, Any]:
        """Stop one of your jobs, waiting or running. One that has ended stays as it is.

        Args:
            job_id: the id of the job
        """
        owner = services.identity.who(request)
        services.jobs.cancel(owner, job_id)
        return describe(services.jobs.get(owner, job_id))

    for endpoint in (generate_text, chat, list_models, job, cancel_job):
        api(told(endpoint), api_name=endpoint.__name__, concurrency_limit=None)


def describe(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    return {
        "id": job.id,
        "state": job.state,
        "title": job.title,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "text": job.result.text if job.result else None,
        "seed": job.result.seed if job.result else None,
        "new_tokens": job.result.new_tokens if job.result else None,
        "decode_tokens_per_second": job.result.decode_tokens_per_second if job.result else None,
        "prefill_tokens_per_second": job.result.prefill_tokens_per_second if job.result else None,
        "error": job.error.say("en") if job.error else None,
    }

"""The turns of a talk, over ordinary jobs and an ordinary conversation. Knows no gradio and no sound.

    recording → job (transcription) → message of the person → job (answer)

Nothing is held in memory: the message that comes of a recording is named by its job, so whoever sees that end takes the
next step, and of several only the first does. All of it is in one event loop, without a pause between looking and writing.
"""

from dataclasses import asdict

from pipelines.errors.base import StudioError
from pipelines.types.speech import SpeechRequest
from pipelines.types.text import Sampling, TextRequest
from pipelines.types.transcription import TranscribeRequest, TranscribeResult
from studio.jobs.job import Job
from studio.services import Services
from studio.ui.text.chat_view import Asked
from studio.ui.text.chosen import PRESETS

SYSTEM = (
    "You are talking with somebody by voice. Answer in one to three short sentences, without lists and without markup."
)
SAMPLING = Sampling(**{**PRESETS["precise"], "max_new_tokens": 200})  # type: ignore[arg-type]  # numbers of the right kind
WATCHED_JOBS = 30


class Turns:
    """Takes each step of a turn. Every method raises NotFound for what is not the person's, and what `submit` raises."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def hear(self, asked: Asked, model: str, listener: str, recording: bytes, language: str) -> Job:
        """Have a recording written down; `model` is to answer it. Private ones keep nothing, as in a chat."""
        asked = self._begun(asked, model)
        return self._services.jobs.submit(
            asked.owner,
            TranscribeRequest(listener, language=language),
            keep=not asked.is_private,
            files={"audio": recording},
            conversation=(asked.conversation_id, ""),
        )

    def answer_to(self, asked: Asked, hearing: Job) -> str:
        """The place of the answer to what was heard; "" where nobody spoke, or where somebody took this step already.

        What was heard stays in the conversation, even where it cannot be answered; the half that was heard by a Stop does not.
        """
        heard = hearing.result if hearing.state == "done" else None
        text = heard.text.strip() if isinstance(heard, TranscribeResult) else ""
        conversation, question_id = asked.conversation(), hearing.id[:16]
        if not text or question_id in conversation.nodes or conversation.is_removed(question_id):
            return ""
        asked.book.add_user(asked.owner, asked.conversation_id, conversation.last_id(), text, node_id=question_id)
        return self._answer(asked, question_id)

    def ask(self, asked: Asked, model: str, text: str) -> tuple[str, str]:
        """(conversation, place of the answer) of what was typed. Raises EmptyPrompt; then nothing was added."""
        TextRequest(model, text=text, task="write").check()
        asked = self._begun(asked, model)
        last = asked.conversation().last_id()
        question_id = asked.book.add_user(asked.owner, asked.conversation_id, last, text)
        try:
            return asked.conversation_id, self._answer(asked, question_id)
        except StudioError:
            asked.book.remove(asked.owner, asked.conversation_id, question_id)
            raise

    def say(self, asked: Asked, node_id: str, text: str, speaker: str, voice: str) -> Job:
        """Have a stretch of an answer said. It is heard and not kept: the answer is, and can be said again."""
        return self._services.jobs.submit(
            asked.owner, SpeechRequest(speaker, text, voice), keep=False, conversation=(asked.conversation_id, node_id)
        )

    def running(self, asked: Asked) -> list[Job]:
        """What still writes down, writes or speaks in this conversation."""
        if not asked.conversation_id:
            return []
        jobs = self._services.jobs.recent(asked.owner, WATCHED_JOBS)
        return [job for job in jobs if job.conversation_id == asked.conversation_id and not job.is_ended]

    def interrupt(self, asked: Asked) -> list[Job]:
        """Stop all of it; what was written by then stays. Returns what was stopped."""
        jobs = self.running(asked)
        for job in jobs:
            self._services.jobs.cancel(asked.owner, job.id)
        return jobs

    def _begun(self, asked: Asked, model: str) -> Asked:
        """A conversation that is answered by `model` as one speaks."""
        fields = {"model": model, "sampling": asdict(SAMPLING), "adapters": []}
        if not asked.conversation_id:
            conversation = asked.book.new(asked.owner, system=SYSTEM, settings=fields)
            return Asked(asked.owner, asked.language, asked.book, conversation.id)
        conversation = asked.conversation()
        if conversation.settings.get("model") != model:
            asked.book.set_settings(asked.owner, asked.conversation_id, conversation.system, fields)
        return asked

    def _answer(self, asked: Asked, question_id: str) -> str:
        """Add the place of an answer and have it written. Raises what `submit` raises; then there is no such place."""
        book, owner, conversation_id = asked.book, asked.owner, asked.conversation_id
        job_id = self._services.jobs.new_job_id()
        node_id = book.add_answer(owner, conversation_id, question_id, job_id)
        try:
            self._services.jobs.submit(
                owner, asked.conversation().request(until=question_id), keep=not asked.is_private,
                conversation=(conversation_id, node_id), job_id=job_id,
            )  # fmt: skip
        except StudioError:
            book.remove(owner, conversation_id, node_id)
            raise
        return node_id

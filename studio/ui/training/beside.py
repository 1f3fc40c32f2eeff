"""A tuned language model beside its base: the same question, the same seed, two answers."""

from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.requests import EmptyPrompt
from pipelines.types.text import Message, Sampling, TextRequest
from studio.services import Services
from studio.ui.components import quietly
from studio.ui.i18n import language
from studio.ui.safe import escape
from studio.ui.stream import Live, follow_all
from studio.ui.told import told
from studio.ui.training.layout import Parts
from studio.ui.training.watching import Watching
from studio.ui.words import say

SEED = 1
ANSWER_TOKENS = 120


class Beside:
    """Knows no run of its own: it is told which one is shown."""

    def __init__(self, services: Services, watching: Watching, parts: Parts) -> None:
        self._services, self._watching, self._parts = services, watching, parts

    def wire(self) -> None:
        p, quiet = self._parts, quietly()
        p.tuned.change(lambda run_id: (gr.update(visible=bool(run_id)), ""), p.tuned, [p.beside, p.answers], **quiet)
        asked = p.ask.click(told(self._ask), [p.tuned, p.question], [p.answers, p.ask], **quiet)
        asked.failure(lambda: gr.update(interactive=True), None, p.ask, **quiet)

    async def _ask(self, run_id: str, question: str, request: gr.Request) -> AsyncIterator[tuple[str, Any]]:
        """Both at once; nothing is kept. Raises EmptyPrompt, NotFound, and what a text job raises."""
        lang, owner, jobs = language(request), self._services.identity.who(request), self._services.jobs
        if not str(question or "").strip():
            raise EmptyPrompt()
        pair = self._watching.pair(owner, str(run_id))
        if pair is None:
            raise NotFound(thing="model")
        ids = [jobs.submit(owner, asking(one, str(question)), keep=False).id for one in pair]
        yield side_by_side([Live(), Live()], lang), gr.update(interactive=False)
        async for lives in follow_all(jobs, owner, ids):
            for live in lives.values():
                if live.error is not None:
                    raise live.error
            yield side_by_side([lives.get(one, Live()) for one in ids], lang), gr.skip()
        yield gr.skip(), gr.update(interactive=True)


def asking(model: TextRequest, question: str) -> TextRequest:
    """What is asked of one of the two: in a chat where it knows chats, else to go on with."""
    sampling = Sampling(max_new_tokens=ANSWER_TOKENS, seed=SEED)
    messages = (Message("user", question),) if model.task == "chat" else ()
    return TextRequest(
        model.model, model.task, messages, "" if messages else question, adapters=model.adapters, sampling=sampling
    )


def side_by_side(lives: list[Live], lang: str) -> str:
    """The base left, the tuned one right."""
    figures = []
    for live, key in zip(lives, ("beside_base", "beside_tuned"), strict=True):
        text = live.result.text if live.result is not None else live.text
        words = escape(text) if text else escape(say("beside_waits", lang))
        figures.append(
            f'<figure><figcaption>{escape(say(key, lang))}</figcaption><p class="sample-text">{words}</p></figure>'
        )
    return f'<div class="beside" role="status">{"".join(figures)}</div>'

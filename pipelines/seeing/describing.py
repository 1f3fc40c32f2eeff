"""A picture in words: its likeliest names, a description in sentences, or the answer to a question about it.

It knows pictures and text, and no model family.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from pipelines.errors.seeing import AnswersNoQuestions
from pipelines.seeing.naming import JUDGED, is_known
from pipelines.types.caption import CaptionRequest, CaptionResult, FinishReason, Name
from pipelines.types.events import IsCancelled, OnEvent, Token
from pipelines.types.model import ModelSpec


class NamingModel(Protocol):
    """What a family gives that knows names."""

    takes_questions: bool
    least_probability: float  # of the JUDGED likeliest names together; below it the picture shows nothing that it knows

    def names(self, picture: Any, count: int) -> list[Name]:
        """Of an RGB picture, the likeliest first; each with all languages."""
        ...


class AnsweringModel(Protocol):
    """What a family gives that answers."""

    takes_questions: bool

    def answer(
        self, picture: Any, question: str, language: str, on_text: Callable[[str], None], is_cancelled: IsCancelled
    ) -> bool:
        """Tells its answer to `on_text` as it comes, without a question a description; whether it came to its end."""
        ...


def describe(
    model: Any,
    spec: ModelSpec,
    request: CaptionRequest,
    picture: Any,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> CaptionResult:
    """Raises AnswersNoQuestions."""
    # 1 Can this model do that?
    question = request.question.strip()
    if question and not model.takes_questions:
        raise AnswersNoQuestions(model=spec.name)

    # 2 An answer, word by word
    started = time.perf_counter()
    language = request.language.partition("-")[0].lower() or "en"
    if model.takes_questions:
        pieces: list[str] = []

        def say(text: str) -> None:
            pieces.append(text)
            on_event(Token(text))

        is_whole = model.answer(picture, question, language, say, is_cancelled)
        seconds = time.perf_counter() - started
        reason: FinishReason = "cancelled" if is_cancelled() else "stop" if is_whole else "length"
        return CaptionResult(spec.id, reason, "".join(pieces).strip(), seconds=seconds)

    # 3 Or names; where even the likeliest are not likely, the picture is of something else
    found = tuple(model.names(picture, max(request.count, JUDGED)))
    names = found[: request.count]
    is_sure = is_known(found, model.least_probability)
    text = names[0].texts.get(language) or next(iter(names[0].texts.values())) if is_sure else ""
    return CaptionResult(spec.id, "stop", text, names, is_sure, time.perf_counter() - started)

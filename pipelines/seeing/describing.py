"""A picture in words: its likeliest names, a description in sentences, or the answer to a question about it.

It knows pictures and text, and no model family.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pipelines.errors.seeing import AnswersNoQuestions, NothingWritten, ReadsNothing, RemembersNothing
from pipelines.seeing.lines import lines_of
from pipelines.seeing.naming import JUDGED, is_known
from pipelines.types.caption import CaptionRequest, CaptionResult, Exchange, FinishReason, Name
from pipelines.types.events import IsCancelled, OnEvent, Progress, Token
from pipelines.types.model import ModelSpec

READ = {
    "en": "Read all text in this picture. Answer with the text alone.",
    "zh": "请读出图片中的所有文字，只回答文字内容。",
}


class NamingModel(Protocol):
    """What a family gives that knows names."""

    takes_questions: bool
    least_probability: float  # of the JUDGED likeliest names together; below it the picture shows nothing that it knows

    def names(self, picture: Any, count: int) -> list[Name]:
        """Of an RGB picture, the likeliest first; each with all languages."""
        ...


class ReadingModel(Protocol):
    """What a family gives that reads a line of writing."""

    takes_questions: bool

    def read_line(self, picture: Any) -> str:
        """What is written on an RGB picture of one line."""
        ...


class AnsweringModel(Protocol):
    """What a family gives that answers."""

    takes_questions: bool
    remembers: bool  # whether it can be told what was said before

    def answer(
        self,
        picture: Any,
        question: str,
        earlier: Sequence[Exchange],
        language: str,
        on_text: Callable[[str], None],
        is_cancelled: IsCancelled,
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
    """Raises AnswersNoQuestions, RemembersNothing, ReadsNothing or NothingWritten."""
    # 1 Can this model do that?
    language = request.language.partition("-")[0].lower() or "en"
    question = request.question.strip()
    if request.reads and hasattr(model, "read_line"):
        return _read(model, spec, picture, on_event, is_cancelled)
    if request.reads:
        question = READ.get(language, READ["en"])
    if question and not model.takes_questions:
        raise (ReadsNothing if request.reads else AnswersNoQuestions)(model=spec.name)
    if request.earlier and not model.remembers:
        raise RemembersNothing(model=spec.name)

    # 2 An answer, word by word
    started = time.perf_counter()
    if model.takes_questions:
        pieces: list[str] = []

        def say(text: str) -> None:
            pieces.append(text)
            on_event(Token(text))

        is_whole = model.answer(picture, question, request.earlier, language, say, is_cancelled)
        seconds = time.perf_counter() - started
        reason: FinishReason = "cancelled" if is_cancelled() else "stop" if is_whole else "length"
        return CaptionResult(spec.id, reason, "".join(pieces).strip(), seconds=seconds)

    # 3 Or names; where even the likeliest are not likely, the picture is of something else
    found = tuple(model.names(picture, max(request.count, JUDGED)))
    names = found[: request.count]
    is_sure = is_known(found, model.least_probability)
    text = names[0].texts.get(language) or next(iter(names[0].texts.values())) if is_sure else ""
    return CaptionResult(spec.id, "stop", text, names, is_sure, time.perf_counter() - started)


def _read(
    model: ReadingModel, spec: ModelSpec, picture: Any, on_event: OnEvent, is_cancelled: IsCancelled
) -> CaptionResult:
    """Line by line. Raises NothingWritten."""
    started = time.perf_counter()
    lines = lines_of(picture)
    if not lines:
        raise NothingWritten()
    read: list[str] = []
    for number, line in enumerate(lines):
        if is_cancelled():
            break
        on_event(Progress(number, len(lines), "lines"))
        read.append(model.read_line(line))
        on_event(Token(read[-1] + "\n"))
    reason: FinishReason = "stop" if len(read) == len(lines) else "cancelled"
    return CaptionResult(spec.id, reason, "\n".join(read).strip(), seconds=time.perf_counter() - started)

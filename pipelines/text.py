"""Text out of text: chat, writing, summaries, rewriting, translation, continuation, and filling a gap.

    pipeline = TextPipeline.on_this_machine()
    result = pipeline.generate(TextRequest(model="smollm2-135m-instruct", task="write", text="A poem about rain."))

`generate` is the whole path, as numbered steps. It knows tasks and tokens, and no model family.
"""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol, cast

from pipelines.base import Pipeline
from pipelines.errors.models import TemplateRefused
from pipelines.errors.requests import ContextOverflow
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.types.events import IsCancelled, OnEvent, Token, ignore, never
from pipelines.types.model import ModelSpec
from pipelines.types.text import Candidate, Message, Piece, Sampling, TextRequest, TextResult
from pipelines.writing.detokenizer import Detokenizer
from pipelines.writing.poem import compose

TASK_PROMPTS = Path(__file__).parents[1] / "assets" / "prompts" / "tasks.json"


class TextModel(Protocol):
    """What a family gives for text that grows token by token. `context_tokens` bounds prompt and answer together."""

    context_tokens: int
    has_chat_template: bool

    def encode_chat(self, messages: Sequence[Message], answer_prefix: str) -> list[int]: ...
    def encode(self, text: str) -> list[int]: ...
    def decode(self, token_ids: Sequence[int]) -> str: ...
    def stream(self, token_ids: Sequence[int], sampling: Sampling, is_cancelled: IsCancelled) -> Iterator[Piece]: ...


class MaskModel(Protocol):
    """What a family gives for a sentence with a gap. Raises ContextOverflow."""

    def fill(self, text: str, count: int) -> tuple[list[Candidate], int]: ...


class TextPipeline(Pipeline):
    """Safe to use from several threads at once; a family that batches then works on all of them together."""

    def generate(
        self, request: TextRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> TextResult:
        """The answer to `request`; its tokens and the loading of its model go to `on_event` on the way.

        When `is_cancelled` turns true, what is there so far is the result, with finish_reason "cancelled". Raises the
        errors of `pipelines.errors`.
        """
        # 1 Is it a request that can be answered?
        request.check()
        spec = self.catalog.check(request)
        sampling = request.sampling
        if sampling.seed is None:
            sampling = replace(sampling, seed=secrets.randbelow(2**32))

        # 2 The model, for as long as it is needed
        started = time.perf_counter()
        try:
            with self.lease(spec, request.adapters, on_event, is_cancelled) as model:
                seconds_load = time.perf_counter() - started

                # 3 The work itself
                if request.task == "fill-mask":
                    result = _fill(cast(MaskModel, model), spec, request, cast(int, sampling.seed))
                elif request.task == "poem":
                    result = _compose(cast(TextModel, model), spec, request, sampling, on_event, is_cancelled)
                else:
                    result = _write(cast(TextModel, model), spec, request, sampling, on_event, is_cancelled)
        except LoadCancelled:
            seconds = time.perf_counter() - started
            return TextResult("", spec.id, cast(int, sampling.seed), "cancelled", 0, 0, 0.0, 0.0, seconds)

        # 4 With what it took
        return replace(result, seconds_load=seconds_load)


def _fill(model: MaskModel, spec: ModelSpec, request: TextRequest, seed: int) -> TextResult:
    started = time.perf_counter()
    candidates, prompt_tokens = model.fill(request.text, count=5)
    seconds = time.perf_counter() - started
    return TextResult(
        candidates[0].sentence, spec.id, seed, "stop", prompt_tokens, 0, seconds, 0.0, candidates=tuple(candidates)
    )


def _write(
    model: TextModel,
    spec: ModelSpec,
    request: TextRequest,
    sampling: Sampling,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> TextResult:
    # 1 The prompt as tokens, and the room that is left for the answer
    prompt = _encode(model, request)
    if len(prompt) >= model.context_tokens:
        raise ContextOverflow(tokens=len(prompt), model=spec.name, limit=model.context_tokens)
    room = model.context_tokens - len(prompt)
    sampling = replace(sampling, max_new_tokens=min(sampling.max_new_tokens, room))

    # 2 Tokens to text as they come
    detokenizer = Detokenizer(model.decode, prompt)
    parts: list[str] = []
    new_tokens = reused = 0
    started = time.perf_counter()
    first_at = last_at = started
    finish_reason: Literal["stop", "length", "cancelled"] = "stop"
    for piece in model.stream(prompt, sampling, is_cancelled):
        if piece.token_ids:
            if not new_tokens:
                first_at, reused = piece.at_seconds, piece.prompt_tokens_reused
            last_at = piece.at_seconds
            new_tokens += len(piece.token_ids)
        text = detokenizer.add(piece.token_ids)
        if piece.finish_reason:
            text += detokenizer.end()
            finish_reason = piece.finish_reason
        if text:
            parts.append(text)
            on_event(Token(text))

    # 3 What came out
    return TextResult(
        text="".join(parts),
        model=spec.id,
        seed=cast(int, sampling.seed),
        finish_reason=finish_reason,
        prompt_tokens=len(prompt),
        new_tokens=new_tokens,
        seconds_prefill=first_at - started,
        seconds_decode=last_at - first_at,
        prompt_tokens_reused=reused,
    )


def _compose(
    model: TextModel,
    spec: ModelSpec,
    request: TextRequest,
    sampling: Sampling,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> TextResult:
    """A poem; its model reads simplified characters, and traditional ones are turned into them."""
    from opencc import OpenCC

    prompt_tokens, new_tokens = 0, 0
    simplified = OpenCC("t2s").convert

    def draw(prompt: str, length: int, seed: int) -> str:
        nonlocal prompt_tokens, new_tokens
        asked = model.encode(prompt)
        prompt_tokens = prompt_tokens or len(asked)
        one = replace(sampling, seed=seed, max_new_tokens=length)
        written = [token for piece in model.stream(asked, one, is_cancelled) for token in piece.token_ids]
        new_tokens += len(written)
        return model.decode(written)

    # 1 Line by line
    started = time.perf_counter()
    first_at, parts = started, list[str]()
    title, first_line, heads = map(simplified, (request.text.strip(), request.answer_prefix, request.heads))
    for line in compose(draw, request.option, title, first_line, heads, cast(int, sampling.seed)):
        if is_cancelled():
            break
        if not parts:
            first_at = time.perf_counter()
        parts.append(line)
        on_event(Token(line))

    # 2 What came out; lines that were drawn again count as work
    return TextResult(
        text="".join(parts),
        model=spec.id,
        seed=cast(int, sampling.seed),
        finish_reason="cancelled" if is_cancelled() else "stop",
        prompt_tokens=prompt_tokens,
        new_tokens=new_tokens,
        seconds_prefill=first_at - started,
        seconds_decode=time.perf_counter() - first_at,
    )


# ── from a request to tokens ──────────────────────────────────────────────────────────────────────────────────────────


def _encode(model: TextModel, request: TextRequest) -> list[int]:
    """A chat in the model's template. A base model has none: it gets the bare texts and writes on."""
    if not model.has_chat_template and request.task == "continue":
        return model.encode(request.text)
    messages = _messages(request)
    if not model.has_chat_template:
        return model.encode("\n\n".join(message.text for message in messages) + "\n\n" + request.answer_prefix)
    try:
        return model.encode_chat(messages, request.answer_prefix)
    except TemplateRefused:
        if messages[0].role != "system":
            raise
        return model.encode_chat(_without_system(messages), request.answer_prefix)


def _messages(request: TextRequest) -> tuple[Message, ...]:
    """The conversation; for any other task the one that its prompt makes of the text."""
    if request.task == "chat" and request.messages:
        return request.messages
    if request.task == "chat":
        return (Message("user", request.text),)
    prompts = json.loads(TASK_PROMPTS.read_text(encoding="utf-8"))[request.task]
    before, after = prompts["user"].split("{text}")
    option = request.option.strip() or prompts.get("option", "")
    asked = before.replace("{option}", option) + request.text + after.replace("{option}", option)
    return (Message("system", prompts["system"]), Message("user", asked))


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """For templates that know no system prompt (Gemma, Mistral): it stands at the head of the first question."""
    system, first, *rest = messages
    return (replace(first, text=f"{system.text}\n\n{first.text}"), *rest)

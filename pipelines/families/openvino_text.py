"""Text models on the CPU by OpenVINO GenAI: GGUF files and OpenVINO folders. Many requests at once on one model.

One thread owns the engine and steps it while there is something to do; a request of another thread joins between two
steps (continuous batching). The engine keeps the key-value blocks of earlier requests, so a conversation that goes on
is not read again from its beginning. This file knows token ids and chat templates, and no pipeline.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any

from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError
from pipelines.errors.models import AdapterMismatch, ConversationTooLarge, TemplateRefused, UnsupportedModel
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.openvino import import_openvino_genai
from pipelines.loading.placement.devices import Place, is_out_of_memory
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, Loading, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.text import Message, Piece, Sampling

TASKS: frozenset[Task] = frozenset({"chat", "write", "summarise", "rewrite", "translate", "continue"})
DEVICES = frozenset({"cpu"})
BATCHES = True
ADAPTERS = False

GGUF_ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
CACHE_GIGABYTES = 1
PROMPT_TOKENS_PER_STEP = 256
UNKNOWN_CONTEXT_TOKENS = 4096
PACE_SECONDS = 0.012  # tokens are handed on at most this often: two tokens of a small model
CANCEL_POLL_SECONDS = 0.02
NO_TOP_K = 2**31 - 1
BLOCK_TOKENS = 32  # the engine's unit of remembering on a CPU
REMEMBERED_REQUESTS = 16


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "openvino" or (file_format == "gguf" and bool(GGUF_ARCHITECTURES & set(architectures)))


def forecast(weights: Weights, place: Place) -> Forecast:
    """The weights as they are packed, and the engine's key-value cache, which it fills and never gives back."""
    return Forecast(weights.size_bytes + CACHE_GIGABYTES * 2**30)


def forms(weights: Weights) -> tuple[Form, ...]:
    """As they are packed and no other way."""
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "OpenVinoText":
    """Raises UnsupportedModel where the engine does not take the file, AdapterMismatch where adapters are asked for."""
    if adapters:
        raise AdapterMismatch(
            adapter=adapters[0][0].source, model=spec.name, reason="adapters need a safetensors model"
        )
    openvino_genai = import_openvino_genai()

    # 1 How the engine shares its memory and its steps
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = CACHE_GIGABYTES
    scheduler.enable_prefix_caching = True
    scheduler.dynamic_split_fuse = True  # a long prompt is read in parts, between the others' tokens
    scheduler.max_num_batched_tokens = PROMPT_TOKENS_PER_STEP

    # 2 The engine
    on_event(Loading("weights", spec.name))
    try:
        engine = openvino_genai.ContinuousBatchingPipeline(str(weights.path), scheduler, "CPU", {})
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[-160:]
        raise UnsupportedModel(model=spec.name, architecture=f"{'/'.join(weights.architectures)} ({reason})") from error
    context_tokens = spec.context_tokens or weights.context_tokens or UNKNOWN_CONTEXT_TOKENS
    return OpenVinoText(engine, spec.name, context_tokens, forecast(weights, place).weights_bytes)


class OpenVinoText:
    """A loaded model. `stream` may be called from several threads at once."""

    def __init__(self, engine: Any, name: str, context_tokens: int, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.is_stale = False
        self._name = name
        self._engine = engine
        self._tokenizer = engine.get_tokenizer()
        self.context_tokens = min(context_tokens, len(self._encode_part(" a" * (context_tokens + 1), False)))
        self._eos_token_id = self._tokenizer.get_eos_token_id()
        self.has_chat_template = bool(self._tokenizer.chat_template)
        self._remembered: deque[list[int]] = deque(maxlen=REMEMBERED_REQUESTS)
        self._streams: list[_Stream] = []
        self._next_id = 0
        self._is_closed = False
        self._changed = Condition()
        self._thread = Thread(target=self._step_while_needed, name=f"openvino {name}", daemon=True)
        self._thread.start()

    # ── text and tokens ───────────────────────────────────────────────────────────────────────────────────────────────

    def encode_chat(self, messages: Sequence[Message], answer_prefix: str) -> list[int]:
        """The conversation in the model's own chat template, up to where its answer goes on after `answer_prefix`."""
        turns = [{"role": message.role, "content": message.text} for message in messages]
        try:
            prompt = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True)
        except RuntimeError as error:
            raise TemplateRefused(model=self._name, reason=" ".join(str(error).split())[-160:]) from error
        return self._encode(prompt + answer_prefix, add_special_tokens=False)

    def encode(self, text: str) -> list[int]:
        """`text` as the beginning of a document."""
        return self._encode(text, add_special_tokens=True)

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(token_ids)) if token_ids else ""

    def _encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The engine's tokenizer silently cuts what is too long, so that is tokenised in parts: its length is the truth."""
        ids = self._encode_part(text, add_special_tokens)
        if len(ids) < self.context_tokens:
            return ids
        size = max(self.context_tokens // 4, 1)
        parts = (text[start : start + size] for start in range(0, len(text), size))
        return [token_id for part in parts for token_id in self._encode_part(part, add_special_tokens)]

    def _encode_part(self, text: str, add_special_tokens: bool) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens).input_ids.data[0].tolist()

    # ── generation ────────────────────────────────────────────────────────────────────────────────────────────────────

    def stream(self, token_ids: Sequence[int], sampling: Sampling, is_cancelled: IsCancelled) -> Iterator[Piece]:
        """The tokens that follow `token_ids`. `sampling.seed` must be set, and the prompt fit the context.

        Raises ConversationTooLarge when the engine's memory is too small for it, InternalError when the engine breaks.
        """
        stream = self._start(list(token_ids), sampling)
        try:
            while True:
                stream.news.wait(CANCEL_POLL_SECONDS)
                if is_cancelled():
                    yield stream.piece("cancelled")
                    return
                if not stream.news.is_set():
                    continue
                stream.news.clear()
                if stream.failure is not None:
                    raise stream.failure
                piece = stream.piece(stream.finish_reason)
                if piece.token_ids or piece.finish_reason:
                    yield piece
                if piece.finish_reason:
                    return
        finally:
            stream.handle.cancel()  # nothing when it has ended; otherwise frees its memory at the next step

    def park(self) -> bool:
        """It lies in RAM already."""
        return False

    def unpark(self) -> None:
        """It was never parked."""

    def close(self) -> None:
        """Ends the engine's thread and drops the engine."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()
        for stream in self._streams:
            stream.fail(InternalError(where="OpenVINO was closed"))
        self._engine = self._tokenizer = None

    def _start(self, token_ids: list[int], sampling: Sampling) -> "_Stream":
        import numpy
        import openvino

        prompt = openvino.Tensor(numpy.array([token_ids], dtype=numpy.int64))
        with self._changed:
            if self.is_stale or self._is_closed:
                raise InternalError(where="OpenVINO")
            self._next_id += 1
            handle = self._engine.add_request(self._next_id, prompt, self._config(sampling))
            stream = _Stream(handle, self._name, token_ids, self._known_prefix(token_ids))
            self._streams.append(stream)
            self._changed.notify_all()
        return stream

    def _config(self, sampling: Sampling) -> Any:
        config = self._engine.get_config()  # with the stop tokens of the model's own generation_config
        if config.eos_token_id < 0:
            config.set_eos_token_id(self._eos_token_id)
        config.max_new_tokens = sampling.max_new_tokens
        config.repetition_penalty = sampling.repetition_penalty
        config.do_sample = sampling.temperature > 0
        if config.do_sample:
            config.temperature = sampling.temperature
            config.top_p = sampling.top_p
            config.top_k = sampling.top_k or NO_TOP_K
            config.rng_seed = sampling.seed
        return config

    def _known_prefix(self, token_ids: list[int]) -> int:
        """How many tokens at the beginning the engine still knows: whole blocks, and never the last token."""
        common = max((_common_length(token_ids, known) for known in self._remembered), default=0)
        return min(common, len(token_ids) - 1) // BLOCK_TOKENS * BLOCK_TOKENS

    def _step_while_needed(self) -> None:
        """The engine's own thread."""
        while True:
            # 1 Sleep while there is nothing to do
            with self._changed:
                self._changed.wait_for(lambda: self._streams or self._is_closed)
                if self._is_closed:
                    return
                streams = tuple(self._streams)

            # 2 One token for everybody (or a part of somebody's prompt)
            try:
                self._engine.step()
                ended = [stream for stream in streams if stream.collect()]
            except Exception as error:  # noqa: BLE001  whatever native code throws: nobody may be left waiting
                self._break(error)
                return

            # 3 Who has ended leaves
            if ended:
                with self._changed:
                    for stream in ended:
                        self._streams.remove(stream)
                        if stream.has_answered:  # otherwise its prompt was not read to the end
                            self._remembered.append(stream.token_ids)

    def _break(self, error: Exception) -> None:
        """The engine is of no use any more: every stream ends with an error, and the model is to be loaded again."""
        with self._changed:
            self.is_stale = True
            for stream in self._streams:
                stream.fail(InternalError(where=f"OpenVINO: {' '.join(str(error).split())[:160]}"))
            self._streams.clear()


class _Stream:
    """One request between the engine's thread, which calls `collect`, and its reader, who calls `piece`."""

    def __init__(self, handle: Any, name: str, prompt_ids: list[int], reused: int) -> None:
        self.handle = handle
        self.news = Event()
        self.failure: StudioError | None = None
        self.finish_reason: Any = None
        self.token_ids = list(prompt_ids)
        self._name = name
        self._reused = reused
        self._prompt_tokens = self._given = len(prompt_ids)
        self._last_at = time.perf_counter()
        self._told_at = 0.0

    def collect(self) -> bool:
        """After a step: takes the new tokens, tells the reader, not too often. True: this request has ended."""
        while self.handle.can_read():
            for output in self.handle.read().values():
                self._last_at = time.perf_counter()
                self.token_ids.extend(output.generated_ids)
                reason = output.finish_reason.name
                if reason in ("STOP", "LENGTH"):
                    self.finish_reason = reason.lower()
        status = self.handle.get_status().name
        if status == "IGNORED" and self.finish_reason is None:
            self.fail(ConversationTooLarge(model=self._name, tokens=len(self.token_ids)))
            return True
        has_ended = status != "RUNNING"
        if has_ended and self.finish_reason is None:
            self.finish_reason = "stop"
        is_due = len(self.token_ids) > self._given and self._last_at - self._told_at >= PACE_SECONDS
        if has_ended or is_due:
            self._told_at = self._last_at
            self.news.set()
        return has_ended

    @property
    def has_answered(self) -> bool:
        return len(self.token_ids) > self._prompt_tokens

    def fail(self, error: StudioError) -> None:
        self.failure = error
        self.news.set()

    def piece(self, finish_reason: Any) -> Piece:
        """The tokens since the last piece."""
        fresh = tuple(self.token_ids[self._given :])
        self._given += len(fresh)
        return Piece(fresh, self._last_at, self._reused, finish_reason)


def _common_length(left: list[int], right: list[int]) -> int:
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))

"""Language models of LSTM layers: they go on with a text, a token at a time, and forget slowly what lies far back.

All that they know of the text is a state of fixed size, so a long one costs nothing more. This file knows token ids and
no pipeline.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import CPU, Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words
from pipelines.networks import recurrent
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, Loading, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.text import Message, Piece, Sampling

TASKS: frozenset[Task] = frozenset({"continue"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 32 * 1024**2
PROMPT_TOKENS_PER_STEP = 512  # a long prompt is read in parts, so that Stop acts between them


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and recurrent.ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, CPU), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "LstmModel":
    """Raises ModelDamaged, or what says that memory ran out."""
    from transformers import AutoTokenizer

    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        network = recurrent.read(weights.path)
        tokenizer = AutoTokenizer.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False)
    return LstmModel(network.to(place.device), tokenizer, place)


class LstmModel(Networks):
    """A loaded model. Its weights are only read, so `stream` may be called from several threads."""

    context_tokens = 1_000_000  # the state never fills up
    has_chat_template = False

    def __init__(self, network: Any, tokenizer: Any, place: Place) -> None:
        super().__init__(place, network)
        self._network, self._tokenizer = network, tokenizer

    def encode_chat(self, messages: Sequence[Message], answer_prefix: str) -> list[int]:
        """It has no chat template: the turns, one after the other."""
        return self.encode("\n\n".join([*(message.text for message in messages), answer_prefix]))

    def encode(self, text: str) -> list[int]:
        """`text` as the beginning of a document, after the end of another."""
        return [self._tokenizer.eos_token_id, *self._tokenizer(text, add_special_tokens=False)["input_ids"]]

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def stream(self, token_ids: Sequence[int], sampling: Sampling, is_cancelled: IsCancelled) -> Iterator[Piece]:
        """The tokens that follow `token_ids`, one at a time. `sampling.seed` must be set."""
        import torch

        # 1 The prompt, in parts
        state = scores = None
        for part in torch.tensor([list(token_ids)]).split(PROMPT_TOKENS_PER_STEP, dim=1):
            if is_cancelled():
                yield Piece((), time.perf_counter(), finish_reason="cancelled")
                return
            scores, state = self._read_on(part, state)

        # 2 Token by token
        draw = _Draw(sampling, token_ids)
        for _ in range(sampling.max_new_tokens):
            if is_cancelled():
                yield Piece((), time.perf_counter(), finish_reason="cancelled")
                return
            token = draw(scores)
            if token == self._tokenizer.eos_token_id:
                yield Piece((), time.perf_counter(), finish_reason="stop")
                return
            yield Piece((token,), time.perf_counter())
            scores, state = self._read_on(torch.tensor([[token]]), state)
        yield Piece((), time.perf_counter(), finish_reason="length")

    def _read_on(self, token_ids: Any, state: Any) -> tuple[Any, Any]:
        import torch

        with torch.no_grad():
            scores, state = recurrent.read_on(self._network, token_ids.to(self._place.device), state)
        return scores[:, -1].float().cpu(), state


class _Draw:
    """The next token out of its scores (1, vocabulary): repetition penalty, temperature, top-k, top-p, own generator."""

    def __init__(self, sampling: Sampling, token_ids: Sequence[int]) -> None:
        import torch
        from transformers import (
            LogitsProcessorList,
            RepetitionPenaltyLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        self._seen = list(token_ids)
        self._is_greedy = sampling.temperature == 0
        self._warpers = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])
        if not self._is_greedy:
            self._warpers.append(TemperatureLogitsWarper(sampling.temperature))
            self._warpers += [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
            self._warpers += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
        self._generator = torch.Generator().manual_seed(sampling.seed or 0)

    def __call__(self, scores: Any) -> int:
        import torch

        warped = self._warpers(torch.tensor([self._seen]), scores)
        chances = torch.softmax(warped, dim=-1)
        drawn = chances.argmax(-1) if self._is_greedy else torch.multinomial(chances, 1, generator=self._generator)[0]
        self._seen.append(int(drawn))
        return int(drawn)

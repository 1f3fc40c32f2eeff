"""Models of the BERT kind by transformers: they fill a gap in a sentence. They write no text of their own."""

from pathlib import Path
from typing import Any

from pipelines.errors.models import AdapterMismatch
from pipelines.errors.requests import ContextOverflow, NoMask
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import forecast_bytes, forms_of, load_pretrained
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.text import MASK, Candidate

TASKS: frozenset[Task] = frozenset({"fill-mask"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORD_PART = "##"  # how WordPiece marks a token that goes on with the word before it
UNKNOWN_CONTEXT_TOKENS = 512


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and any(name.endswith("ForMaskedLM") for name in architectures)


def forecast(weights: Weights, place: Place) -> Forecast:
    return forecast_bytes(weights, place)


def forms(weights: Weights) -> tuple[Form, ...]:
    return forms_of(weights)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "MaskedModel":
    """Raises UnsupportedModel, ModelDamaged, AdapterMismatch, or what says that memory ran out."""
    if adapters:
        raise AdapterMismatch(adapter=adapters[0][0].source, model=spec.name, reason="it fills gaps and takes none")
    from transformers import AutoModelForMaskedLM

    model, tokenizer = load_pretrained(AutoModelForMaskedLM, spec, weights, place, on_event)
    trained = spec.context_tokens or weights.context_tokens or UNKNOWN_CONTEXT_TOKENS
    return MaskedModel(model, tokenizer, spec.name, min(trained, tokenizer.model_max_length), place)


class MaskedModel(Networks):
    """A loaded model. Its weights are only read, so `fill` may be called from several threads."""

    def __init__(self, model: Any, tokenizer: Any, name: str, context_tokens: int, place: Place) -> None:
        super().__init__(place, model)
        self.context_tokens = context_tokens
        self._model = model
        self._tokenizer = tokenizer
        self._name = name

    def fill(self, text: str, count: int) -> tuple[list[Candidate], int]:
        """(the `count` likeliest ways to fill the first [MASK] of `text`, number of tokens read).

        Raises NoMask, and ContextOverflow for a text that is too long.
        """
        import torch

        # 1 The gap, in the model's own word for it
        asked = text.replace(MASK, self._tokenizer.mask_token)
        inputs = self._tokenizer(asked, return_tensors="pt").to(dispatch.device_of(self._model))
        tokens = inputs["input_ids"].shape[1]
        if tokens > self.context_tokens:
            raise ContextOverflow(tokens=tokens, model=self._name, limit=self.context_tokens)
        gaps = (inputs["input_ids"][0] == self._tokenizer.mask_token_id).nonzero().flatten().tolist()
        if not gaps:
            raise NoMask()

        # 2 How likely every token of the vocabulary is there
        with torch.no_grad():
            scores = self._model(**inputs).logits[0, gaps[0]].float()
        likeliest = torch.softmax(scores, dim=-1).topk(min(count, scores.shape[-1]))

        # 3 As words and sentences
        rows = zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
        return [self._candidate(text, token_id, probability) for probability, token_id in rows], tokens

    def _candidate(self, text: str, token_id: int, probability: float) -> Candidate:
        word = self._tokenizer.decode([token_id]).strip()
        before, after = text.split(MASK, 1)
        if word.startswith(WORD_PART):
            return Candidate(word, probability, before.rstrip() + word.removeprefix(WORD_PART) + after)
        return Candidate(word, probability, before + word + after)

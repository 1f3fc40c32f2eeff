"""Encoders of the BERT kind by transformers that turn a sentence into one vector: near in meaning, near in direction.

After Reimers & Gurevych 2019 (Sentence-BERT, arXiv 1908.10084): the mean of the last layer over the tokens, or the first
token's where the folder's `1_Pooling` says so. They write no text.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import forecast_bytes, load_pretrained
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"embed"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURES = {"BertModel", "DistilBertModel", "MPNetModel", "RobertaModel", "XLMRobertaModel"}
MOST_TOKENS = 256  # of a text only its beginning counts
MOST_UNKNOWN = 0.3
AT_ONCE = 16


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and bool(ARCHITECTURES.intersection(architectures))


def forecast(weights: Weights, place: Place) -> Forecast:
    return forecast_bytes(weights, place)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "SentenceEncoder":
    """Raises UnsupportedModel, ModelDamaged, or what says that memory ran out."""
    from transformers import AutoModel

    model, tokenizer = load_pretrained(AutoModel, spec, weights, place, on_event)
    return SentenceEncoder(model, tokenizer, _takes_first_token(weights.path), place)


class SentenceEncoder(Networks):
    """A loaded model. Its weights are only read, so it may be asked from several threads."""

    def __init__(self, model: Any, tokenizer: Any, takes_first_token: bool, place: Place) -> None:
        super().__init__(place, model)
        self._model, self._tokenizer, self._takes_first_token = model, tokenizer, takes_first_token

    def reads(self, text: str) -> bool:
        """False where most of the words are unknown to it, which all come to the same vector then."""
        ids = self._tokenizer(text, add_special_tokens=False, truncation=True, max_length=MOST_TOKENS)["input_ids"]
        unknown = self._tokenizer.unk_token_id
        return bool(ids) and ids.count(unknown) < MOST_UNKNOWN * len(ids)

    def of_texts(self, texts: Sequence[str]) -> Any:
        """NumPy (texts, numbers) float32, each of length 1."""
        import numpy

        parts = [self._of_some(texts[at : at + AT_ONCE]) for at in range(0, len(texts), AT_ONCE)]
        return numpy.concatenate(parts)

    def _of_some(self, texts: Sequence[str]) -> Any:
        import torch

        inputs = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        inputs = inputs.to(dispatch.device_of(self._model))
        with torch.no_grad():
            hidden = self._model(**inputs).last_hidden_state.float()
        if self._takes_first_token:
            pooled = hidden[:, 0]
        else:
            counts = inputs["attention_mask"][:, :, None].float()
            pooled = (hidden * counts).sum(1) / counts.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()


def _takes_first_token(folder: Path) -> bool:
    try:
        told = json.loads((folder / "1_Pooling" / "config.json").read_bytes())
        return bool(told.get("pooling_mode_cls_token"))
    except (OSError, ValueError, AttributeError):
        return False

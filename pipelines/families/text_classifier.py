"""Text classifiers by transformers: any …ForSequenceClassification (BERT, RoBERTa, DeBERTa, Llama …), with its own tokenizer.

Which tokens spoke for a class is told by integrated gradients (pipelines/networks/attribution.py), against the same text with every
token but the frame replaced by the mean of the vocabulary, which says nothing of its own. This file knows tokens and no pipeline.
"""

import threading
from pathlib import Path
from typing import Any

from pipelines.errors.models import AdapterMismatch
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import forecast_bytes, load_pretrained
from pipelines.networks.attribution import Spoke, integrated_gradients
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"classify-text"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

UNKNOWN_CONTEXT_TOKENS = 512
MOST_TOKENS = 1024  # the way back is walked 32 times


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and any(name.endswith("ForSequenceClassification") for name in architectures)


def forecast(weights: Weights, place: Place) -> Forecast:
    return forecast_bytes(weights, place)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "TextClassifier":
    """Raises UnsupportedModel, ModelDamaged, AdapterMismatch, or what says that memory ran out."""
    if adapters:
        raise AdapterMismatch(adapter=adapters[0][0].source, model=spec.name, reason="it tells classes and takes none")
    from transformers import AutoModelForSequenceClassification

    model, tokenizer = load_pretrained(AutoModelForSequenceClassification, spec, weights, place, on_event)
    trained = weights.context_tokens or UNKNOWN_CONTEXT_TOKENS
    return TextClassifier(model, tokenizer, min(trained, tokenizer.model_max_length, MOST_TOKENS), place)


class TextClassifier(Networks):
    """A loaded model. One text at a time goes through it: the way back writes into its gradients."""

    def __init__(self, model: Any, tokenizer: Any, context_tokens: int, place: Place) -> None:
        super().__init__(place, model)
        self._model, self._tokenizer = model, tokenizer
        self._context_tokens = context_tokens
        self._lock = threading.Lock()
        self.labels = tuple(str(model.config.id2label[place]) for place in range(model.config.num_labels))

    def classify(self, text: str) -> tuple[list[float], list[Spoke]]:
        """See `TextClassifierModel` of pipelines/recognition/text_classification.py. Of a long text only the beginning is read."""
        import torch

        # 1 Token ids, and where each stands in the text
        read = self._tokenizer(
            text, truncation=True, max_length=self._context_tokens, return_offsets_mapping=True,
            return_special_tokens_mask=True, return_tensors="pt",
        )  # fmt: skip
        tokens = read["input_ids"].to(dispatch.device_of(self._model))
        is_frame = read["special_tokens_mask"][0].bool()

        # 2 Forward, and what each token did for the likeliest class
        with self._lock:
            embed = self._model.get_input_embeddings()
            with torch.no_grad():
                scores = self._scores(embed(tokens))[0].float()
                embedded, anything = embed(tokens)[0], embed.weight.mean(0)
                empty = torch.where(is_frame[:, None].to(tokens.device), embedded, anything)
            weights = integrated_gradients(embedded, empty, self._scores, int(scores.argmax())).tolist()
        places = zip(read["offset_mapping"][0].tolist(), is_frame.tolist(), weights, strict=True)
        spoke = [Spoke(start, end, weight) for (start, end), is_outside, weight in places if not is_outside]
        return self._probabilities(scores), spoke

    def _scores(self, embedded: Any) -> Any:
        import torch

        mask = torch.ones(embedded.shape[:2], dtype=torch.long, device=embedded.device)
        return self._model(inputs_embeds=embedded, attention_mask=mask).logits

    def _probabilities(self, scores: Any) -> list[float]:
        """A model of several labels at once says of each by itself how likely it is."""
        is_several = self._model.config.problem_type == "multi_label_classification" or len(scores) == 1
        return (scores.sigmoid() if is_several else scores.softmax(0)).tolist()

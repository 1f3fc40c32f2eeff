"""Classifiers of texts out of LSTM layers, with the tokens that spoke for a class (pipelines/networks/attribution.py).

This file knows tokens and no pipeline.
"""

import threading
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import CPU, Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words
from pipelines.networks import recurrent_classifier
from pipelines.networks.attribution import Spoke, integrated_gradients
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"classify-text"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 64 * 1024**2


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and recurrent_classifier.ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, CPU), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "LstmClassifier":
    """Raises ModelDamaged, or what says that memory ran out."""
    from transformers import AutoTokenizer

    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        network, labels = recurrent_classifier.read(weights.path)
        tokenizer = AutoTokenizer.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False)
    return LstmClassifier(network.to(place.device), tokenizer, labels, place)


class LstmClassifier(Networks):
    """A loaded model. One text at a time goes through it."""

    def __init__(self, network: Any, tokenizer: Any, labels: tuple[str, ...], place: Place) -> None:
        super().__init__(place, network)
        self._network, self._tokenizer = network, tokenizer
        self._lock = threading.Lock()
        self.labels = labels

    def classify(self, text: str) -> tuple[list[float], list[Spoke]]:
        """See `TextClassifierModel` of pipelines/recognition/text_classification.py. Of a long text only the beginning is read."""
        import torch

        # 1 Token ids, and where each stands in the text
        read = self._tokenizer(
            text, truncation=True, return_offsets_mapping=True, return_special_tokens_mask=True, return_tensors="pt"
        )
        tokens = read["input_ids"].to(self._place.device)
        is_frame = read["special_tokens_mask"][0].bool()

        # 2 Forward, and what each token did for the likeliest class
        with self._lock:
            embed = self._network["embedding"]
            with torch.no_grad():
                embedded = embed(tokens)
                scores = self._scores(embedded)[0].float()
                empty = embedded[0] * is_frame[:, None].to(embedded)  # its padding was never trained, and says anything
            weights = integrated_gradients(embedded[0], empty, self._scores, int(scores.argmax())).tolist()
        places = zip(read["offset_mapping"][0].tolist(), is_frame.tolist(), weights, strict=True)
        spoke = [Spoke(start, end, weight) for (start, end), is_outside, weight in places if not is_outside]
        return scores.softmax(0).tolist(), spoke

    def _scores(self, embedded: Any) -> Any:
        import torch

        mask = torch.ones(embedded.shape[:2], dtype=torch.long)
        return recurrent_classifier.scores_of(self._network, embedded, mask.to(embedded.device))

"""Composers of our own: Transformers over the words of a score. This file knows words and scores, and no rule of music."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import CPU, Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words
from pipelines.music import score_model
from pipelines.music.known_runs import KnownRuns, read_runs
from pipelines.music.score import VOCABULARY
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"music"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 256 * 1024**2  # mostly the sound of a piece of some minutes


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and score_model.ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, CPU), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "ScoreModel":
    """Raises ModelDamaged, or what says that memory ran out."""
    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        network, known_runs = score_model.read(weights.path), read_runs(weights.path)
    return ScoreModel(network.to(place.device), known_runs, place)


class ScoreModel(Networks):
    """A loaded model. Its weights are only read, so several pieces may be composed at once."""

    def __init__(self, network: Any, known_runs: KnownRuns, place: Place) -> None:
        super().__init__(place, network)
        self.context_words: int = network.config.max_position_embeddings
        self.known_runs = known_runs
        self._network = network

    def begin(self) -> "Reader":
        """A reader for a new tune."""
        return Reader(self._network, self._place.device)


class Reader:
    """Reads one tune word by word and says what may come next; it remembers what it has read."""

    def __init__(self, network: Any, device: Any) -> None:
        from transformers import DynamicCache

        self._network, self._device = network, device
        self._cache = DynamicCache(config=network.config)

    def read(self, words: Sequence[str]) -> Any:
        """NumPy (vocabulary,) float32: the scores (logits) of what follows after these words and all before them."""
        import torch

        ids = torch.tensor([[_IDS[word] for word in words]], device=self._device)
        with torch.no_grad():
            answer = self._network(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        return answer.logits[0, -1].float().cpu().numpy()


_IDS = {word: place for place, word in enumerate(VOCABULARY)}

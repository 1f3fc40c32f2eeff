"""Captioners by transformers: any VisionEncoderDecoderModel, an eye and a language model that listens to it.

A model that was trained here says in its config.json in which languages its captions are, a line each ("languages"), below
which probability its likeliest names together mean nothing ("least_probability"), and by how much a picture is larger than what is drawn in it
("room"). Any other says one line of whatever it was trained on. This file knows pixels and tokens and no pipeline.
"""

from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.seeing.framing import framed
from pipelines.seeing.naming import likeliest
from pipelines.types.adapter import Adapter
from pipelines.types.caption import Name
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"caption"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "VisionEncoderDecoderModel"
WORKING_BYTES = 256 * 1024**2  # one picture, and a dozen captions of it at once


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "Captioner":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoImageProcessor, VisionEncoderDecoderModel

    model, tokenizer = pretrained.load_pretrained(VisionEncoderDecoderModel, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        processor = AutoImageProcessor.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False)
        return Captioner(model, tokenizer, processor, place, spec.languages)


class Captioner(Networks):
    """A loaded model. Its weights are only read, so `names` may be called from several threads."""

    takes_questions = False

    def __init__(
        self, model: Any, tokenizer: Any, processor: Any, place: Place, languages: tuple[str, ...] = ()
    ) -> None:
        """Raises TypeError or ValueError where its config.json says nonsense."""
        super().__init__(place, model)
        config = model.config
        self.languages = tuple(map(str, getattr(config, "languages", ()))) or languages[:1] or ("",)
        self.least_probability = float(getattr(config, "least_probability", 0.0))
        self._room = float(getattr(config, "room", 0.0))
        self._model, self._tokenizer, self._processor = model, tokenizer, processor

    def names(self, picture: Any, count: int) -> list[Name]:
        """See `NamingModel` of pipelines/seeing/describing.py. By beam search, so they are as likely as the model says."""
        # 1 What it sees
        seen = framed(picture, self._room) if self._room else picture
        pixels = self._processor(images=seen, return_tensors="pt")["pixel_values"]
        pixels = pixels.to(self._place.device, self._model.dtype)

        # 2 What that is called, a line in each language
        return [
            Name(dict(zip(self.languages, text.split("\n"), strict=False)), min(1.0, probability))
            for text, probability in likeliest(self._model, self._tokenizer, pixels, count)
        ]

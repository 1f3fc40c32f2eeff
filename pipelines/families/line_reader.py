"""Models that read a line of writing, by transformers: TrOCR, a VisionEncoderDecoderModel whose words come of a TrOCR decoder.

Where the lines are on a picture is for `pipelines/seeing/lines.py`. This file knows pixels and tokens and no pipeline.
"""

from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"read-picture"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "TrOCRForCausalLM"
WORKING_BYTES = 256 * 1024**2  # one line, and what is written of it
MOST_TOKENS = 128


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "LineReader":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoImageProcessor, VisionEncoderDecoderModel

    model, tokenizer = pretrained.load_pretrained(VisionEncoderDecoderModel, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        processor = AutoImageProcessor.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False)
    return LineReader(model, tokenizer, processor, place)


class LineReader(Networks):
    """A loaded model. Its weights are only read, so `read_line` may be called from several threads."""

    takes_questions = False

    def __init__(self, model: Any, tokenizer: Any, processor: Any, place: Place) -> None:
        super().__init__(place, model)
        self._model, self._tokenizer, self._processor = model, tokenizer, processor

    def read_line(self, picture: Any) -> str:
        """What is written on an RGB picture (PIL) of one line."""
        import torch

        pixels = self._processor(images=picture, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            made = self._model.generate(
                pixels.to(self._place.device, self._model.dtype), max_new_tokens=MOST_TOKENS, do_sample=False
            )
        return str(self._tokenizer.batch_decode(made, skip_special_tokens=True)[0]).strip()

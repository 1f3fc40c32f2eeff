"""MusicGen by transformers: words in, music out, which may go on from music that is there, and so be longer than 30 seconds.

Its melody models are another family: musicgen_melody.py.
Source: Copet et al. 2023, https://arxiv.org/abs/2306.05284. This file knows one part of a piece at a time and no pipeline.
"""

from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.music.codes import frame_by_frame
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.music import MusicRequest

TASKS: frozenset[Task] = frozenset({"music"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "MusicgenForConditionalGeneration"
TRAINED_SECONDS = 30.0  # the paper's length of a piece
WORKING_NUMBERS = 150_000_000  # keys and values of thirty seconds, twice because of guidance, and the sound


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "MusicGen":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForTextToWaveform

    model, tokenizer = pretrained.load_pretrained(AutoModelForTextToWaveform, spec, weights, place, on_event)
    return MusicGen(model, tokenizer, place)


class MusicGen(Networks):
    """A loaded model. It makes one part at a time, because the random generator is one for all of torch."""

    longest_seconds = TRAINED_SECONDS
    goes_on = True
    follows = False

    def __init__(self, model: Any, tokenizer: Any, place: Place) -> None:
        super().__init__(place, model)
        self.sampling_rate = int(model.config.audio_encoder.sampling_rate)
        self._model, self._tokenizer = model, tokenizer

    def perform(
        self,
        prompt: str,
        beginning: Any,
        tune: Any,
        seconds: float,
        request: MusicRequest,
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> Any:
        """What follows `beginning` (frames,): float32 (frames,); None when it was cancelled. Stereo becomes mono. `tune` is empty."""
        import torch

        # 1 The words, and what is there already, on every channel that the model knows
        channels = int(self._model.config.decoder.audio_channels)
        inputs = dict(self._tokenizer([prompt], return_tensors="pt").to(self._model.device))
        if len(beginning):
            heard = torch.from_numpy(beginning).to(self._model.device, self._model.dtype)
            inputs["input_values"] = heard.expand(1, channels, -1)

        # 2 Frame by frame, by the seed
        return frame_by_frame(self._model, inputs, len(beginning), seconds, request, on_event, is_cancelled)

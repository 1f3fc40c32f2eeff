"""VITS by transformers (MMS-TTS and others): characters in, speech out, in one pass; a seed decides how it is said.

Source: Kim et al. 2021, https://arxiv.org/abs/2106.06103. This file knows one sentence at a time and no pipeline.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.errors.models import NeedsProgram
from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.seeding import seeded
from pipelines.speech.phonemes.english_words import in_words
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.speech import SpeechRequest

TASKS: frozenset[Task] = frozenset({"speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "VitsModel"
WORKING_NUMBERS = 60_000_000  # twenty seconds at once


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    place = _in_full(place)
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "VitsSpeech":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForTextToWaveform

    model, tokenizer = pretrained.load_pretrained(AutoModelForTextToWaveform, spec, weights, _in_full(place), on_event)
    for need in ("phonemize", "is_uroman"):  # programs that the tokenizer would call, and that are not here
        if getattr(tokenizer, need, False):
            raise NeedsProgram(model=spec.name, program={"phonemize": "espeak", "is_uroman": "uroman"}[need])
    return VitsSpeech(model, tokenizer, place, is_english="en" in spec.languages)


def _in_full(place: Place) -> Place:
    """Its splines and durations do not bear half precision."""
    return replace(place, dtype="float32")


class VitsSpeech(Networks):
    """A loaded model. It says one sentence at a time, because speed and chance are settings of the whole network."""

    is_stochastic = True
    languages = ()

    def __init__(self, model: Any, tokenizer: Any, place: Place, *, is_english: bool) -> None:
        super().__init__(place, model)
        self.sampling_rate = int(model.config.sampling_rate)
        speakers = int(model.config.num_speakers)
        self.voices = tuple(str(number) for number in range(speakers)) if speakers > 1 else ()
        self._model, self._tokenizer, self._is_english = model, tokenizer, is_english

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled. Of a mixture the first voice speaks."""
        import numpy

        # 1 Characters that it knows
        encoded = self._tokenizer(in_words(text) if self._is_english else text, return_tensors="pt")
        if not encoded["input_ids"].numel():
            return numpy.zeros(0, numpy.float32)
        speaker = int(next(iter(request.shares()), 0)) if self.voices else None

        # 2 Through the network, by the seed
        def say() -> Any:
            self._model.speaking_rate = request.speed
            return self._model(**encoded.to(self._model.device), speaker_id=speaker).waveform[0]

        made = seeded(request.seed, [self._model], is_cancelled, say)
        return None if made is None else made.float().clamp(-1, 1).cpu().numpy()

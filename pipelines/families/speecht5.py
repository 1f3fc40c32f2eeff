"""SpeechT5 by transformers: characters in, a spectrogram out, which the HiFi-GAN vocoder of another repository makes audible.

A voice is a vector of 512 numbers (an x-vector). Those in `speakers.safetensors` of its folder are its voices; without them one
is drawn by the seed, the same for a whole text. A voice out of a recording would need a network that is not here.
Source: Ao et al. 2022, https://arxiv.org/abs/2110.07205. This file knows one sentence at a time and no pipeline.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.companions import load_companion
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.seeding import seeded
from pipelines.sound.stretching import stretched
from pipelines.speech.phonemes.english_words import in_words
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.speech import SpeechRequest

TASKS: frozenset[Task] = frozenset({"speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False
COMPANION = ModelSpec(
    "microsoft/speecht5_hifigan", "microsoft/speecht5_hifigan", "", (), "hub", "microsoft/speecht5_hifigan",
    revision="6f01b211b404df2e0a0a20ca79628a757bb35854",  # the one with safetensors
    size_bytes=50_600_000, parameters=12_650_000,
)  # fmt: skip

ARCHITECTURE = "SpeechT5ForTextToSpeech"
WORKING_NUMBERS = 60_000_000  # twenty seconds
SPEAKERS = "speakers.safetensors"


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    place = _in_full(place)
    working = int(WORKING_NUMBERS * BYTES_OF[place.dtype])
    return Forecast(weights_bytes(weights.parameters + COMPANION.parameters, place), working)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "SpeechT5":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from safetensors.torch import load_file
    from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan

    place = _in_full(place)
    model, tokenizer = pretrained.load_pretrained(SpeechT5ForTextToSpeech, spec, weights, place, on_event)
    vocoder = load_companion(SpeechT5HifiGan, spec, weights, COMPANION, place)
    table = weights.path / SPEAKERS
    with pretrained.in_plain_words(spec, weights):
        speakers = load_file(table) if table.is_file() else {}
        width = int(model.config.speaker_embedding_dim)
        speakers = {name: vector.float().reshape(1, width) for name, vector in sorted(speakers.items())}
    return SpeechT5(model, tokenizer, vocoder, speakers, place, is_english="en" in spec.languages)


def _in_full(place: Place) -> Place:
    """It is small, and its spectrogram does not bear half precision."""
    return replace(place, dtype="float32")


class SpeechT5(Networks):
    """A loaded model. It says one sentence at a time, because the random generator is one for all of torch."""

    is_stochastic = True
    languages = ()

    def __init__(
        self, model: Any, tokenizer: Any, vocoder: Any, speakers: dict[str, Any], place: Place, *, is_english: bool
    ) -> None:
        super().__init__(place, model, vocoder)
        self.sampling_rate = int(vocoder.config.sampling_rate)
        self.voices = tuple(speakers)
        self._model, self._tokenizer, self._vocoder, self._speakers = model, tokenizer, vocoder, speakers
        self._is_english = is_english

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled."""
        import numpy

        # 1 Characters that it knows, in one voice
        ids = self._tokenizer(in_words(text) if self._is_english else text, return_tensors="pt").input_ids
        if not ids.numel():
            return numpy.zeros(0, numpy.float32)
        seed = request.seed or 0
        voice = self._voice(request, seed)

        # 2 Through both networks; the first drops numbers by chance even when it speaks
        device = self._model.device
        made = seeded(
            seed,
            [self._model.speecht5.decoder.prenet, self._model, self._vocoder],
            is_cancelled,
            lambda: self._model.generate_speech(ids.to(device), voice.to(device), vocoder=self._vocoder),
        )
        if made is None:
            return None
        sound = made.float().flatten().clamp(-1, 1).cpu().numpy()
        return sound if request.speed == 1.0 else stretched(sound, request.speed, is_cancelled)

    def _voice(self, request: SpeechRequest, seed: int) -> Any:
        """(1, width): the mixture that is asked for, the first of its voices, or one that is drawn; of length 1."""
        import torch

        if not self._speakers:
            width = int(self._model.config.speaker_embedding_dim)
            mixed = torch.randn(1, width, generator=torch.Generator().manual_seed(seed))
        else:
            shares = request.shares() or {self.voices[0]: 1.0}
            mixed = torch.stack([share * self._speakers[name] for name, share in shares.items()]).sum(dim=0)
        return torch.nn.functional.normalize(mixed, dim=-1)

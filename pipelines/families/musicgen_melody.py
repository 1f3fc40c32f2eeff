"""MusicGen Melody by transformers: music of words that follows the tune of a recording, and may be longer than 30 seconds.

The tune is heard as pitch classes (pipelines/music/chroma.py), so the instruments of the recording do not matter; drums and
voices beside it do, because they are not taken out of it here. Without a tune the words decide alone.
Source: Copet et al. 2023, https://arxiv.org/abs/2306.05284. This file knows one part of a piece at a time and no pipeline.
"""

import json
from operator import index
from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.music.chroma import Chroma
from pipelines.music.codes import frame_by_frame
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.music import MusicRequest

TASKS: frozenset[Task] = frozenset({"music"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "MusicgenMelodyForConditionalGeneration"
TRAINED_SECONDS = 30.0  # the paper's length of a piece
WORKING_NUMBERS = 550_000_000  # keys and values of thirty seconds and a tune, twice because of guidance, and the sound
FFT_FRAMES, HOP_FRAMES = 16_384, 4096  # of a tune, where the model names no others
SETTINGS = "preprocessor_config.json"


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "MusicGenMelody":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForTextToWaveform

    model, tokenizer = pretrained.load_pretrained(AutoModelForTextToWaveform, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        return MusicGenMelody(model, tokenizer, _chroma(weights.path, model.config), place)


def _chroma(folder: Path, config: Any) -> Chroma:
    file = folder / SETTINGS
    settings = json.loads(file.read_bytes()) if file.is_file() else {}
    windows = index(settings.get("n_fft", FFT_FRAMES)), index(settings.get("hop_length", HOP_FRAMES))
    return Chroma(int(config.audio_encoder.sampling_rate), *windows, int(config.num_chroma))


class MusicGenMelody(Networks):
    """A loaded model. It makes one part at a time, because the random generator is one for all of torch."""

    longest_seconds = TRAINED_SECONDS
    goes_on = True
    follows = True

    def __init__(self, model: Any, tokenizer: Any, chroma: Chroma, place: Place) -> None:
        super().__init__(place, model)
        self.sampling_rate = int(model.config.audio_encoder.sampling_rate)
        self._model, self._tokenizer, self._chroma = model, tokenizer, chroma

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
        """What follows `beginning` (frames,) to `tune`: float32 (frames,); None when it was cancelled. Stereo becomes mono."""
        # 1 The words, the tune, and the codes of what is there already
        model = self._model
        inputs = dict(self._tokenizer([prompt], return_tensors="pt").to(model.device))
        if len(tune):
            inputs["input_features"] = self._chroma.strongest(tune)[None].to(model.device, model.dtype)
        if len(beginning):
            inputs["decoder_input_ids"] = self._codes(beginning)

        # 2 Frame by frame, by the seed
        return frame_by_frame(model, inputs, len(beginning), seconds, request, on_event, is_cancelled)

    def _codes(self, samples: Any) -> Any:
        """(frames,) → (codebooks of all channels, moments): in stereo the same codes on the left and on the right, in turns."""
        import torch

        model = self._model
        with torch.no_grad():
            heard = torch.from_numpy(samples).to(model.device, model.dtype)[None, None]
            codes = model.audio_encoder.encode(heard).audio_codes[0, 0]
        return codes.repeat_interleave(int(model.config.decoder.audio_channels), dim=0)

"""Bark by transformers: speech of thirteen languages with laughter, sighs and music in it: "[laughs] Hello!".

Voices are those of its table (speaker_embeddings_path.json) whose codes lie in its folder; without one each sentence draws its voice
by the seed. Source: https://github.com/suno-ai/bark. This file knows one sentence at a time and no pipeline.
"""

import json
from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.seeding import seeded
from pipelines.sound.stretching import stretched
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.speech import SpeechRequest

TASKS: frozenset[Task] = frozenset({"speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "BarkModel"
WORKING_NUMBERS = 200_000_000  # keys and values of the three networks, and the sound
VOICES = "speaker_embeddings_path.json"
CODES = ("semantic_prompt", "coarse_prompt", "fine_prompt")  # a file each, to every voice


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "Bark":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForTextToWaveform, BarkProcessor

    model, tokenizer = pretrained.load_pretrained(AutoModelForTextToWaveform, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        processor = BarkProcessor(tokenizer, {**_voices(weights.path), "repo_or_path": str(weights.path)})
    return Bark(model, processor, place)


def _voices(folder: Path) -> dict[str, dict[str, str]]:
    """The voices whose three files are in `folder`, and which those are."""
    if not (folder / VOICES).is_file():
        return {}
    tables = json.loads((folder / VOICES).read_bytes())
    return {name: files for name, files in tables.items() if isinstance(files, dict) and _are_here(folder, files)}


def _are_here(folder: Path, files: dict[str, str]) -> bool:
    paths = [Path(files.get(code, "")) for code in CODES]
    return all(not path.is_absolute() and ".." not in path.parts and (folder / path).is_file() for path in paths)


class Bark(Networks):
    """A loaded model. It says one sentence at a time, because the random generator is one for all of torch."""

    is_stochastic = True
    languages = ()

    def __init__(self, model: Any, processor: Any, place: Place) -> None:
        super().__init__(place, model)
        self.sampling_rate = int(model.config.codec_config.sampling_rate)
        self.voices = tuple(sorted(processor.available_voice_presets))
        self._model, self._processor = model, processor

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled. Of a mixture the first voice speaks."""
        # 1 The words, and the codes of the voice before them
        voice = next(iter(request.shares()), None)
        inputs = self._processor(text, voice_preset=voice).to(self._model.device)

        # 2 Through the networks one after the other, by the seed
        networks = [self._model.semantic, self._model]
        made = seeded(request.seed, networks, is_cancelled, lambda: self._model.generate(**inputs))
        if made is None:
            return None
        sound = made[0].float().flatten().clamp(-1, 1).cpu().numpy()
        return sound if request.speed == 1.0 else stretched(sound, request.speed, is_cancelled)

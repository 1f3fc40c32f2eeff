"""CSM (Sesame) by transformers: speech as it sounds in a conversation; it goes on in the voice of an example.

Its Mimi codec is inside. Source: https://github.com/SesameAILabs/csm. This file knows one sentence at a time and no pipeline.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.seeding import seeded
from pipelines.speech.sentences import Piece, pieces
from pipelines.speech.speaking import Example, longest_seconds
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.speech import SpeechRequest

TASKS: frozenset[Task] = frozenset({"speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False
IMITATES = True  # a voice in a recording

ARCHITECTURE = "CsmForConditionalGeneration"
WORKING_NUMBERS = 200_000_000  # keys and values of a minute, and the sound
SPEAKER = "0"  # of the conversation
PLACEHOLDER = (
    "<placeholder>"  # what CsmProcessor writes for the sound of an example, and takes for one wherever it stands
)


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "Csm":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForTextToWaveform, CsmProcessor

    model, _ = pretrained.load_pretrained(AutoModelForTextToWaveform, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        processor = CsmProcessor.from_pretrained(weights.path, local_files_only=True)
        return Csm(model, processor, place)


class Csm(Networks):
    """A loaded model. It says one sentence at a time, because the random generator is one for all of torch."""

    is_stochastic = True
    voices = ()
    languages = ("en",)

    def __init__(self, model: Any, processor: Any, place: Place) -> None:
        super().__init__(place, model)
        codec = model.config.codec_config
        self.sampling_rate = int(codec.sampling_rate)
        self._frames_per_second = float(codec.frame_rate)
        self._model, self._processor = model, processor
        added = processor.tokenizer.added_tokens_decoder.values()
        special = (token.content for token in added if token.special)
        signs = {PLACEHOLDER, processor.audio_token, processor.audio_eos_token, *special}
        self._signs = re.compile("|".join(map(re.escape, sorted(signs))))

    def cut(self, text: str) -> Iterator[Piece]:
        return pieces(self._plain(text))

    def speak_like(self, text: str, example: Example | None, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled."""
        # 1 A conversation: the example, then what is to be said
        turns = [_turn(self._plain(example.text), example.samples)] if example else []
        inputs = self._processor.apply_chat_template(
            [*turns, _turn(text)], tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self._model.device, self._model.dtype)

        # 2 Frame by frame, by the seed, then as sound
        frames = round(longest_seconds(text) * self._frames_per_second)
        made = seeded(
            request.seed,
            [self._model],
            is_cancelled,
            lambda: self._model.generate(**inputs, output_audio=True, max_new_tokens=frames)[0],
        )
        return None if made is None else made.float().flatten().clamp(-1, 1).cpu().numpy()

    def _plain(self, text: str) -> str:
        """Without the signs that are no text to the model; the space keeps what is around one from becoming another."""
        return self._signs.sub(" ", text)


def _turn(text: str, samples: Any = None) -> dict[str, Any]:
    said = [{"type": "text", "text": text}]
    return {"role": SPEAKER, "content": said if samples is None else [*said, {"type": "audio", "path": samples}]}

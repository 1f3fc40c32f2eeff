"""Dia by transformers: dialogue with laughter and sighs, in 44.1 kHz; it goes on in the voice of an example.

The text may name its speakers: "[S1] Hello. [S2] Hi there! (laughs)". It writes codes of the Descript audio codec, which has a
repository of its own. Source: https://github.com/nari-labs/dia. This file knows one sentence at a time and no pipeline.
"""

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from pipelines.loading import pretrained
from pipelines.loading.companions import load_companion
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
COMPANION = ModelSpec(
    "descript/dac_44khz", "descript/dac_44khz", "", (), "hub", "descript/dac_44khz",
    revision="c1bc521685adf9cfe247bc39a5ca58917eda1ac4",
    size_bytes=307_000_000, parameters=76_700_000,
)  # fmt: skip

ARCHITECTURE = "DiaForConditionalGeneration"
WORKING_NUMBERS = 250_000_000  # keys and values of half a minute, twice because of guidance, and the sound
SPEAKER = "[S1]"
NAMED = re.compile(r"\[S\d\]")
LONGEST_TURNS = 200  # characters: a quarter of a minute, so that it and an example fit into what was trained


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    codec = COMPANION.parameters * BYTES_OF["float32"]
    return Forecast(int(weights_bytes(weights.parameters, place) + codec), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "Dia":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import DacModel, DiaFeatureExtractor, DiaForConditionalGeneration, DiaProcessor

    model, tokenizer = pretrained.load_pretrained(DiaForConditionalGeneration, spec, weights, place, on_event)
    codec = load_companion(DacModel, spec, weights, COMPANION, place)
    with pretrained.in_plain_words(spec, weights):
        extractor = DiaFeatureExtractor.from_pretrained(weights.path, local_files_only=True)
        return Dia(model, codec, DiaProcessor(extractor, tokenizer, codec), place)


class Dia(Networks):
    """A loaded model. It says one sentence at a time, because the random generator is one for all of torch."""

    is_stochastic = True
    voices = ()
    languages = ("en",)

    def __init__(self, model: Any, codec: Any, processor: Any, place: Place) -> None:
        super().__init__(place, model, codec)
        self.sampling_rate = int(codec.config.sampling_rate)
        self._frames_per_second = self.sampling_rate / prod(codec.config.downsampling_ratios)
        self._model, self._codec, self._processor = model, codec, processor

    def cut(self, text: str) -> Iterator[Piece]:
        """Several sentences at a time: it is made for dialogues, and very short ones are not understood."""
        return _turns(text)

    def speak_like(self, text: str, example: Example | None, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled."""
        return seeded(request.seed, [self._model, self._codec], is_cancelled, lambda: self._said(text, example))

    def _said(self, text: str, example: Example | None) -> Any:
        # 1 The words, behind those of the example and its codes
        words = f"{example.text} {text}" if example else text
        config = self._model.config
        codes = {
            "delay_pattern": config.delay_pattern,
            "bos_token_id": config.decoder_config.bos_token_id,
            "eos_token_id": config.decoder_config.eos_token_id,
            "pad_token_id": config.decoder_config.pad_token_id,
        }
        inputs = self._processor(
            text=[words if NAMED.match(words) else f"{SPEAKER} {words}"],
            audio=[example.samples] if example else None,
            sampling_rate=self.sampling_rate,
            audio_kwargs=codes,
        ).to(self._model.device)

        # 2 Frame by frame, then as sound
        heard = inputs["decoder_attention_mask"].shape[1] - max(config.delay_pattern)
        made = self._model.generate(
            **inputs, max_new_tokens=round(longest_seconds(text) * self._frames_per_second), do_sample=True
        )
        start = heard if example else None
        sound = self._processor.batch_decode(made, audio_prompt_len=start, audio_kwargs=codes)[0]
        return sound.float().flatten().clamp(-1, 1).cpu().numpy()


def _turns(text: str) -> Iterator[Piece]:
    """The sentences of a dialogue, as many at a time as fit, each beginning with the name of who says it."""
    speaker, turns, ends = SPEAKER, "", "sentence"
    for piece in pieces(text):
        said = piece.text if NAMED.match(piece.text) else f"{speaker} {piece.text}"
        if turns and len(turns) + len(said) > LONGEST_TURNS:
            yield Piece(turns, ends)
            turns = ""
        is_same = bool(turns) and said.startswith(speaker)
        turns += " " * bool(turns) + (said[len(speaker) :].strip() if is_same else said)
        speaker, ends = NAMED.findall(said)[-1], piece.ends
    if turns:
        yield Piece(turns, ends)

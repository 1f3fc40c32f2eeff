"""Whisper by transformers, on a GPU or a CPU: speech in, its words with their times out.

Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356. This file knows samples and tokens and no pipeline.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.hearing.listening import Window, listen
from pipelines.hearing.log_mel import SAMPLING_RATE
from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.transcription import TranscribeRequest

TASKS: frozenset[Task] = frozenset({"transcribe", "translate-speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "WhisperForConditionalGeneration"
WORKING_NUMBERS = 40_000_000  # one window through the largest encoder
TEMPERATURES = (0.0, 0.2, 0.4, 0.8)
LEAST_LOG_PROBABILITY = -1.0
MOST_COMPRESSION = 1.35  # of tokens, as transformers counts it
NO_SPEECH = 0.6


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "WhisperModel":
    """Raises ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForSpeechSeq2Seq, WhisperFeatureExtractor

    model, tokenizer = pretrained.load_pretrained(AutoModelForSpeechSeq2Seq, spec, weights, place, on_event)
    with pretrained.in_plain_words(spec, weights):
        extractor = WhisperFeatureExtractor.from_pretrained(weights.path, local_files_only=True)
        return WhisperModel(model, tokenizer, extractor, place)


class WhisperModel(Networks):
    """A loaded model. Its weights are only read, so `transcribe` may be called from several threads."""

    def __init__(self, model: Any, tokenizer: Any, extractor: Any, place: Place) -> None:
        super().__init__(place, model)
        self._model, self._tokenizer, self._extractor = model, tokenizer, extractor
        settings = model.generation_config
        self.first_timestamp = int(settings.no_timestamps_token_id) + 1
        codes = getattr(settings, "lang_to_id", None) if getattr(settings, "is_multilingual", False) else None
        self._codes: dict[str, int] = {token.strip("<|>"): number for token, number in (codes or {}).items()}
        self.languages = tuple(self._codes) or ("en",)

    def transcribe(self, samples: Any, request: TranscribeRequest, is_cancelled: IsCancelled) -> Iterator[Window]:
        """`samples`: float32, mono, 16 kHz. Window by window; it ends early when it was cancelled."""
        language = request.language.partition("-")[0].lower()
        yield from listen(samples, self, language, request.task, is_cancelled)

    # ── one window ────────────────────────────────────────────────────────────────────────────────────────────────────

    def detect(self, samples: Any) -> tuple[str, float]:
        """The likeliest first token after the start."""
        import torch

        if not self._codes:
            return "en", 1.0
        start = torch.tensor([[self._model.generation_config.decoder_start_token_id]], device=self._model.device)
        with torch.no_grad():
            scores = self._model(self._features(samples), decoder_input_ids=start).logits[0, -1].float()
        chances = scores[list(self._codes.values())].softmax(-1)
        best = int(chances.argmax())
        return self.languages[best], float(chances[best])

    def hear(self, samples: Any, language: str, task: str, is_cancelled: IsCancelled) -> list[int] | None:
        """Tokens of text between timestamps; none where nobody speaks, None when it was cancelled."""
        import torch

        def stop(token_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((token_ids.shape[0],), is_cancelled(), dtype=torch.bool, device=token_ids.device)

        asked = {"language": language, "task": task.partition("-")[0]} if self._codes else {}
        with torch.no_grad():
            made = self._model.generate(
                self._features(samples),
                return_timestamps=True,
                temperature=TEMPERATURES,
                logprob_threshold=LEAST_LOG_PROBABILITY,
                compression_ratio_threshold=MOST_COMPRESSION,
                no_speech_threshold=NO_SPEECH,
                stopping_criteria=[stop],
                **asked,
            )
        if is_cancelled():
            return None
        end = self._model.generation_config.eos_token_id
        end = min(end) if isinstance(end, list) else end
        return [token for token in made[0].tolist() if token < end or token >= self.first_timestamp]

    def decode(self, token_ids: list[int]) -> str:
        return self._tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _features(self, samples: Any) -> Any:
        features = self._extractor(samples, sampling_rate=SAMPLING_RATE, return_tensors="pt").input_features
        return features.to(self._model.device, self._model.dtype)

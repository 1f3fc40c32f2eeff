"""Whisper under CTranslate2, in 8 bits on the CPU everywhere: speech in, its words with their times out.

A window that comes out improbable or repetitive is decoded again with a higher temperature. Source: Radford et al. 2022,
https://arxiv.org/abs/2212.04356, section 4.5. (faster-whisper does the same, but imports PyAV, whose wheel carries GPL
codecs.) It knows samples and tokens and no pipeline.
"""

import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.errors.models import ModelDamaged
from pipelines.hearing.listening import Window, listen
from pipelines.hearing.log_mel import log_mel
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement.devices import Place, is_out_of_memory, usable_cores
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, Loading, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.transcription import TranscribeRequest

TASKS: frozenset[Task] = frozenset({"transcribe", "translate-speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 300 * 1024**2
SHARE_IN_MEMORY = 0.75  # of the 16-bit file: most of it is quantised to 8 bits
TEMPERATURES = (0.0, 0.2, 0.4, 0.8)
BEAMS = 5
LEAST_LOG_PROBABILITY = -1.0
MOST_COMPRESSION = 2.4  # text that repeats itself packs better
NO_SPEECH = 0.6
MOST_TOKENS = 448
POLL_SECONDS = 0.05
PROMPTS = {"zh": "以下是普通话的句子。"}  # what comes before: it writes simplified characters with punctuation then
LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "ctranslate2" and "WhisperSpec" in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(int(SHARE_IN_MEMORY * weights.size_bytes), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "WhisperModel":
    """Raises ModelDamaged."""
    import ctranslate2
    from tokenizers import Tokenizer

    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    try:
        engine = ctranslate2.models.Whisper(
            str(weights.path), device="cpu", compute_type="int8", intra_threads=usable_cores(), inter_threads=1
        )
        tokenizer = Tokenizer.from_file(str(weights.path / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing narrower
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ModelDamaged(model=spec.name, reason=reason, path=weights.path) from error
    return WhisperModel(engine, tokenizer, forecast(weights, place).weights_bytes)


class WhisperModel:
    """A loaded model. The engine takes one window at a time; others wait for it."""

    def __init__(self, engine: Any, tokenizer: Any, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.is_stale = False
        self._engine, self._tokenizer = engine, tokenizer
        self.first_timestamp = tokenizer.token_to_id("<|notimestamps|>") + 1
        found = (LANGUAGE.fullmatch(token) for token in tokenizer.get_vocab(with_added_tokens=True))
        self.languages = tuple(sorted(match[1] for match in found if match))

    def transcribe(self, samples: Any, request: TranscribeRequest, is_cancelled: IsCancelled) -> Iterator[Window]:
        """`samples`: float32, mono, 16 kHz. Window by window; it ends early when it was cancelled."""
        language = request.language.partition("-")[0].lower()
        yield from listen(samples, self, language, request.task, is_cancelled)

    # ── one window ────────────────────────────────────────────────────────────────────────────────────────────────────

    def detect(self, samples: Any) -> tuple[str, float]:
        (likely,) = self._engine.detect_language(self._features(samples))
        token, probability = likely[0]
        return token.strip("<|>"), float(probability)

    def hear(self, samples: Any, language: str, task: str, is_cancelled: IsCancelled) -> list[int] | None:
        """The tokens of the first decoding that looks like speech, else of the last one; none where nobody speaks."""
        features = self._features(samples)
        prompt = [self._id("startoftranscript"), self._id(language), self._id(task.partition("-")[0])]
        if language in PROMPTS and task == "transcribe":
            before = self._tokenizer.encode(f" {PROMPTS[language]}", add_special_tokens=False).ids
            prompt = [self._id("startofprev"), *before, *prompt]
        best: list[int] = []
        for temperature in TEMPERATURES:
            result = self._decode(features, prompt, temperature, is_cancelled)
            if result is None:
                return None
            best = result.sequences_ids[0]
            length = len(best)
            log_probability = result.scores[0] * length / (length + 1)  # the end counts as well
            if result.no_speech_prob > NO_SPEECH and log_probability < LEAST_LOG_PROBABILITY:
                return []
            said = self.decode(best)
            if said.strip(" 。") == PROMPTS.get(language, " ").strip("。"):
                return []  # it heard nothing but what it was told before
            if log_probability >= LEAST_LOG_PROBABILITY and _compression(said) <= MOST_COMPRESSION:
                return best
        return best if _compression(self.decode(best)) <= MOST_COMPRESSION else []

    def decode(self, token_ids: list[int]) -> str:
        return self._tokenizer.decode([token for token in token_ids if token < self.first_timestamp])

    def park(self) -> bool:
        return False

    def unpark(self) -> None:
        """It is never parked."""

    def close(self) -> None:
        self._engine = self._tokenizer = None

    def _decode(self, features: Any, prompt: list[int], temperature: float, is_cancelled: IsCancelled) -> Any:
        """None when it was cancelled: the engine ends what it has begun by itself, and nobody waits for it."""
        how = (
            {"beam_size": BEAMS} if temperature == 0 else {"beam_size": 1, "num_hypotheses": BEAMS, "sampling_topk": 0}
        )
        (work,) = self._engine.generate(
            features,
            [prompt],
            asynchronous=True,
            sampling_temperature=temperature or 1.0,
            max_length=MOST_TOKENS,
            return_scores=True,
            return_no_speech_prob=True,
            **how,
        )
        while not work.done():
            if is_cancelled():
                return None
            time.sleep(POLL_SECONDS)
        return work.result()

    def _features(self, samples: Any) -> Any:
        import ctranslate2

        return ctranslate2.StorageView.from_array(log_mel(samples, self._engine.n_mels)[None])

    def _id(self, name: str) -> int:
        return self._tokenizer.token_to_id(f"<|{name}|>")


def _compression(text: str) -> float:
    """How many bytes of the text go into one packed."""
    plain = text.encode()
    return len(plain) / len(zlib.compress(plain)) if plain else 0.0

"""Kokoro-82M (StyleTTS 2) under ONNX Runtime: phonemes and a style vector in, 24 kHz speech out, on the CPU everywhere.

A voice is a table of style vectors, one for each length of sentence; vectors of several voices can be mixed. Sources: Li et
al. 2023, https://arxiv.org/abs/2306.07691; https://huggingface.co/hexgrad/Kokoro-82M. It knows one sentence at a time.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy

from pipelines.errors.models import ModelDamaged
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement.devices import Place, is_out_of_memory, usable_cores
from pipelines.speech.phonemes.chinese import Chinese
from pipelines.speech.phonemes.english import English
from pipelines.speech.phonemes.japanese import Japanese
from pipelines.speech.sentences import runs
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, Loading, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.speech import SpeechRequest

TASKS: frozenset[Task] = frozenset({"speech"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "Kokoro"
WORKING_BYTES = 700 * 1024**2  # the longest sentence
PHONEME_TABLES_BYTES = 250 * 1024**2  # of all three languages; each comes with its first sentence
MOST_TOKENS = 510
POLL_SECONDS = 0.05
QUIET = 0.01  # of full scale: what is below at either end is cut off,
MARGIN_SECONDS = 0.04  # but for this
BREAKS = re.compile(r".*?[;:,.!?…—]+\s*|.+", re.DOTALL)


class Phonemizer(Protocol):
    def to_phonemes(self, text: str) -> str: ...


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "onnx" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    """The file, the tables of phonemes, and to work what the longest sentence takes."""
    return Forecast(weights.size_bytes + PHONEME_TABLES_BYTES, WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "KokoroModel":
    """Raises ModelDamaged."""
    import onnxruntime

    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see devices.wait_asleep
    try:
        session = onnxruntime.InferenceSession(
            str(weights.path / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        vocabulary = json.loads((weights.path / "config.json").read_bytes())["vocab"]
        with numpy.load(weights.path / "voices.npz", allow_pickle=False) as tables:
            # in the row's order: its first is the default
            names = sorted(tables.files, key=[*spec.voices, *tables.files].index)
            voices = {name: tables[name].reshape(-1, 1, 256).astype(numpy.float32) for name in names}
    except Exception as error:  # the runtime's own errors share no narrower base
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ModelDamaged(model=spec.name, reason=reason, path=weights.path) from error
    if not voices:
        raise ModelDamaged(model=spec.name, reason="voices.npz holds no voice", path=weights.path)
    return KokoroModel(session, vocabulary, voices, forecast(weights, place).weights_bytes)


class KokoroModel:
    """A loaded model. The session is safe to run from several threads at once."""

    is_stochastic = False
    sampling_rate = 24_000
    languages = ("en", "zh", "ja")

    def __init__(self, session: Any, vocabulary: dict[str, int], voices: dict[str, Any], size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.is_stale = False
        self.voices = tuple(voices)
        self._session, self._vocabulary, self._tables = session, vocabulary, voices
        self._phonemizers: dict[str, Phonemizer] = {"en": English(), "zh": Chinese(), "ja": Japanese()}
        self._reading = Lock()  # the taggers and tables of the languages take one sentence at a time
        self._threads = ThreadPoolExecutor(thread_name_prefix="kokoro")

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """Samples (frames,) float32 within −1 … 1; None when it was cancelled."""
        # 1 Phonemes, run by run of one language
        language = request.language.partition("-")[0].lower()
        with self._reading:
            said = [self._phonemizers[of].to_phonemes(run) for of, run in runs(text, language)]
        phonemes = " ".join(part for part in said if part)

        # 2 Through the network, in parts where it is too much at once
        style = self._style(request)
        parts = []
        for tokens in self._in_parts(phonemes):
            samples = self._run(tokens, style[min(len(tokens), len(style)) - 1], request.speed, is_cancelled)
            if samples is None:
                return None
            parts.append(_trimmed(samples, self.sampling_rate))
        return numpy.concatenate(parts) if parts else numpy.zeros(0, numpy.float32)

    def park(self) -> bool:
        return False

    def unpark(self) -> None:
        """It is never parked."""

    def close(self) -> None:
        self._threads.shutdown()
        self._session = None
        self._tables, self._phonemizers = {}, {}

    def _style(self, request: SpeechRequest) -> Any:
        """(lengths, 1, 256)"""
        shares = request.shares() or {self.voices[0]: 1.0}
        return sum(share * self._tables[name] for name, share in shares.items())

    def _in_parts(self, phonemes: str) -> Iterator[list[int]]:
        """Token ids, at most as many as fit; cut behind punctuation."""
        tokens: list[int] = []
        for stretch in BREAKS.findall(phonemes):
            more = [self._vocabulary[sign] for sign in stretch if sign in self._vocabulary]
            if tokens and len(tokens) + len(more) > MOST_TOKENS:
                yield tokens
                tokens = []
            while len(more) > MOST_TOKENS:
                yield more[:MOST_TOKENS]
                more = more[MOST_TOKENS:]
            tokens += more
        if tokens:
            yield tokens

    def _run(self, tokens: list[int], style: Any, speed: float, is_cancelled: IsCancelled) -> Any:
        """In another thread, so that it can be ended in the middle."""
        import onnxruntime

        # Without the entry it would keep all the memory that it worked with
        how = onnxruntime.RunOptions()
        how.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        feed = {
            "tokens": numpy.array([[0, *tokens, 0]], numpy.int64),
            "style": style.astype(numpy.float32),
            "speed": numpy.array([speed], numpy.float32),
        }
        work = self._threads.submit(self._session.run, None, feed, how)
        while True:
            try:
                return work.result(POLL_SECONDS)[0].ravel()
            except NotYet:
                if is_cancelled():
                    how.terminate = True
                    work.exception()  # until it has really ended
                    return None


def _trimmed(samples: Any, sampling_rate: int) -> Any:
    """Without the silence at both ends, and without clicks where it is cut."""
    loud = numpy.flatnonzero(numpy.abs(samples) > QUIET)
    if not len(loud):
        return samples[:0]
    margin = int(MARGIN_SECONDS * sampling_rate)
    kept = numpy.clip(samples[max(loud[0] - margin, 0) : loud[-1] + margin], -1.0, 1.0).astype(numpy.float32)
    ramp = numpy.linspace(0, 1, min(margin // 4, len(kept)), dtype=numpy.float32)
    kept[: len(ramp)] *= ramp
    kept[len(kept) - len(ramp) :] *= ramp[::-1]
    return kept

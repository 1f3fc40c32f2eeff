"""A recording as text with times: opened at what the models hear, listened to window by window, told as it comes.

It knows files, times and text, and no model family.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors.requests import NoSuchLanguage
from pipelines.hearing.listening import SHORTEST_SECONDS, Window
from pipelines.hearing.log_mel import SAMPLING_RATE
from pipelines.sound.files import open_sound
from pipelines.types.events import IsCancelled, OnEvent, Progress, Token
from pipelines.types.model import ModelSpec
from pipelines.types.sound import Wave
from pipelines.types.speech import Sentence
from pipelines.types.transcription import TranscribeRequest, TranscribeResult


class TranscriptionModel(Protocol):
    """What a family gives for transcription. `languages` are the codes that it knows."""

    languages: tuple[str, ...]

    def transcribe(self, samples: Any, request: TranscribeRequest, is_cancelled: IsCancelled) -> Iterator[Window]:
        """`samples`: float32, mono, 16 kHz. Window by window; it ends early when it was cancelled."""
        ...


def open_recording(request: TranscribeRequest, is_cancelled: IsCancelled) -> Wave:
    """Mono at 16 kHz. Raises MissingSound or UnreadableSound, and OpeningStopped when it was cancelled."""
    return open_sound(Path(request.audio), sampling_rate=SAMPLING_RATE, is_mono=True, is_cancelled=is_cancelled)


def transcribe(
    model: TranscriptionModel,
    spec: ModelSpec,
    request: TranscribeRequest,
    recording: Wave,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> TranscribeResult:
    """Raises NoSuchLanguage."""
    # 1 Can this model do that?
    language = request.language.partition("-")[0].lower()
    if language and language not in model.languages:
        known = ", ".join(model.languages)
        raise NoSuchLanguage(model=spec.name, language=request.language[:20], known=known)

    # 2 Window by window
    started = time.perf_counter()
    total = recording.seconds
    on_event(Progress(0, round(total), "seconds"))
    segments: list[Sentence] = []
    probability = done_seconds = 0.0
    for window in model.transcribe(recording.samples, request, is_cancelled):
        for segment in window.segments:
            on_event(Token(segment.text))
        on_event(Progress(round(window.done_seconds), round(total), "seconds"))
        segments += window.segments
        done_seconds = window.done_seconds
        language, probability = window.language, window.language_probability

    # 3 What was heard
    return TranscribeResult(
        spec.id,
        "stop" if done_seconds + SHORTEST_SECONDS >= total else "cancelled",
        "".join(segment.text for segment in segments).strip(),
        tuple(Sentence(segment.text.strip(), segment.start_seconds, segment.end_seconds) for segment in segments),
        language,
        probability,
        total,
        time.perf_counter() - started,
    )

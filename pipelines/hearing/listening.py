"""The walk through a recording as Whisper does it: 30 seconds at a time, each window beginning where the last sentence ended.

Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356, section 4.5. A window does not see the text before it: small
models begin to repeat themselves when they do. It knows token ids and times, and no engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy

from pipelines.hearing.log_mel import SAMPLING_RATE, WINDOW_SECONDS
from pipelines.types.events import IsCancelled
from pipelines.types.speech import Sentence

SECONDS_PER_TIMESTAMP = 0.02
SILENT = 1e-3  # of full scale, the loudest tenth of a second of a window: nobody speaks there
SHORTEST_SECONDS = 0.1  # of a rest that is still listened to


@dataclass(frozen=True)
class Window:
    """What was heard up to `done_seconds`. `language` is "" as long as nobody has spoken."""

    segments: tuple[Sentence, ...]
    done_seconds: float
    language: str
    language_probability: float


class Listener(Protocol):
    """An engine with a Whisper model. Samples are of one window: float32, 16 kHz, at most 30 seconds."""

    first_timestamp: int  # the token that stands for 0.00 s

    def detect(self, samples: Any) -> tuple[str, float]: ...

    def hear(self, samples: Any, language: str, task: str, is_cancelled: IsCancelled) -> list[int] | None:
        """Tokens of text between timestamps; none where nobody speaks, None when it was cancelled."""
        ...

    def decode(self, token_ids: list[int]) -> str: ...


def listen(samples: Any, listener: Listener, language: str, task: str, is_cancelled: IsCancelled) -> Iterator[Window]:
    """Window by window; it ends early when it was cancelled. `language` "" is found out where somebody first speaks."""
    probability = 1.0 if language else 0.0
    start = 0
    while len(samples) - start > SHORTEST_SECONDS * SAMPLING_RATE and not is_cancelled():
        window = samples[start : start + WINDOW_SECONDS * SAMPLING_RATE]
        found: list[Sentence] = []
        advance = len(window)
        if _loudest(window) > SILENT:
            if not language:
                language, probability = listener.detect(window)
            tokens = listener.hear(window, language, task, is_cancelled)
            if tokens is None:
                return
            found, advance = _segments(tokens, listener, start / SAMPLING_RATE, len(window))
        start += advance
        yield Window(tuple(found), min(start, len(samples)) / SAMPLING_RATE, language, probability)


def _segments(tokens: list[int], listener: Listener, offset: float, frames: int) -> tuple[list[Sentence], int]:
    """The sentences between timestamps, and by how many samples the next window comes later.

    A window that ends in the middle of a sentence ends where the last whole one does: the rest is heard again.
    """
    segments: list[Sentence] = []
    first, end = 0.0, frames / SAMPLING_RATE
    text: list[int] = []
    is_open = False
    last_end = 0.0

    def close(at: float) -> None:
        said = listener.decode(text)
        if said.strip():
            segments.append(Sentence(said, offset + first, offset + max(at, first)))
        text.clear()

    for token in tokens:
        if token < listener.first_timestamp:
            text.append(token)
            continue
        at = min((token - listener.first_timestamp) * SECONDS_PER_TIMESTAMP, end)
        if text:
            close(at)
            last_end, is_open = at, False
        else:
            is_open = True
        first = at
    ends_inside = bool(text) or is_open
    if ends_inside and segments and last_end > 1.0:
        return segments, min(int(last_end * SAMPLING_RATE), frames)
    close(end)
    return segments, frames


def _loudest(window: Any) -> float:
    tenth = SAMPLING_RATE // 10
    whole = len(window) // tenth * tenth
    if not whole:
        return 0.0
    return float(numpy.sqrt((window[:whole].reshape(-1, tenth) ** 2).mean(axis=1).max()))

"""Transcription: a recording to be written down, and the text with its times that comes of it."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import MissingSound
from pipelines.types.speech import Sentence

TranscribeTask = Literal["transcribe", "translate-speech"]


@dataclass(frozen=True)
class TranscribeRequest:
    """A recording, written down in its own language, or translated into English.

    `audio` is any file that can be read as sound. `language` is a BCP 47 code, "" means that it is found out.
    """

    model: str
    task: TranscribeTask = "transcribe"
    audio: str = ""
    language: str = ""

    kind = "transcribe"
    lane = "listening"
    adapters = ()
    FILES = ("audio",)

    def check(self) -> None:
        """Raises MissingSound."""
        if not self.audio:
            raise MissingSound()

    def title(self) -> str:
        return ""  # its result names it


@dataclass(frozen=True)
class TranscribeResult:
    """The text, and its segments with their times; `language` is what it was, with its probability.

    `seconds_audio` of sound took `seconds`. When it was cancelled, it is what was written down by then.
    """

    model: str
    finish_reason: Literal["stop", "cancelled"]
    text: str
    segments: tuple[Sentence, ...]
    language: str
    language_probability: float
    seconds_audio: float
    seconds: float
    seconds_load: float = 0.0

    kind = "transcribe"

"""Speech: a text to be read aloud, and the sound that comes of it."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.requests import (
    EmptyPrompt,
    NoRightToVoice,
    PromptTooLong,
    RightWithoutVoice,
    SettingOutOfRange,
    WordsOfVoiceMissing,
)
from pipelines.types.fields import STAYS, one_line
from pipelines.types.sound import Wave

LIMIT_CHARACTERS = 30_000  # half an hour of English, two hours of Chinese: it stays in memory until it is whole


@dataclass(frozen=True)
class SpeechRequest:
    """A text, read aloud.

    `voice` "" is the model's first; "a:2 b:1" mixes two of its voices by weight. `language` is a BCP 47 code, "" means
    found out from each sentence. `speed` 1 is the model's own. `reference` is a recording whose voice is taken over, by
    models that can, and `reference_text` is what is said in it; `has_right_to_voice` says that the voice is the person's own
    or used with permission. `seed` is for models that draw lots.
    """

    model: str
    text: str = ""
    voice: str = ""
    language: str = ""
    speed: float = 1.0
    reference: str = ""
    reference_text: str = ""
    has_right_to_voice: bool = False
    seed: int | None = None

    kind = "speech"
    task = "speech"
    lane = "sound"
    adapters = ()
    FILES = ("reference",)
    RANGES: ClassVar = {"speed": (0.5, 2.0), "seed": (0, 2**32 - 1)}

    def check(self) -> None:
        """Raises EmptyPrompt, PromptTooLong, NoRightToVoice, RightWithoutVoice, WordsOfVoiceMissing or SettingOutOfRange."""
        if not self.text.strip():
            raise EmptyPrompt()
        if self.reference and not self.has_right_to_voice:
            raise NoRightToVoice()
        if self.has_right_to_voice and not self.reference:
            raise RightWithoutVoice()
        if self.reference and not self.reference_text.strip():
            raise WordsOfVoiceMissing()
        for text in (self.text, self.reference_text):
            if len(text) > LIMIT_CHARACTERS:
                raise PromptTooLong(length=len(text), limit=LIMIT_CHARACTERS)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return one_line(self.text)

    def shares(self) -> dict[str, float]:
        """The voices by their parts of the whole: "a:3 b:1" is {"a": 0.75, "b": 0.25}; {} for the model's own.

        Raises ValueError where `voice` is nothing like that.
        """
        parts: dict[str, float] = {}
        for part in self.voice.replace(",", " ").split():
            name, _, weight = part.partition(":")
            share = float(weight or 1)
            if not name or not 0 < share < 1e6:
                raise ValueError(part)
            parts[name] = parts.get(name, 0.0) + share
        whole = sum(parts.values())
        return {name: share / whole for name, share in parts.items()}


@dataclass(frozen=True)
class Sentence:
    """A stretch of text in a sound, from `start_seconds` to `end_seconds`."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class SpeechResult:
    """`seconds_audio` long, made in `seconds`; `seconds_first` passed before the first sentence could be heard.

    When it was cancelled, it is what was said by then.
    """

    model: str
    request: SpeechRequest
    finish_reason: Literal["stop", "cancelled"]
    seconds_audio: float
    seconds: float
    seconds_first: float
    sentences: tuple[Sentence, ...] = ()
    seconds_load: float = 0.0
    wave: Wave | None = field(default=None, compare=False, metadata=STAYS)

    kind = "speech"

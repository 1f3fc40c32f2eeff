"""Music: what is to be composed, and the notes and the sound that come of it."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.requests import PromptTooLong, SettingOutOfRange
from pipelines.types.fields import PROMPT_LIMIT_CHARACTERS, STAYS, one_line
from pipelines.types.sound import Wave

MusicTask = Literal["music", "sound"]


@dataclass(frozen=True)
class MusicRequest:
    """A piece of music; with the task "sound" what is heard of a thing, as "a dog barks", from its `prompt` alone.

    `key` ("C", "F# minor" …), `metre` ("4/4" …) and `tempo` (quarter notes a minute) are the model's choice where they
    are "" or None. `melody` is a MIDI file to go on from, or a recording of somebody who hums; a model that follows
    melodies plays its tune from the beginning instead. `instrument` is one of the synthesiser's. `prompt` is for models that
    take words. `seconds` is how long it is to be. `steps` is for models that make a sound out of noise; None: as many as its
    library usually takes.
    """

    model: str
    task: MusicTask = "music"
    prompt: str = ""
    key: str = ""
    metre: str = ""
    tempo: int | None = None
    seconds: float = 30.0
    instrument: str = ""
    melody: str = ""
    temperature: float = 1.0
    steps: int | None = None
    seed: int | None = None

    kind = "music"
    lane = "long"
    adapters = ()
    FILES = ("melody",)
    RANGES: ClassVar = {
        "tempo": (30, 300),
        "seconds": (1.0, 600.0),
        "temperature": (0.1, 2.0),
        "steps": (1, 500),
        "seed": (0, 2**32 - 1),
    }

    def check(self) -> None:
        """Raises PromptTooLong or SettingOutOfRange."""
        if len(self.prompt) > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=len(self.prompt), limit=PROMPT_LIMIT_CHARACTERS)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return one_line(self.prompt or " ".join(part for part in (self.key, self.metre) if part))


@dataclass(frozen=True)
class Note:
    """`pitch` is a MIDI number (60: middle C); times in quarter notes from the beginning; `velocity` 1 … 127."""

    pitch: int
    start_beats: float
    beats: float
    velocity: int = 80


@dataclass(frozen=True)
class MusicResult:
    """The request with every blank filled in, what was composed and how it sounds.

    `notes` are empty for models that make sound at once; `midi` is the file of a piece that has notes. `upbeat_beats` is
    what sounds before the first bar line. When it was cancelled, there are the notes by then and no wave.
    """

    model: str
    request: MusicRequest
    finish_reason: Literal["stop", "cancelled"]
    notes: tuple[Note, ...]
    seconds_audio: float
    seconds: float
    seconds_load: float = 0.0
    upbeat_beats: float = 0.0
    wave: Wave | None = field(default=None, compare=False, metadata=STAYS)
    midi: bytes = field(default=b"", compare=False, metadata=STAYS)

    kind = "music"

"""The workbench for sound: what is to be measured or changed, and what comes of it. It needs no model."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.requests import MissingSound, SettingOutOfRange
from pipelines.types.fields import STAYS
from pipelines.types.sound import Wave

WorkbenchTask = Literal["analyse-sound", "edit-sound"]
Levelling = Literal["", "peak", "loudness"]


@dataclass(frozen=True)
class WorkbenchRequest:
    """A recording to be looked at, or to be changed, in this order: trim, speed, pitch, mix, level, fade.

    `audio` and `other` are sound files. `start` and `end` are seconds of the recording (`end` None: its own end).
    `speed` 2 is twice as fast at the same pitch; `semitones` moves the pitch at the same speed. `other` is mixed in at
    `other_at` seconds with `other_gain` decibels. `level` brings the peak to −1 dBFS, or the loudness to −16 LUFS.
    `fade_in` and `fade_out` are seconds.
    """

    model: str = ""  # none is asked
    task: WorkbenchTask = "analyse-sound"
    audio: str = ""
    other: str = ""
    start: float = 0.0
    end: float | None = None
    fade_in: float = 0.0
    fade_out: float = 0.0
    speed: float = 1.0
    semitones: float = 0.0
    other_gain: float = 0.0
    other_at: float = 0.0
    level: Levelling = ""

    kind = "workbench"
    lane = "sound"
    adapters = ()
    FILES = ("audio", "other")
    RANGES: ClassVar = {
        "start": (0.0, 36_000.0),
        "end": (0.0, 36_000.0),
        "fade_in": (0.0, 60.0),
        "fade_out": (0.0, 60.0),
        "speed": (0.25, 4.0),
        "semitones": (-24.0, 24.0),
        "other_gain": (-60.0, 12.0),
        "other_at": (0.0, 36_000.0),
    }

    def check(self) -> None:
        """Raises MissingSound or SettingOutOfRange."""
        if not self.audio:
            raise MissingSound()
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return ""  # the page names it by its file


@dataclass(frozen=True)
class Measures:
    """A sound in figures. Levels in dBFS (0 is the most that fits) and LUFS (ITU-R BS.1770-4; None for less than 0.4 s).

    `tempo` is in beats a minute, `key` is "A minor" with how well it fits (−1 … 1), and `pitch` the median of a single
    voice in Hz; each None or "" where there is none. `clipped` counts samples at the limit.
    """

    seconds: float
    sampling_rate: int
    channels: int
    peak: float
    rms: float
    loudness: float | None
    tempo: float | None
    key: str
    key_fit: float
    pitch: float | None
    clipped: int


@dataclass(frozen=True)
class WorkbenchResult:
    """What was measured of the sound as it is, or after the changes; `pictures` are PNG: waveform, spectrogram, pitch.

    When it was cancelled, there may be nothing of it.
    """

    request: WorkbenchRequest
    finish_reason: Literal["stop", "cancelled"]
    measures: Measures | None
    seconds: float
    model: str = ""
    wave: Wave | None = field(default=None, compare=False, metadata=STAYS)
    pictures: tuple[bytes, ...] = field(default=(), compare=False, metadata=STAYS)

    kind = "workbench"

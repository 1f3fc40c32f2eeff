"""What all sound has: samples in memory, and pieces of it that can be heard before the rest is made."""

from dataclasses import dataclass, field
from typing import Any

from pipelines.types.fields import STAYS


@dataclass(frozen=True)
class Wave:
    """Mono or stereo sound. `samples`: NumPy float32, (frames,) or (frames, channels), within −1 … 1; `sampling_rate` in Hz."""

    samples: Any
    sampling_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sampling_rate


@dataclass(frozen=True)
class Heard:
    """Piece number `number` (from 0) of a sound that is being made, beginning at `start_seconds` and `seconds` long.

    `text` is what is said in it ("" in music). The WAV (16-bit) stays in its process, `file` names where it went.
    """

    number: int
    text: str
    start_seconds: float
    seconds: float
    file: str = ""
    wav: bytes = field(default=b"", compare=False, metadata=STAYS)

    kind = "heard"

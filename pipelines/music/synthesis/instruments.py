"""The instruments: each makes one note as samples. They know no piece, no room and no file.

Plucked strings after Karplus & Strong 1983 and Jaffe & Smith 1983 (Computer Music Journal 7(2)), bells and electric piano by
frequency modulation (Chowning 1973, JAES 21(7)), the others as sums of partials. Nothing sounds above half the sampling rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Note = Callable[[float, int, float, int], "np.ndarray"]
"""(frequency in Hz, frames, strength 0 … 1, sampling rate) → (frames,) float64, about −1 … 1, before it is let go."""


@dataclass(frozen=True)
class Instrument:
    """`program` is its number in General MIDI; `release_seconds` is how long a note sounds on after it has been let go."""

    name_en: str
    name_zh: str
    program: int
    release_seconds: float
    play: Note


def _harp(frequency: float, frames: int, strength: float, rate: int) -> Any:
    return _plucked(frequency, frames, strength, rate, decay_seconds=4.0, brightness=0.85, place=0.28)


def _guitar(frequency: float, frames: int, strength: float, rate: int) -> Any:
    return _plucked(frequency, frames, strength, rate, decay_seconds=3.0, brightness=0.92, place=0.16)


def _piano(frequency: float, frames: int, strength: float, rate: int) -> Any:
    """Stiff strings: each partial a little sharper than the one below, the high ones soon gone."""
    import numpy as np

    numbers = np.arange(1, 15)
    stiff = frequency * numbers * np.sqrt(1 + 0.0004 * (frequency / 262) * numbers**2)
    weights = numbers ** -(2.1 - 0.9 * strength)
    seconds = 2.6 * (262 / frequency) ** 0.5 / numbers**0.8
    return _partials(stiff, weights, seconds, frames, rate) * _attack(frames, rate, 0.003)


def _fiddle(frequency: float, frames: int, strength: float, rate: int) -> Any:
    """A bowed string in a body that favours some pitches; the vibrato comes in after the beginning of a note."""
    import numpy as np

    time = np.arange(frames) / rate
    vibrato = 0.0035 * np.clip((time - 0.18) / 0.25, 0, 1) * np.sin(2 * np.pi * 5.6 * time)
    phase = np.cumsum(2 * np.pi * frequency * (1 + vibrato) / rate)
    numbers = np.arange(1, 21)
    body = 0.35 + sum(
        np.exp(-(((numbers * frequency - peak) / width) ** 2)) for peak, width in ((450, 220), (1000, 350), (2700, 800))
    )
    tone = _harmonics(phase, body / numbers ** (1.25 - 0.3 * strength), frequency, rate)
    return tone * _attack(frames, rate, 0.045) + 0.012 * _noise(frames, frequency) * _attack(frames, rate, 0.02)


def _flute(frequency: float, frames: int, strength: float, rate: int) -> Any:
    import numpy as np

    time = np.arange(frames) / rate
    swell = 1 + 0.06 * np.clip((time - 0.2) / 0.3, 0, 1) * np.sin(2 * np.pi * 4.8 * time)
    tone = _harmonics(2 * np.pi * frequency * time, (1.0, 0.32 * (0.5 + strength), 0.12, 0.05, 0.02), frequency, rate)
    breath = 0.02 * _noise(frames, frequency) * (1 + 3 * np.exp(-time / 0.03))
    return (tone * swell + breath) * _attack(frames, rate, 0.04)


def _accordion(frequency: float, frames: int, strength: float, rate: int) -> Any:
    """Two reeds a little apart, which beat against each other."""
    import numpy as np

    time = np.arange(frames) / rate
    weights = (1.0, 0.7, 0.55, 0.35, 0.28, 0.2, 0.14, 0.1, 0.07, 0.05)
    reeds = (_harmonics(2 * np.pi * frequency * one * time, weights, frequency, rate) for one in (1.0, 1.0035))
    return sum(reeds) * 0.5 * _attack(frames, rate, 0.03)


def _electric_piano(frequency: float, frames: int, strength: float, rate: int) -> Any:
    import numpy as np

    time = np.arange(frames) / rate
    body = _modulated(frequency, 1.0, (0.6 + 1.2 * strength) * np.exp(-time / 0.7), time)
    tine = 0.22 * strength * np.exp(-time / 0.12) * _modulated(frequency, 9.0 if frequency < 900 else 4.0, 0.5, time)
    return (body + tine) * np.exp(-time / 1.8) * _attack(frames, rate, 0.002)


def _music_box(frequency: float, frames: int, strength: float, rate: int) -> Any:
    """The modes of a bar that is held at one end."""
    import numpy as np

    ratios, weights, seconds = (1.0, 2.0, 6.27, 17.5), (1.0, 0.12, 0.25 * strength, 0.05), (1.6, 0.9, 0.18, 0.05)
    return _partials(frequency * np.array(ratios), weights, seconds, frames, rate) * _attack(frames, rate, 0.001)


INSTRUMENTS: dict[str, Instrument] = {
    "harp": Instrument("Harp", "竖琴", 46, 0.35, _harp),
    "guitar": Instrument("Guitar", "吉他", 24, 0.15, _guitar),
    "piano": Instrument("Piano", "钢琴", 0, 0.2, _piano),
    "fiddle": Instrument("Fiddle", "小提琴", 40, 0.09, _fiddle),
    "flute": Instrument("Flute", "长笛", 73, 0.08, _flute),
    "accordion": Instrument("Accordion", "手风琴", 21, 0.06, _accordion),
    "electric piano": Instrument("Electric piano", "电钢琴", 4, 0.25, _electric_piano),
    "music box": Instrument("Music box", "音乐盒", 10, 0.8, _music_box),
}


# ── what they are made of ─────────────────────────────────────────────────────────────────────────────────────────────


def _plucked(
    frequency: float, frames: int, strength: float, rate: int, decay_seconds: float, brightness: float, place: float
) -> Any:
    """Noise that runs round in a loop as long as a period and loses its highs on the way.

    `decay_seconds`: until a thousandth is left of the deepest partial at 262 Hz. `brightness` 0 … 1. `place`: where the
    string is plucked, as a part of its length.
    """
    import numpy as np
    from scipy.signal import lfilter

    # 1 The loop: a delay, a mild low pass, and the fraction of a sample that makes it in tune (Lagrange, third order)
    damping = 0.5 * (1 - brightness * (0.7 + 0.3 * strength))
    period = rate / frequency - damping - 1
    whole, fraction = int(period), 1 + period - int(period)
    taps = [np.prod([(fraction - other) / (tap - other) for other in range(4) if other != tap]) for tap in range(4)]
    gain = 0.001 ** ((262 / frequency) ** -0.3 / (frequency * decay_seconds))
    loop = gain * np.convolve((1 - damping, damping), taps)

    # 2 The pluck: a period of noise, darker where it is soft, without the partials that have a node there
    noise = np.random.default_rng(round(frequency * 100)).uniform(-1, 1, whole)
    noise = lfilter([0.35 + 0.6 * strength], [1, -(0.65 - 0.6 * strength)], noise)
    noise -= np.roll(noise, max(1, round(place * whole)))
    struck = np.zeros(frames)
    struck[: min(whole, frames)] = (noise - noise.mean())[:frames]
    tone = lfilter([1.0], np.concatenate([[1.0], np.zeros(whole - 1), -loop]), struck)
    return tone / max(1e-9, float(np.abs(tone[: 4 * whole]).max()))


def _partials(frequencies: Any, weights: Any, seconds: Any, frames: int, rate: int) -> Any:
    """A sum of sines of these frequencies, each dying away in its own time."""
    import numpy as np

    time = np.arange(frames) / rate
    tone, total = np.zeros(frames), 0.0
    for frequency, weight, life in zip(frequencies, weights, seconds, strict=True):
        if frequency < 0.45 * rate:
            tone += weight * np.exp(-time / life) * np.sin(2 * np.pi * frequency * time)
            total += weight
    return tone / total


def _harmonics(phase: Any, weights: Any, frequency: float, rate: int) -> Any:
    """A sum of multiples of one phase (in radians), each with its weight."""
    import numpy as np

    turn = np.exp(1j * phase)
    power, tone, total = turn.copy(), np.zeros(len(phase)), 0.0
    for number, weight in enumerate(weights, 1):
        if number * frequency < 0.45 * rate:
            tone += weight * power.imag
            total += weight
        power *= turn
    return tone / total


def _modulated(frequency: float, ratio: float, index: Any, time: Any) -> Any:
    """A sine whose phase is moved by another one, `ratio` times as fast."""
    import numpy as np

    return np.sin(2 * np.pi * frequency * time + index * np.sin(2 * np.pi * ratio * frequency * time))


def _attack(frames: int, rate: int, seconds: float) -> Any:
    """From 0 to 1 in half a cosine."""
    import numpy as np

    return 0.5 - 0.5 * np.cos(np.pi * np.clip(np.arange(frames) / (rate * seconds), 0, 1))


def _noise(frames: int, frequency: float) -> Any:
    """Of bow and breath: darker than white, the same for the same pitch."""
    import numpy as np
    from scipy.signal import lfilter

    return lfilter([0.4], [1, -0.75], np.random.default_rng(round(frequency * 100)).standard_normal(frames))

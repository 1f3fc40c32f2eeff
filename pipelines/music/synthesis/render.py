"""Plays a piece on an instrument, in a small room. Knows no model; the same notes always sound the same."""

from collections.abc import Sequence
from typing import Any

from pipelines.errors.requests import NoSuchInstrument
from pipelines.music.synthesis.instruments import INSTRUMENTS, Instrument
from pipelines.types.events import IsCancelled, never
from pipelines.types.music import Note
from pipelines.types.sound import Wave

SAMPLING_RATE = 44_100
PEAK = 0.84  # −1.5 dB
LOUDEST = 0.2  # RMS, −14 dB: a fiddle that never dies away is not to drown a harp that always does
ROOM_SECONDS, ROOM_SHARE = 1.4, 0.16
LAST_NOTE_SECONDS = 1.0  # it rings out


def instrument_of(name: str) -> tuple[str, Instrument]:
    """ "" is the first. Raises NoSuchInstrument."""
    name = name or next(iter(INSTRUMENTS))
    if name not in INSTRUMENTS:
        raise NoSuchInstrument(instrument=name, known=", ".join(INSTRUMENTS))
    return name, INSTRUMENTS[name]


def render(notes: Sequence[Note], tempo: int, instrument: str, is_cancelled: IsCancelled = never) -> Wave:
    """Stereo, (frames, 2). `tempo` in quarters a minute. When it is cancelled, what had been played by then.

    Raises NoSuchInstrument.
    """
    import numpy as np

    # 1 A place for every note, and for what rings on after the last
    _, player = instrument_of(instrument)
    beat = 60 / tempo
    end = max((note.start_beats + note.beats for note in notes), default=0.0) * beat
    dry = np.zeros(
        int((end + LAST_NOTE_SECONDS + player.release_seconds + ROOM_SECONDS) * SAMPLING_RATE) + 1, np.float32
    )

    # 2 Note by note; the same one is made once
    made: dict[tuple[int, int, int], Any] = {}
    for note in notes:
        if is_cancelled():
            break
        start = round(note.start_beats * beat * SAMPLING_RATE)
        seconds = note.beats * beat + (LAST_NOTE_SECONDS if note is notes[-1] else 0.0)
        kind = note.pitch, round(seconds * SAMPLING_RATE), note.velocity
        if kind not in made:
            made[kind] = _note(player, *kind)
        dry[start : start + len(made[kind])] += made[kind]

    # 3 The room, and a level that never clips
    wet = _room(dry)
    peak, loudness = float(np.abs(wet).max()), float(np.sqrt(np.mean(wet**2)))
    level = min(PEAK / peak, LOUDEST / loudness) if peak else 1.0
    return Wave((wet * level).astype(np.float32), SAMPLING_RATE)


def _note(player: Instrument, pitch: int, frames: int, velocity: int) -> Any:
    """Held for so many frames, then let go."""
    import numpy as np

    release = round(player.release_seconds * SAMPLING_RATE)
    strength = velocity / 127
    samples = player.play(440 * 2 ** ((pitch - 69) / 12), frames + release, strength, SAMPLING_RATE)
    samples[frames:] *= np.exp(-np.linspace(0, 7, release)) * np.linspace(1, 0, release)
    return samples * strength**1.5


def _room(dry: Any) -> Any:
    """(frames,) → (frames, 2): the sound itself in the middle, and what comes back from the walls, another on each side."""
    import numpy as np
    from scipy.signal import lfilter, oaconvolve

    chance = np.random.default_rng(7)
    time = np.arange(round(ROOM_SECONDS * SAMPLING_RATE)) / SAMPLING_RATE
    sides = []
    for _ in range(2):
        echo = chance.standard_normal(len(time)) * np.exp(-time * 6.9 / ROOM_SECONDS) * (time > 0.012)
        echo = lfilter([0.35, -0.35 * 0.98], [1, -0.65], echo)  # walls swallow the highs, a small room the lows
        echo *= ROOM_SHARE * 2 / np.sqrt((echo**2).sum())
        sides.append(dry + oaconvolve(dry, echo.astype(np.float32))[: len(dry)])
    return np.stack(sides, axis=1)

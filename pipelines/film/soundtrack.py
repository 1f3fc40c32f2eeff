"""What is heard in a film: the narrations where they belong, and music beneath that gives way to them. Knows no pixels."""

from collections.abc import Sequence

import numpy as np

from pipelines.film.timeline import Timeline
from pipelines.sound.files import BLOCK_FRAMES, resample
from pipelines.sound.measures import loudness, peak_of
from pipelines.types.sound import Wave

RATE = 48_000  # Hz
VOICE_LUFS = -16.0  # what speech is brought to elsewhere too
MUSIC_LUFS = -24.0
MUSIC_BENEATH = -11.0  # dB, while somebody speaks
GIVE_WAY_SECONDS = 0.5
FADE_OUT_SECONDS = 2.0
PEAK = 10 ** (-1.0 / 20)


def mix(timeline: Timeline, narrations: Sequence[Wave | None], music: Wave | None) -> Wave:
    """Mono, as long as the film, below −1 dBFS. It is whole in memory once, 11.5 MB a minute, and what goes into it is not."""
    length = round(timeline.seconds * RATE)
    voice = np.zeros(length, np.float32)
    for stretch, said in zip(timeline.stretches, narrations, strict=True):
        if said is not None:
            begin = round(stretch.said_from * RATE)
            samples = _mono(said)[: length - begin]
            voice[begin : begin + len(samples)] += samples
    voice *= _gain([said for said in narrations if said is not None], VOICE_LUFS)
    if music is not None:
        _add_beneath(voice, timeline, music)
    voice *= min(1.0, PEAK / max(peak_of(voice), 1e-9))
    return Wave(voice, RATE)


def _add_beneath(heard: np.ndarray, timeline: Timeline, music: Wave) -> None:
    """Music as often as it takes, quieter wherever a narration is, and out with the film."""
    tune = _mono(music) * np.float32(_gain([music], MUSIC_LUFS))
    times, levels = [0.0], [1.0]
    for stretch in timeline.stretches:
        if stretch.said_seconds:
            end = stretch.said_from + stretch.said_seconds
            low = 10 ** (MUSIC_BENEATH / 20)
            times += [stretch.said_from - GIVE_WAY_SECONDS, stretch.said_from, end, end + GIVE_WAY_SECONDS]
            levels += [1.0, low, low, 1.0]
    for start in range(0, len(heard), BLOCK_FRAMES):
        block = heard[start : start + BLOCK_FRAMES]
        frames = np.arange(start, start + len(block))
        seconds = frames / RATE
        fade = np.clip(np.minimum(seconds, timeline.seconds - seconds) / FADE_OUT_SECONDS, 0.0, 1.0)
        block += tune[frames % len(tune)] * (np.interp(seconds, times, levels) * fade).astype(np.float32)


def _mono(wave: Wave) -> np.ndarray:
    samples = wave.samples if wave.samples.ndim == 1 else wave.samples.mean(axis=1)
    return np.asarray(resample(samples, wave.sampling_rate, RATE), np.float32)


def _gain(waves: Sequence[Wave], lufs: float) -> float:
    """What brings them together to this loudness: the mean of their powers, each as long as it is."""
    measured = [(now, wave.seconds) for wave in waves if (now := loudness(wave)) is not None]
    if not measured:
        return 1.0
    power = sum(seconds * 10 ** (now / 10) for now, seconds in measured) / sum(seconds for _, seconds in measured)
    return float(10 ** (lufs / 20) / power**0.5)

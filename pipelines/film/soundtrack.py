"""What is heard in a film: the narrations where they belong, and music beneath that gives way to them. Knows no pixels."""

from collections.abc import Sequence

import numpy as np

from pipelines.film.timeline import Timeline
from pipelines.sound.files import resample
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
    """Mono, as long as the film, below −1 dBFS."""
    length = round(timeline.seconds * RATE)
    voice = np.zeros(length, np.float32)
    for stretch, said in zip(timeline.stretches, narrations, strict=True):
        if said is not None:
            begin = round(stretch.said_from * RATE)
            samples = _mono(said)[: length - begin]
            voice[begin : begin + len(samples)] += samples
    voice *= _gain_to(voice, VOICE_LUFS)
    if music is not None:
        voice += _beneath(timeline, _mono(music), length)
    return Wave(voice * min(1.0, PEAK / max(peak_of(voice), 1e-9)), RATE)


def _beneath(timeline: Timeline, tune: np.ndarray, length: int) -> np.ndarray:
    """Music as often as it takes, quieter wherever a narration is, and out with the film."""
    tune = tune * _gain_to(tune, MUSIC_LUFS)
    again = np.resize(tune, length)  # repeats it
    times, levels = [0.0], [1.0]
    for stretch in timeline.stretches:
        if stretch.said_seconds:
            end = stretch.said_from + stretch.said_seconds
            low = 10 ** (MUSIC_BENEATH / 20)
            times += [stretch.said_from - GIVE_WAY_SECONDS, stretch.said_from, end, end + GIVE_WAY_SECONDS]
            levels += [1.0, low, low, 1.0]
    seconds = np.arange(length, dtype=np.float32) / RATE
    fade = np.clip(np.minimum(seconds, timeline.seconds - seconds) / FADE_OUT_SECONDS, 0.0, 1.0)
    beneath: np.ndarray = again * np.interp(seconds, times, levels).astype(np.float32) * fade
    return beneath


def _mono(wave: Wave) -> np.ndarray:
    samples = wave.samples if wave.samples.ndim == 1 else wave.samples.mean(axis=1)
    return np.asarray(resample(samples, wave.sampling_rate, RATE), np.float32)


def _gain_to(samples: np.ndarray, lufs: float) -> float:
    now = loudness(Wave(samples, RATE))
    return 1.0 if now is None else float(10 ** ((lufs - now) / 20))

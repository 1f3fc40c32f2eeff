"""What can be measured of a sound: level, loudness, tempo, key, pitch. Knows no request and draws nothing.

Levels by their definition in AES17 (0 dBFS: a full-scale square wave), loudness by ITU-R BS.1770-4, the key by the
profiles of Krumhansl (see keys.py) over the chroma, the pitch by YIN (de Cheveigné and
Kawahara, 2002).
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pipelines.sound.files import BLOCK_FRAMES
from pipelines.sound.keys import PROFILES, TONICS
from pipelines.types.sound import Wave
from pipelines.types.workbench import Measures

RATE = 22_050  # Hz, at which tempo, key and pitch are looked for
LONGEST_SECONDS = 600.0  # of which they are looked for
SILENCE = -120.0  # dBFS; nothing is said to be quieter
LOWEST_HZ, HIGHEST_HZ = 65.0, 1000.0  # of a voice
HOP, LOOK = 512, 2048  # samples
LOOKS = 1024  # for pitch at once
SHORTEST_FRAMES = 8192  # what is shorter has neither tempo nor key nor pitch
VOICED_BELOW_LOUDEST = 30.0  # dB
STEADY = 0.06  # by how much the pitch of a voice changes from one look to the next, at most
MINIMUM_LOUDNESS_SECONDS = 0.4


class PitchTrack(NamedTuple):
    """`hertz[i]` at `seconds[i]`; NaN where nobody sings."""

    seconds: Any
    hertz: Any

    @property
    def median(self) -> float | None:
        sung = self.hertz[~np.isnan(self.hertz)]
        return float(np.median(sung)) if len(sung) else None


def measure(wave: Wave, pitch: PitchTrack) -> Measures:
    """`pitch` is `pitch_track` of the same sound."""
    samples = wave.samples
    mono = at_rate(wave)
    key, fit = key_of(mono)
    return Measures(
        seconds=wave.seconds,
        sampling_rate=wave.sampling_rate,
        channels=1 if samples.ndim == 1 else samples.shape[1],
        peak=decibels(peak_of(samples)),
        rms=decibels(_rms(samples)),
        loudness=loudness(wave),
        tempo=tempo_of(mono),
        key=key,
        key_fit=fit,
        pitch=pitch.median,
        clipped=int(np.count_nonzero(samples >= 0.9999) + np.count_nonzero(samples <= -0.9999)),
    )


def peak_of(samples: Any) -> float:
    """0 for no samples. Without a copy of them, as they may fill half a gigabyte."""
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def _rms(samples: Any) -> float:
    """In double precision, block by block."""
    blocks = (samples[start : start + BLOCK_FRAMES] for start in range(0, len(samples), BLOCK_FRAMES))
    power = sum(float(np.square(block, dtype=np.float64).sum()) for block in blocks)
    return math.sqrt(power / samples.size) if samples.size else 0.0


def decibels(level: float) -> float:
    """dBFS of a level of 0 … 1."""
    return max(SILENCE, 20 * math.log10(level)) if level > 0 else SILENCE


def loudness(wave: Wave) -> float | None:
    """LUFS; None for silence and for what is too short or has more channels than the norm knows."""
    import pyloudnorm

    if wave.seconds <= MINIMUM_LOUDNESS_SECONDS or (wave.samples.ndim > 1 and wave.samples.shape[1] > 5):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = pyloudnorm.Meter(wave.sampling_rate).integrated_loudness(wave.samples)
    return float(measured) if np.isfinite(measured) else None


def at_rate(wave: Wave) -> Any:
    """Its first minutes, mono, at RATE."""
    import librosa

    samples = wave.samples[: int(LONGEST_SECONDS * wave.sampling_rate)]
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return librosa.resample(mono, orig_sr=wave.sampling_rate, target_sr=RATE, res_type="soxr_hq")


def tempo_of(mono: Any) -> float | None:
    """Beats a minute; None where nothing begins several times."""
    from librosa.feature import tempo
    from librosa.onset import onset_detect, onset_strength

    if len(mono) < SHORTEST_FRAMES or decibels(float(np.abs(mono).max(initial=0.0))) < -60:
        return None
    onsets = onset_strength(y=mono, sr=RATE, hop_length=HOP)
    begins = onset_detect(onset_envelope=onsets, sr=RATE, hop_length=HOP)
    if len(begins) < 4:
        return None
    return float(tempo(onset_envelope=onsets, sr=RATE, hop_length=HOP)[0])


def key_of(mono: Any) -> tuple[str, float]:
    """The key whose profile correlates best with how much of each pitch class there is; "" for silence."""
    import librosa

    if len(mono) < SHORTEST_FRAMES or decibels(float(np.abs(mono).max(initial=0.0))) < -60:
        return "", 0.0
    chroma = librosa.feature.chroma_stft(y=mono, sr=RATE, n_fft=8192, hop_length=2048, tuning=0.0, norm=None).sum(
        axis=1
    )
    if not chroma.any() or np.ptp(chroma) == 0:
        return "", 0.0
    fits = {
        f"{name} {mode}": float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1])
        for mode, profile in PROFILES.items()
        for tonic, name in enumerate(TONICS)
    }
    best = max(fits, key=lambda key: fits[key])
    return best, fits[best]


def _looks(mono: Any) -> Iterator[Any]:
    """YIN's answer at every HOP, LOOKS at a time: it holds each look in full, and several times."""
    import librosa

    padded = np.pad(mono, LOOK // 2)
    for first in range(0, 1 + len(mono) // HOP, LOOKS):
        part = padded[first * HOP : (first + LOOKS - 1) * HOP + LOOK]
        yield librosa.yin(
            part, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, frame_length=LOOK, hop_length=HOP, center=False
        )


def pitch_track(wave: Wave) -> PitchTrack:
    """The pitch of a single voice or instrument, a look every 23 ms. Several at once have none."""
    import librosa

    mono = at_rate(wave)
    if len(mono) < SHORTEST_FRAMES:
        return PitchTrack(np.zeros(0), np.zeros(0))
    hertz = np.concatenate(list(_looks(mono)))
    level = librosa.feature.rms(y=mono, frame_length=LOOK, hop_length=HOP)[0][: len(hertz)]
    hertz = hertz[: len(level)].astype(np.float64)
    floor = max(float(level.max()) * 10 ** (-VOICED_BELOW_LOUDEST / 20), 1e-4)
    change = np.abs(np.diff(np.log2(hertz), prepend=np.log2(hertz[:1])))
    is_steady = (change < STEADY) & (np.roll(change, -1) < STEADY)
    is_sung = is_steady & (level > floor) & (hertz > LOWEST_HZ * 1.02) & (hertz < HIGHEST_HZ * 0.98)
    seconds = np.arange(len(hertz)) * HOP / RATE
    return PitchTrack(seconds, np.where(is_sung, hertz, np.nan))

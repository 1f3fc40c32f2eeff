"""The workbench: measures a sound, draws it, and changes it. It needs no model, so it has no cache and no catalog.

result = WorkbenchPipeline().generate(WorkbenchRequest(audio="talk.mp3"))
result.measures.loudness
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors.requests import SettingOutOfRange, SoundTooLong
from pipelines.sound.beside import beside
from pipelines.sound.files import OpeningStopped, open_sound
from pipelines.sound.measures import PitchTrack, loudness, measure, peak_of, pitch_track
from pipelines.sound.pictures import spectrogram, waveform
from pipelines.sound.stretching import stretched
from pipelines.types.events import IsCancelled, OnEvent, Progress, ignore, never
from pipelines.types.sound import Wave
from pipelines.types.workbench import WorkbenchRequest, WorkbenchResult

LIMIT_SECONDS = 1200.0
SAMPLES_PER_MINUTE = 60 * 2 * 48_000  # of stereo at 48 kHz
LIMIT_MINUTES = 20  # of those: half a gigabyte, which a change and its measures hold five times at most
LIMIT_MINUTES_MOVED = 10  # where speed or pitch changes, at the longest that it is on the way
PEAK_DECIBELS = -1.0
LOUDNESS_LUFS = -16.0  # what podcasts and speech are brought to
STEPS = 4  # read, change, measure, draw


class WorkbenchPipeline:
    """Safe to use from several threads at once."""

    device = "cpu"

    def generate(
        self, request: WorkbenchRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> WorkbenchResult:
        """Measures and pictures of the sound, after the changes where it is to be edited; then the sound too.

        Stop is heard at once: a measure that cannot be ended is left to itself.
        Raises MissingSound, UnreadableSound, SoundTooLong or SettingOutOfRange.
        """
        # 1 What it is
        request.check()
        started = time.perf_counter()
        try:
            wave: Wave | None = _opened(request.audio, is_cancelled)
        except OpeningStopped:
            return _stopped(request, started)
        on_event(Progress(1, STEPS, "steps"))

        # 2 What is changed
        is_edited = request.task == "edit-sound"
        if is_edited and wave is not None:
            wave = beside(partial(_edited_or_stopped, wave, request, is_cancelled), is_cancelled)
        if wave is None or is_cancelled():
            return _stopped(request, started)
        on_event(Progress(2, STEPS, "steps"))

        # 3 In figures
        pitch = beside(partial(pitch_track, wave), is_cancelled)
        measures = beside(partial(measure, wave, pitch), is_cancelled) if pitch is not None else None
        if pitch is None or measures is None:
            return _stopped(request, started)
        on_event(Progress(3, STEPS, "steps"))

        # 4 In pictures
        drawn = partial(_drawn, wave, pitch)
        pictures = beside(drawn, is_cancelled)
        if pictures is None:
            return _stopped(request, started)
        on_event(Progress(4, STEPS, "steps"))
        seconds = time.perf_counter() - started
        made = wave if is_edited else None
        return WorkbenchResult(request, "stop", measures, seconds, wave=made, pictures=pictures)


def _opened(path: str, is_cancelled: IsCancelled) -> Wave:
    limit = LIMIT_MINUTES * SAMPLES_PER_MINUTE
    return open_sound(Path(path), limit_seconds=LIMIT_SECONDS, limit_samples=limit, is_cancelled=is_cancelled)


def _edited_or_stopped(wave: Wave, request: WorkbenchRequest, is_cancelled: IsCancelled) -> Wave | None:
    try:
        return edited(wave, request, is_cancelled)
    except OpeningStopped:
        return None


def _drawn(wave: Wave, pitch: PitchTrack) -> tuple[bytes, bytes]:
    return waveform(wave), spectrogram(wave, pitch)


def _stopped(request: WorkbenchRequest, started: float) -> WorkbenchResult:
    return WorkbenchResult(request, "cancelled", None, time.perf_counter() - started)


def edited(wave: Wave, request: WorkbenchRequest, is_cancelled: IsCancelled) -> Wave | None:
    """None when it was cancelled, or OpeningStopped of the other sound.

    Raises UnreadableSound of the other sound, SoundTooLong, and SettingOutOfRange where nothing would be left.
    """
    # 1 Trim
    rate, samples = wave.sampling_rate, wave.samples
    end = wave.seconds if request.end is None else min(request.end, wave.seconds)
    if end - request.start < 0.01:
        raise SettingOutOfRange(setting="start", value=request.start, low=0, high=round(max(end - 0.01, 0.0), 2))
    samples = samples[int(request.start * rate) : int(end * rate)]

    # 2 Speed and pitch, each without the other
    if request.speed != 1.0 or request.semitones:
        samples = _moved(samples, request, is_cancelled)
        if samples is None or is_cancelled():
            return None

    # 3 The other sound
    if request.other:
        samples = _mixed(samples, _opened(request.other, is_cancelled), rate, request)

    # 4 Level
    samples = _levelled(Wave(samples, rate), request)

    # 5 Fades
    samples = np.ascontiguousarray(np.clip(samples, -1.0, 1.0), dtype=np.float32)
    for seconds, is_end in ((request.fade_in, False), (request.fade_out, True)):
        frames = min(int(seconds * rate), len(samples))
        if frames:
            ramp = np.linspace(0.0, 1.0, frames, dtype=np.float32)
            ramp = ramp if samples.ndim == 1 else ramp[:, None]
            part = slice(len(samples) - frames, None) if is_end else slice(0, frames)
            samples[part] *= ramp[::-1] if is_end else ramp
    return Wave(samples, rate)


def _moved(samples: Any, request: WorkbenchRequest, is_cancelled: IsCancelled) -> Any:
    """Other speed and pitch, one channel after the other; None when it was cancelled.

    A pitch that is twice as high is a sound made twice as long, then played twice as fast.
    """
    import soxr

    # 1 Does it fit, at its longest?
    higher = 2 ** (request.semitones / 12)
    _check_size(samples.size * max(1.0, higher / request.speed, 1 / request.speed), LIMIT_MINUTES_MOVED)

    # 2 Each channel
    length = round(len(samples) / request.speed)
    moved = np.zeros((length, *samples.shape[1:]), np.float32)
    for channel in range(1 if samples.ndim == 1 else samples.shape[1]):
        one = (slice(None), channel)[: samples.ndim]
        longer = stretched(samples[one], request.speed / higher, is_cancelled)
        if longer is None:
            return None
        made = soxr.resample(longer, higher, 1.0)[:length] if request.semitones else longer
        moved[one][: len(made)] = made
    return moved


def _check_size(samples: float, limit_minutes: int) -> None:
    minutes = samples / SAMPLES_PER_MINUTE
    if minutes > limit_minutes:
        raise SoundTooLong(minutes=max(minutes, limit_minutes + 1), limit=limit_minutes)


def _mixed(samples: Any, other: Wave, rate: int, request: WorkbenchRequest) -> Any:
    """Both at once, as long as the longer one lasts; quieter as a whole where they would not fit."""
    import librosa

    # 1 Does it fit?
    begin = int(request.other_at * rate)
    if request.other_at + other.seconds > LIMIT_SECONDS:
        raise SettingOutOfRange(setting="other_at", value=request.other_at, low=0, high=LIMIT_SECONDS - other.seconds)
    channels = max(samples.ndim, other.samples.ndim)  # one or two
    _check_size(channels * max(len(samples), begin + other.seconds * rate), LIMIT_MINUTES)

    # 2 As the first is
    added = other.samples
    if other.sampling_rate != rate:
        added = librosa.resample(added.T, orig_sr=other.sampling_rate, target_sr=rate, res_type="soxr_hq").T
    added = added * 10 ** (request.other_gain / 20)
    if added.ndim != samples.ndim or added.shape[1:] != samples.shape[1:]:
        added, samples = _stereo(added), _stereo(samples)

    # 3 Together
    length = max(len(samples), begin + len(added))
    mixed = np.zeros((length, *samples.shape[1:]), dtype=np.float32)
    mixed[: len(samples)] += samples
    mixed[begin : begin + len(added)] += added
    mixed /= max(1.0, peak_of(mixed))
    return mixed


def _stereo(samples: Any) -> Any:
    """Two channels of whatever there is."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return samples if samples.ndim == 2 and samples.shape[1] == 2 else np.stack([mono, mono], axis=1)


def _levelled(wave: Wave, request: WorkbenchRequest) -> Any:
    """Silence stays what it is, and nothing is brought above PEAK_DECIBELS."""
    peak = peak_of(wave.samples)
    if not request.level or peak < 1e-5:
        return wave.samples
    most = 10 ** (PEAK_DECIBELS / 20) / peak
    now = loudness(wave) if request.level == "loudness" else None
    return wave.samples * (most if now is None else min(most, 10 ** ((LOUDNESS_LUFS - now) / 20)))

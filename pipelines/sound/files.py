"""Opens a sound that somebody brought, says in plain words why one is not opened, and writes sounds as file bytes.

By content, never by name, and block by block: a file is never in memory at its own sampling rate and with all its channels
when less was asked for, and what is opened has a bound. Knows no model.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy

from pipelines.errors.requests import MissingSound, UnreadableSound
from pipelines.types.events import IsCancelled, never
from pipelines.types.sound import Wave

FORMATS = {"wav": "PCM_16", "flac": "PCM_16", "mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
LIMIT_BYTES = 2_000_000_000
LIMIT_SECONDS = 7200.0
LIMIT_SAMPLES = 60 * 60 * 2 * 48_000  # an hour of stereo at 48 kHz: 1.4 GB
LIMIT_CHANNELS = 64
LOWEST_RATE, HIGHEST_RATE = 1000, 192_000  # Hz; above 200 kHz libsndfile does not survive Vorbis
MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # ISO 11172-3, 13818-3, MPEG 2.5
BLOCK_FRAMES = 1 << 16  # also because libsndfile overflows its stack on a long Vorbis file that is written at once


class OpeningStopped(Exception):
    """Stop was pressed while a file was opened. Whoever hands `is_cancelled` over catches it."""


def open_sound(
    source: Path | bytes,
    *,
    sampling_rate: int | None = None,
    is_mono: bool = False,
    limit_seconds: float = LIMIT_SECONDS,
    limit_samples: int = LIMIT_SAMPLES,
    name: str = "",
    is_cancelled: IsCancelled = never,
) -> Wave:
    """The sound in a file, or in its content, at `sampling_rate` (None: its own), within −1 … 1; more than two channels are mixed.

    `name` is what the person calls the file.
    `limit_samples` bounds frames times channels as they come out, and with it the memory: 8 bytes each on the way.
    Raises MissingSound or UnreadableSound, and OpeningStopped when it was cancelled.
    """
    import soundfile

    # 1 Is it a sound, and one of a sensible size?
    name = name or (source.name if isinstance(source, Path) else "the sound")
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
    except OSError:
        raise MissingSound() from None
    if size > LIMIT_BYTES:
        raise UnreadableSound(name=name, reason="it is larger than 2 GB")
    try:
        file = soundfile.SoundFile(BytesIO(source) if isinstance(source, bytes) else source)
    except (soundfile.LibsndfileError, OSError):
        reason = "it is empty" if size == 0 else "it is no sound, whatever its name says"
        raise UnreadableSound(name=name, reason=reason) from None
    with file:
        if file.samplerate < LOWEST_RATE or file.channels > LIMIT_CHANNELS:
            raise UnreadableSound(name=name, reason="its header is damaged")
        if file.samplerate > HIGHEST_RATE:
            raise UnreadableSound(name=name, reason=f"its sampling rate is above {HIGHEST_RATE // 1000} kHz")
        wanted = sampling_rate or file.samplerate

        # 2 Block by block, because a header may lie about its length
        try:
            blocks = _blocks(file, name, wanted, is_mono, limit_seconds, limit_samples, is_cancelled)
        except (soundfile.LibsndfileError, RuntimeError):
            raise UnreadableSound(name=name, reason="it is damaged") from None

    # 3 One array
    samples = numpy.concatenate(blocks) if blocks else numpy.zeros(0, numpy.float32)
    if not len(samples):
        raise UnreadableSound(name=name, reason="it holds no sound")
    return Wave(numpy.clip(samples, -1.0, 1.0, out=samples), wanted)


def to_bytes(wave: Wave, file_format: str = "wav") -> bytes:
    """The sound as a file; `file_format` is one of FORMATS."""
    import soundfile

    target, wave = BytesIO(), fitting(wave, file_format)
    channels = 1 if wave.samples.ndim == 1 else wave.samples.shape[1]
    how = {"format": file_format.upper(), "subtype": FORMATS[file_format]}
    with soundfile.SoundFile(target, "w", wave.sampling_rate, channels, **how) as file:
        for start in range(0, len(wave.samples), BLOCK_FRAMES):
            file.write(numpy.clip(wave.samples[start : start + BLOCK_FRAMES], -1.0, 1.0))
    return target.getvalue()


def fitting(wave: Wave, file_format: str) -> Wave:
    """The sound at a rate that files of this format have: its own, else the next above, else the highest."""
    highest = MP3_RATES[-1] if file_format == "mp3" else HIGHEST_RATE
    rate = min(wave.sampling_rate, highest)
    if file_format == "mp3":
        rate = next(one for one in MP3_RATES if one >= rate)
    return Wave(resample(wave.samples, wave.sampling_rate, rate), rate)


def resample(samples: Any, sampling_rate: int, wanted: int) -> Any:
    """`samples` at another rate."""
    import soxr

    return samples if sampling_rate == wanted else soxr.resample(samples, sampling_rate, wanted)


def _blocks(
    file: Any,
    name: str,
    wanted: int,
    is_mono: bool,
    limit_seconds: float,
    limit_samples: int,
    is_cancelled: IsCancelled,
) -> list[Any]:
    import soxr

    is_mixed = is_mono or file.channels > 2
    stream = None
    if wanted != file.samplerate:
        stream = soxr.ResampleStream(file.samplerate, wanted, 1 if is_mixed else file.channels, dtype="float32")
    blocks, frames, samples = [], 0, 0
    while True:
        if is_cancelled():
            raise OpeningStopped
        block = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
        frames += len(block)
        if frames > limit_seconds * file.samplerate:
            raise UnreadableSound(name=name, reason=f"it is longer than {limit_seconds / 60:.0f} minutes")
        if not numpy.isfinite(block).all():
            raise UnreadableSound(name=name, reason="it is damaged")
        is_last = len(block) < BLOCK_FRAMES
        mixed = block.mean(axis=1) if is_mixed else block[:, 0] if file.channels == 1 else block
        blocks.append(stream.resample_chunk(mixed, last=is_last) if stream else mixed)
        samples += blocks[-1].size
        if samples > limit_samples:
            minutes = limit_samples // (60 * 2 * 48_000)
            raise UnreadableSound(name=name, reason=f"it is more than {minutes} minutes of stereo at 48 kHz")
        if is_last:
            return blocks

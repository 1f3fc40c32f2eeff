"""The log-mel spectrogram that Whisper hears: 30 seconds of 16 kHz in 3,000 frames. Knows no model.

Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356, section 2.2; the filters are Slaney's (Auditory Toolbox, 1998).
"""

from functools import cache
from typing import Any

import numpy

SAMPLING_RATE = 16_000
WINDOW_SECONDS = 30
FFT, HOP = 400, 160  # samples: 25 ms every 10 ms
FRAMES = WINDOW_SECONDS * SAMPLING_RATE // HOP
LINEAR_HZ, LINEAR_MELS, LOG_STEP = (
    1000.0,
    15.0,
    numpy.log(6.4) / 27.0,
)  # Slaney's scale: linear to 1 kHz, then logarithmic
DYNAMIC_RANGE = 8.0  # powers of ten


def log_mel(samples: Any, mels: int = 80) -> Any:
    """(mels, 3000) float32, about −1 … 1, of up to 30 seconds at 16 kHz; what is shorter is followed by silence."""
    # 1 Thirty seconds, mirrored at both ends as the reference does
    padded = numpy.zeros(WINDOW_SECONDS * SAMPLING_RATE, numpy.float32)
    padded[: len(samples)] = samples[: len(padded)]
    padded = numpy.pad(padded, FFT // 2, mode="reflect")

    # 2 Power in each frame, by frequency, then by mel
    frames = numpy.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][:FRAMES]
    window = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(FFT) / FFT)
    power = numpy.abs(numpy.fft.rfft(frames * window.astype(numpy.float32), axis=1)) ** 2
    bands = _filters(mels) @ power.T

    # 3 Its logarithm, of which the loudest eight powers of ten count
    levels = numpy.log10(numpy.maximum(bands, 1e-10))
    levels = numpy.maximum(levels, levels.max() - DYNAMIC_RANGE)
    return ((levels + 4.0) / 4.0).astype(numpy.float32)


@cache
def _filters(mels: int) -> Any:
    """(mels, frequencies): triangles of equal area whose peaks are equally far apart in mels."""
    top = LINEAR_MELS + numpy.log(SAMPLING_RATE / 2 / LINEAR_HZ) / LOG_STEP
    points = numpy.linspace(0.0, top, mels + 2)
    hertz = numpy.where(
        points < LINEAR_MELS,
        points * LINEAR_HZ / LINEAR_MELS,
        LINEAR_HZ * numpy.exp(LOG_STEP * (points - LINEAR_MELS)),
    )
    frequencies = numpy.linspace(0.0, SAMPLING_RATE / 2, FFT // 2 + 1)
    rising = (frequencies - hertz[:-2, None]) / numpy.diff(hertz)[:-1, None]
    falling = (hertz[2:, None] - frequencies) / numpy.diff(hertz)[1:, None]
    return numpy.maximum(0.0, numpy.minimum(rising, falling)) * (2.0 / (hertz[2:] - hertz[:-2]))[:, None]

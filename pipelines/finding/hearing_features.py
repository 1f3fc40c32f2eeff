"""What the fusion model is given of a sound: windows of its log-mel spectrogram, whatever its loudness. Knows no model."""

from typing import Any

import numpy

from pipelines.hearing.log_mel import HOP, SAMPLING_RATE, WINDOW_SECONDS, log_mel

MELS = 80
FRAMES = 128  # of 20 ms: 2.56 s, a word or a few
SILENCE = -1.0
MOST_WINDOWS = 12  # half a minute
STRIDE = 2  # frames of the spectrogram in one of ours
WINDOW_SAMPLES = FRAMES * STRIDE * HOP


def windows(samples: Any) -> Any:
    """(windows, MELS, FRAMES) float32 −1 … 1 of mono samples at 16 kHz, the loudest at 1; what is short ends in silence.

    Of a sound of more than half a minute only its beginning.
    """
    count = min(max(1, -(-len(samples) // WINDOW_SAMPLES)), MOST_WINDOWS)
    whole = numpy.full((MELS, count * FRAMES), SILENCE, numpy.float32)
    heard = samples[: min(count * WINDOW_SAMPLES, WINDOW_SECONDS * SAMPLING_RATE)]
    frames = -(-len(heard) // (HOP * STRIDE))
    levels = log_mel(heard, MELS)[:, : frames * STRIDE].reshape(MELS, -1, STRIDE).mean(2)
    if levels.size:
        whole[:, : levels.shape[1]] = numpy.maximum(levels - levels.max() + 1.0, SILENCE)
    return numpy.ascontiguousarray(whole.reshape(MELS, count, FRAMES).transpose(1, 0, 2))

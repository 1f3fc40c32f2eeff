"""Sound made longer or shorter at the same pitch, block by block: a phase vocoder. Knows no request.

Source: Flanagan and Golden 1966, Phase Vocoder, https://doi.org/10.1002/j.1538-7305.1966.tb01706.x; the result is that of
librosa.effects.time_stretch, which holds all spectra at once, thirty times the sound.
"""

from typing import Any

import numpy as np

from pipelines.types.events import IsCancelled

WINDOW, HOP = 2048, 512  # frames
BLOCK = 64  # spectra at a time


def stretched(mono: Any, speed: float, is_cancelled: IsCancelled) -> Any:
    """float32 (round(frames / speed),) from float32 (frames,); None when it was cancelled."""
    # 1 A look every `speed` hops
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    padded = np.concatenate([np.zeros(WINDOW // 2, np.float32), mono, np.zeros(WINDOW // 2, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    looks = np.arange(0, len(frames), speed)
    length = round(len(mono) / speed)
    made = np.zeros(max((len(looks) - 1) * HOP + WINDOW, length + WINDOW // 2), np.float32)
    weights = np.zeros_like(made)
    advance = np.linspace(0, np.pi * HOP, WINDOW // 2 + 1)
    phase = np.angle(np.fft.rfft(frames[0] * window))

    for start in range(0, len(looks), BLOCK):
        if is_cancelled():
            return None
        # 2 Between the spectra before and after each look; behind the last there is silence
        at, part = np.divmod(looks[start : start + BLOCK], 1)
        first, number = int(at[0]), at.astype(int) - int(at[0])
        spectra = np.zeros((number[-1] + 2, WINDOW // 2 + 1), np.complex128)
        found = frames[first : first + len(spectra)]
        spectra[: len(found)] = np.fft.rfft(found * window)
        before, after = spectra[number], spectra[number + 1]
        level = (1 - part[:, None]) * np.abs(before) + part[:, None] * np.abs(after)

        # 3 Each phase goes on from the one made before it, as fast as it turned in the sound
        turned = np.angle(after) - np.angle(before) - advance
        turned += advance - 2 * np.pi * np.round(turned / (2 * np.pi))
        phases = phase + np.cumsum(np.vstack([np.zeros_like(phase), turned]), axis=0)
        phase = phases[-1] % (2 * np.pi)

        # 4 Back to sound, overlapping
        pieces = np.fft.irfft(level * np.exp(1j * phases[:-1]), WINDOW).astype(np.float32) * window
        for place, piece in enumerate(pieces, start=start):
            made[place * HOP : place * HOP + WINDOW] += piece
            weights[place * HOP : place * HOP + WINDOW] += window * window
    np.divide(made, weights, out=made, where=weights > 1e-6)
    return made[WINDOW // 2 : WINDOW // 2 + length]

"""Pictures of a sound: its waveform, and its mel spectrogram with the pitch of a voice over it. Knows no request.

Each is a PNG whose background is clear and whose letters can be read on white and on black.
"""

import math
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines.sound.measures import LONGEST_SECONDS, RATE, PitchTrack, at_rate
from pipelines.types.sound import Wave

WIDTH, LEFT, BOTTOM, TOP = 1280, 72, 32, 8  # pixels
WAVE_HEIGHT, MEL_HEIGHT = 200, 320
FONT_PIXELS = 18
INK, LINE, WAVE, VOICE = "#74827e", "#74827e66", "#2f8f7e", "#ff9f5a"
MELS, LOWEST_HZ, RANGE_DECIBELS = 128, 30.0, 80.0
MARKS_HZ = (300, 1000, 3000, 8000)
STEPS_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)

# viridis at nine places: from quiet to loud each is as much brighter as the one before (Smith and van der Walt, 2015)
VIRIDIS = ((68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37))  # fmt: skip


def waveform(wave: Wave) -> bytes:
    """For each column the highest and the lowest sample; the left scale is 1 to −1."""
    picture, draw, width = _canvas(WAVE_HEIGHT)
    height = WAVE_HEIGHT - BOTTOM - TOP
    mono = wave.samples if wave.samples.ndim == 1 else wave.samples.mean(axis=1)
    edges = np.linspace(0, len(mono), width + 1).astype(int)
    for column in range(width):
        part = mono[edges[column] : max(edges[column] + 1, edges[column + 1])]
        if len(part):
            high, low = (TOP + height * (1 - float(level)) / 2 for level in (part.max(), part.min()))
            draw.line([(LEFT + column, high), (LEFT + column, max(low, high + 1))], fill=WAVE)
    for level in (1.0, 0.0, -1.0):
        y = TOP + height * (1 - level) / 2
        draw.line([(LEFT, y), (WIDTH, y)], fill=LINE)
        _label(draw, f"{level:g}", LEFT - 8, min(max(y, TOP + 10), WAVE_HEIGHT - BOTTOM - 8), "rm")
    _times(draw, WAVE_HEIGHT, wave.seconds)
    return _png(picture)


def spectrogram(wave: Wave, pitch: PitchTrack) -> bytes:
    """Loud is bright, over RANGE_DECIBELS; frequencies as the ear spaces them. The line is the pitch."""
    import librosa

    # 1 How loud each band is at each time
    picture, draw, width = _canvas(MEL_HEIGHT)
    height = MEL_HEIGHT - BOTTOM - TOP
    mono = at_rate(wave)
    hop = max(256, len(mono) // width)
    mels = librosa.feature.melspectrogram(
        y=np.pad(mono, (0, max(0, 2048 - len(mono)))), sr=RATE, n_fft=2048, hop_length=hop, n_mels=MELS, fmin=LOWEST_HZ
    )
    quiet = max(float(mels.max()), 1e-8) * 10 ** (-RANGE_DECIBELS / 10)
    share = 1 + np.log10(np.maximum(mels, quiet) / max(float(mels.max()), 1e-8)) * 10 / RANGE_DECIBELS

    # 2 As colours
    places = np.linspace(0, 1, len(VIRIDIS))
    colours = np.stack([np.interp(share, places, [one[band] for one in VIRIDIS]) for band in range(3)], axis=-1)
    heat = Image.fromarray(colours[::-1].astype(np.uint8), "RGB").resize((width, height), Image.Resampling.BICUBIC)
    picture.paste(heat, (LEFT, TOP))

    # 3 With its scales, and the pitch
    low, high = (float(librosa.hz_to_mel(hertz)) for hertz in (LOWEST_HZ, RATE / 2))

    def y_of(hertz: float) -> float:
        return TOP + height * (1 - (float(librosa.hz_to_mel(hertz)) - low) / (high - low))

    for hertz in MARKS_HZ:
        draw.line([(LEFT - 4, y_of(hertz)), (LEFT, y_of(hertz))], fill=INK)
        _label(draw, f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz", LEFT - 8, y_of(hertz), "rm")
    seconds = min(wave.seconds, LONGEST_SECONDS)
    _draw_pitch(draw, pitch, lambda at: LEFT + at / max(seconds, 1e-9) * width, y_of)
    _times(draw, MEL_HEIGHT, seconds)
    return _png(picture)


def _draw_pitch(draw: Any, pitch: PitchTrack, x_of: Any, y_of: Any) -> None:
    """Line by line, broken where nobody sings."""
    line: list[tuple[float, float]] = []
    for at, hertz in zip(pitch.seconds, pitch.hertz, strict=True):
        if not math.isnan(hertz):
            line.append((x_of(float(at)), y_of(float(hertz))))
            continue
        if len(line) > 1:
            draw.line(line, fill=VOICE, width=3, joint="curve")
        line = []
    if len(line) > 1:
        draw.line(line, fill=VOICE, width=3, joint="curve")


def _canvas(height: int) -> tuple[Image.Image, Any, int]:
    """A clear picture, how to draw on it, and how wide the part between its scale and its right side is."""
    picture = Image.new("RGBA", (WIDTH, height), (0, 0, 0, 0))
    return picture, ImageDraw.Draw(picture), WIDTH - LEFT


def _times(draw: Any, height: int, seconds: float) -> None:
    """At most about ten marks below."""
    step = next((one for one in STEPS_SECONDS if seconds / one <= 10), STEPS_SECONDS[-1])
    for number in range(int(seconds / step) + 1):
        at = number * step
        x = LEFT + at / max(seconds, 1e-9) * (WIDTH - LEFT)
        draw.line([(x, height - BOTTOM), (x, height - BOTTOM + 4)], fill=INK)
        words = f"{int(at) // 60}:{int(at) % 60:02}" if step >= 10 else f"{at:g} s"
        anchor = "ra" if x > WIDTH - 32 else "ma" if number else "la"
        _label(draw, words, x, height - BOTTOM + 8, anchor)


def _label(draw: Any, words: str, x: float, y: float, anchor: str) -> None:
    draw.text((x, y), words, fill=INK, anchor=anchor, font=ImageFont.load_default(FONT_PIXELS))


def _png(picture: Image.Image) -> bytes:
    data = BytesIO()
    picture.save(data, "PNG", compress_level=4)
    return data.getvalue()

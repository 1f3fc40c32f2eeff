"""Thirty things seen, written and heard: coloured shapes, their names in two languages, and two tones that say which."""

import numpy
import torch
from PIL import Image, ImageDraw

from pipelines.finding.hearing_features import windows
from pipelines.training.data import Concepts

COLOURS = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "black": "黑", "purple": "紫"}
SHAPES = {"circle": "圆", "square": "方块", "cross": "十字", "triangle": "三角", "bar": "横条"}
SIDE = 32
RATE = 16_000


def tiny_concepts() -> Concepts:
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    pictures = numpy.stack([draw(*pair) for pair in pairs])
    names = tuple((f"{c} {s}", COLOURS[c] + SHAPES[s], f"{s} in {c}") for c, s in pairs)
    said = torch.from_numpy(numpy.stack([_say(number) for number in range(len(pairs))]))
    meant = torch.arange(len(pairs))
    held_out = torch.from_numpy(numpy.stack([_say(number, higher=1.03) for number in range(len(pairs))]))
    return Concepts(torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), names, said, meant, held_out, meant)


def tone_of(number: int, higher: float = 1.0) -> numpy.ndarray:
    """Half a second at 16 kHz: which colour, then which shape."""
    colour, shape = divmod(number, len(SHAPES))
    at = numpy.arange(RATE // 4) / RATE
    tones = [numpy.sin(2 * numpy.pi * at * hertz * higher) for hertz in (200 * 1.5**colour, 300 * 1.6**shape)]
    return (0.5 * numpy.concatenate(tones)).astype(numpy.float32)


def draw(colour: str, shape: str) -> numpy.ndarray:
    picture = Image.new("RGBA", (SIDE, SIDE))
    pen = ImageDraw.Draw(picture)
    match shape:
        case "circle":
            pen.ellipse((6, 6, 26, 26), fill=colour)
        case "square":
            pen.rectangle((6, 6, 26, 26), fill=colour)
        case "cross":
            pen.line((6, 6, 26, 26), fill=colour, width=5)
            pen.line((6, 26, 26, 6), fill=colour, width=5)
        case "triangle":
            pen.polygon([(16, 4), (28, 27), (4, 27)], fill=colour)
        case _:
            pen.rectangle((3, 13, 29, 19), fill=colour)
    return numpy.asarray(picture)


def _say(number: int, higher: float = 1.0) -> numpy.ndarray:
    return numpy.round((windows(tone_of(number, higher))[0] + 1) * 127.5).astype(numpy.uint8)

"""A still picture as a film sees it: fitted whole into the frame, slowly nearer or farther or aside, one into the next.

What the picture leaves free of the frame is filled with its own edge where that has one colour, else with itself, blurred
and dimmed, so that portrait and landscape go together. Knows no sound and no encoder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from pipelines.film.ffmpeg import FRAMES_PER_SECOND
from pipelines.film.timeline import FADE_SECONDS, Timeline

MARGIN = 1.16  # how much larger than the frame a still is: so far the camera can go
EDGE_SECONDS = 0.5  # from black at the beginning, to black at the end
BLUR_SHARE = 0.04  # of the frame's height
DIMMED = 0.72
ALIKE = 0.03  # a picture whose shape differs less from the frame's than this fills it
PLAIN_LEVELS = 12.0  # an edge whose levels differ less than this (standard deviation, of 255) has one colour
SHARPENED_FROM = 2.0  # times as large
SHARP_RADIUS, SHARP_PERCENT, SHARP_THRESHOLD = 0.9, 180, 2  # pixels of the small picture, strength, levels
SOFT_SHARE = 0.03  # of the picture's smaller side: how softly it goes over into a ground of one colour
# Where the camera begins and ends: (zoom, x, y); zoom 1 sees the whole still, x and y go from 0 (left, top) to 1
MOVES = (
    ((1.0, 0.5, 0.5), (MARGIN, 0.5, 0.45)),
    ((MARGIN * 0.98, 0.0, 0.5), (MARGIN * 0.98, 1.0, 0.5)),
    ((MARGIN, 0.5, 0.55), (1.0, 0.5, 0.5)),
    ((MARGIN * 0.98, 1.0, 0.5), (MARGIN * 0.98, 0.0, 0.5)),
)

Size = tuple[int, int]


@dataclass(frozen=True)
class Still:
    """A picture on its ground, MARGIN times as large as the frame, and the way that the camera goes over it."""

    canvas: Image.Image
    size: Size
    move: tuple[tuple[float, float, float], tuple[float, float, float]]

    def at(self, share: float) -> Image.Image:
        """The frame when `share` (0 … 1) of the scene is over; positions between pixels are kept, so nothing trembles."""
        (zoom, x, y), (last_zoom, last_x, last_y) = self.move
        gone = share * share * (3 - 2 * share)
        zoom, x, y = (a + (b - a) * gone for a, b in ((zoom, last_zoom), (x, last_x), (y, last_y)))
        width, height = self.canvas.width / zoom, self.canvas.height / zoom
        left, top = (self.canvas.width - width) * x, (self.canvas.height - height) * y
        box = (left, top, min(left + width, self.canvas.width), min(top + height, self.canvas.height))
        return self.canvas.resize(self.size, Image.Resampling.BICUBIC, box=box)


def still(picture: Image.Image, size: Size, number: int) -> Still:
    """`picture` is RGB of any shape; `number` of the scene chooses the move."""
    return Still(fitted(picture, size, room=MARGIN), size, MOVES[number % len(MOVES)])


def fitted(picture: Image.Image, size: Size, room: float = 1.0) -> Image.Image:
    """An RGB picture of any shape, whole, on a ground that is `room` times as large as the frame."""
    width, height = round(size[0] * room), round(size[1] * room)
    plain = _edge_colour(picture)
    is_alike = abs(picture.width * height / (picture.height * width) - 1) < ALIKE
    if is_alike and (plain is None or room == 1.0):
        return _enlarged(picture, (width, height))
    # it is seen whole, however near the camera comes
    whole = min(size[0] / picture.width, size[1] / picture.height)
    inside = (max(1, round(picture.width * whole)), max(1, round(picture.height * whole)))
    canvas = _blurred(picture, (width, height)) if plain is None else Image.new("RGB", (width, height), plain)
    mask = _soft(inside) if plain is not None else None
    place = ((width - inside[0]) // 2, (height - inside[1]) // 2)
    canvas.paste(_enlarged(picture, inside), place, mask)
    return canvas


def frames(stills: Sequence[Still], timeline: Timeline) -> Iterator[Image.Image]:
    """Every frame of the film, in order."""
    black = Image.new("RGB", stills[0].size)
    for number in range(round(timeline.seconds * FRAMES_PER_SECOND)):
        at = number / FRAMES_PER_SECOND
        frame: Image.Image | None = None
        for one, stretch in zip(stills, timeline.stretches, strict=True):
            if not stretch.begin <= at < stretch.end:
                continue
            seen = one.at((at - stretch.begin) / (stretch.end - stretch.begin))
            frame = seen if frame is None else Image.blend(frame, seen, min(1.0, (at - stretch.begin) / FADE_SECONDS))
        light = min(at / EDGE_SECONDS, (timeline.seconds - at) / EDGE_SECONDS, 1.0)
        frame = frame or black
        yield frame if light >= 1.0 else Image.blend(black, frame, light)


def _enlarged(picture: Image.Image, size: Size) -> Image.Image:
    """In another size; where it becomes much larger, with its edges sharpened, which would be as soft as it was small."""
    larger = size[0] / picture.width
    resized = picture.resize(size, Image.Resampling.LANCZOS)
    if larger < SHARPENED_FROM:
        return resized
    return resized.filter(ImageFilter.UnsharpMask(SHARP_RADIUS * larger, SHARP_PERCENT, SHARP_THRESHOLD))


def _edge_colour(picture: Image.Image) -> tuple[int, int, int] | None:
    """The one colour of a picture's edge; None where it has several."""
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.float32)
    if edge.std(axis=0).max() > PLAIN_LEVELS:
        return None
    red, green, blue = (int(level) for level in np.median(edge, axis=0))
    return red, green, blue


def _soft(size: Size) -> Image.Image:
    """White, and darker towards its edge."""
    border = max(1, round(min(size) * SOFT_SHARE))
    mask = Image.new("L", size, 0)
    mask.paste(255, (border, border, size[0] - border, size[1] - border))
    return mask.filter(ImageFilter.BoxBlur(border - 1))


def _blurred(picture: Image.Image, size: Size) -> Image.Image:
    """It fills `size`, unsharp and darker; made small, where blurring costs little."""
    small = (max(1, size[0] // 4), max(1, size[1] // 4))
    ground = picture.resize(small, Image.Resampling.BICUBIC, box=_cover(picture, size[0] / size[1]))
    dimmed = ground.filter(ImageFilter.GaussianBlur(size[1] * BLUR_SHARE / 4)).point(lambda level: int(level * DIMMED))
    return dimmed.resize(size, Image.Resampling.BICUBIC)


def _cover(picture: Image.Image, ratio: float) -> tuple[float, float, float, float]:
    """The middle of a picture that has the shape `ratio`, width to height."""
    width, height = min(picture.width, picture.height * ratio), min(picture.height, picture.width / ratio)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    return left, top, left + width, top + height

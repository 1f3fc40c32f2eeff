"""The size of a picture: sides that a model can draw, more canvas around it, and a part of it drawn anew. Opens no file."""

import numpy
from PIL import Image, ImageChops, ImageFilter

from pipelines.errors.requests import NoMargins
from pipelines.pictures.files import Size, check_size

FEATHER_PIXELS = 3

Margins = tuple[int, int, int, int]


def enlarge(picture: Image.Image, margins: Margins) -> tuple[Image.Image, Image.Image]:
    """(`picture` on a canvas with margins left, top, right, bottom, the mask of the new part). Raises NoMargins.

    The margins are filled with the picture's edge, drawn out: a better start than a flat colour.
    """
    left, top, right, bottom = margins
    if not any(margins):
        raise NoMargins()
    check_size(picture.width + left + right, picture.height + top + bottom, "the result")
    filled = numpy.pad(numpy.asarray(picture), ((top, bottom), (left, right), (0, 0)), mode="edge")
    mask = Image.new("L", (filled.shape[1], filled.shape[0]), 255)
    mask.paste(0, (left, top, left + picture.width, top + picture.height))
    return Image.fromarray(filled), mask


def overlay(drawn: Image.Image, original: Image.Image, mask: Image.Image) -> Image.Image:
    """`drawn` where `mask` is white, and every other pixel of `original` untouched; the border is soft on the inside."""
    soft = ImageChops.darker(mask, mask.filter(ImageFilter.GaussianBlur(FEATHER_PIXELS)))
    return Image.composite(drawn.resize(original.size, Image.Resampling.LANCZOS), original, soft)


def fit(size: Size, pixels: int, multiple: int) -> Size:
    """The size with the proportions of `size` and about `pixels` pixels, its sides multiples of `multiple`."""
    width, height = size
    scale = (pixels / (width * height)) ** 0.5
    return round_to(round(width * scale), multiple), round_to(round(height * scale), multiple)


def round_to(side: int, multiple: int) -> int:
    """The multiple that is nearest to `side`, and one at least."""
    return max(1, (side + multiple // 2) // multiple) * multiple

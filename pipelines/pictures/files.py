"""Opens a picture that somebody brought, and says in plain words why one is not opened.

By content, never by name; the size is looked at before a pixel is decoded. Whatever comes (16 bits, CMYK, a palette, an
animation, a phone's rotation, transparency) leaves as 8-bit RGB, upright. Knows no model.
"""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy
from PIL import Image, ImageChops, ImageOps

from pipelines.errors.requests import EmptyMask, PictureTooLarge, UnreadablePicture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
LIMIT_BYTES = 64_000_000
LIMIT_MEGAPIXELS = 64
LONGEST_SIDE = 4096  # what is larger is scaled down: no model draws more
HALF = 127  # of a mask's levels: what is above is white
# What Pillow raises on damaged and hostile files, its own errors among them.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError, struct.error, zlib.error)

Size = tuple[int, int]


def open_picture(source: Path | bytes, name: str = "") -> Image.Image:
    """RGB, upright, at most LONGEST_SIDE pixels a side; what is transparent is white.

    `name` is what the person calls the file. Raises UnreadablePicture or PictureTooLarge.
    """
    picture = _open(source, name)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def open_mask(source: Path | bytes, size: Size, name: str = "") -> Image.Image:
    """L, of `size`, white where to draw: what is light in the file, or where all is dark what is opaque.

    Raises UnreadablePicture, PictureTooLarge or EmptyMask.
    """
    picture = _open(source, name)
    if picture.mode == "RGBA":
        alpha = picture.getchannel("A")
        light = ImageChops.multiply(picture.convert("L"), alpha)
        mask = light if any(light.histogram()[HALF + 1 :]) or alpha.getextrema() == (255, 255) else alpha
    else:
        mask = picture.convert("L")
    mask = mask.resize(size, Image.Resampling.NEAREST).point(lambda level: 255 if level > HALF else 0)
    if not mask.getbbox():
        raise EmptyMask()
    return mask


def check_size(width: int, height: int, name: str) -> None:
    """Raises PictureTooLarge."""
    if width * height > LIMIT_MEGAPIXELS * 1_000_000:
        raise PictureTooLarge(name=name, width=width, height=height, limit=LIMIT_MEGAPIXELS)


def _open(source: Path | bytes, name: str) -> Image.Image:
    """RGB, RGBA or L, of one frame."""
    name = name or (source.name if isinstance(source, Path) else "the picture")
    # 1 Its bytes
    try:
        data = source if isinstance(source, bytes) else _read(source)
    except OSError as error:
        raise UnreadablePicture(name=name, reason=error.strerror or str(error)) from error
    if not data:
        raise UnreadablePicture(name=name, reason="it is empty")
    if len(data) > LIMIT_BYTES:
        raise UnreadablePicture(name=name, reason="it is larger than 64 MB")

    # 2 Its header: what it is, and how large it would be
    try:
        picture: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(name=name, reason="it has more than 64 megapixels") from error
    except DAMAGED as error:
        raise UnreadablePicture(name=name, reason="it is no picture, whatever its name says") from error
    check_size(*picture.size, name)

    # 3 Its pixels, of the first frame, the right way up
    try:
        picture.load()
        picture = ImageOps.exif_transpose(picture)
        picture = _in_8_bits(picture)
    except DAMAGED as error:
        raise UnreadablePicture(name=name, reason="it is damaged") from error
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return picture


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LIMIT_BYTES + 1)


def _in_8_bits(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        levels = numpy.asarray(picture).astype(numpy.float64)  # of FORMATS only PNG has more than 8 bits, and then 16
        return Image.fromarray((levels.clip(0, 65535) * 255 / 65535).astype(numpy.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")

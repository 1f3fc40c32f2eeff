"""Other files of a picture that is kept: a small one for lists, other formats. Knows no library.

Files of the library are PNG, which loses nothing.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.provenance import pictures

THUMBNAIL_PIXELS = 384
FORMATS = ("webp", "jpeg")


def thumbnail(image: Any) -> bytes:
    """A picture as a WebP file of at most THUMBNAIL_PIXELS on its longer side."""
    small = image.copy()
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    data = BytesIO()
    small.save(data, "WEBP", quality=85)
    return data.getvalue()


def convert(path: Path, recipe: dict, file_format: str) -> bytes:
    """The picture at `path` as "png", "webp" or "jpeg", recipe inside."""
    with Image.open(path, formats=["PNG"]) as image:
        return pictures.encode(image, recipe, file_format)

"""The recipe inside a picture, and the settings that other studios put there.

    PNG         iTXt "aigc-studio-recipe"; Copyright names the model's licence, as EXIF does below
    WebP, JPEG  EXIF UserComment: "aigc-studio-recipe", a line break, the JSON

Sources: https://www.w3.org/TR/png-3/#11textinfo, Exif 2.32 §4.6.5. A PNG is read chunk by chunk, so that what stands
behind its pixels is found and no pixel is decoded. It knows pixels and text, and no requests.
"""

import json
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

Format = Literal["png", "webp", "jpeg"]

KEYWORD = "aigc-studio-recipe"
LIMIT_BYTES = 64_000_000
LIMIT_TEXT_BYTES = 8_000_000
LIMIT_CHUNKS = 100_000
EXIF_LIMIT_BYTES = 60_000  # of the 65,533 that a JPEG segment holds
QUALITY = 95

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PARAMETERS = "parameters"  # the keyword under which A1111 and its kin write theirs
EXIF_IFD, USER_COMMENT, COPYRIGHT, SOFTWARE = 0x8769, 0x9286, 0x8298, 0x0131
UNICODE, ASCII = b"UNICODE\0", b"ASCII\0\0\0"


@dataclass(frozen=True)
class Found:
    """Text out of a picture: our recipe as JSON, and A1111's parameters; "" where there is none."""

    recipe: str = ""
    parameters: str = ""


def looks_like(data: bytes) -> bool:
    """Whether `data` begins as a PNG, a JPEG or a WebP file does."""
    return data.startswith((PNG_MAGIC, b"\xff\xd8\xff")) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")


# ── into a picture ────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(image: Any, recipe: dict, file_format: str) -> bytes:
    """The PIL picture as a file with the recipe inside. `file_format` is a Format. Raises ValueError for another.

    A recipe with tens of thousands of characters of prompt does not fit into a JPEG; it is left out of that.
    """
    # 1 The recipe and the licence
    text = json.dumps(recipe, ensure_ascii=False)
    licence = licence_line(recipe)

    # 2 Into the place that the format has for it
    file = BytesIO()
    if file_format == "png":
        info = PngInfo()
        info.add_itxt(KEYWORD, text, zip=len(text) > 1000)
        info.add_itxt("Software", f"AIGC Studio {recipe.get('studio', '')}".strip())
        if licence:
            info.add_itxt("Copyright", licence)
        image.save(file, "PNG", pnginfo=info)
    elif file_format == "webp":
        image.save(file, "WEBP", quality=QUALITY, method=4, exif=_exif(text, licence))
    elif file_format == "jpeg":
        image.convert("RGB").save(file, "JPEG", quality=QUALITY, subsampling=0, exif=_exif(text, licence))
    else:
        raise ValueError(f"unknown format: {file_format}")
    return file.getvalue()


def licence_line(recipe: dict) -> str:
    """Whom to name beside the picture: the model, its licence and its attribution, on one line; "" where none is known."""
    model = recipe.get("model")
    if not isinstance(model, dict) or not model.get("licence"):
        return ""
    parts = (f"made with {model.get('name', '')}", model["licence"], model.get("licence_url"), model.get("attribution"))
    return " · ".join(str(part) for part in parts if part)


def _exif(text: str, licence: str) -> bytes:
    comment = f"{KEYWORD}\n{text}".encode("utf-16-be")
    if len(comment) > EXIF_LIMIT_BYTES:
        comment = f"{KEYWORD}\n{b64encode(zlib.compress(text.encode(), 9)).decode()}".encode("utf-16-be")
    exif = Image.Exif()
    exif[SOFTWARE] = "AIGC Studio"
    if licence:
        exif[COPYRIGHT] = licence.encode()  # as text Pillow would write it in ASCII, with a "?" for every other letter
    if len(comment) <= EXIF_LIMIT_BYTES:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = UNICODE + comment
    return exif.tobytes()


# ── out of a picture ──────────────────────────────────────────────────────────────────────────────────────────────────


def read(data: bytes) -> Found:
    """What text there is in the file `data`. Never raises: what is damaged or too large is not there."""
    if not data.startswith(PNG_MAGIC):
        return _told(_user_comment(data))
    recipe = parameters = ""
    for keyword, text in _png_texts(data):
        if keyword == KEYWORD:
            recipe = text
        elif keyword.lower() == PARAMETERS:
            parameters = text
    return Found(recipe, parameters)


def _told(comment: str) -> Found:
    """A UserComment is ours or somebody else's."""
    head, line_break, body = comment.partition("\n")
    if head != KEYWORD or not line_break:
        return Found(parameters=comment)
    if body.startswith("{"):
        return Found(recipe=body)
    try:
        packed = zlib.decompressobj()
        return Found(recipe=packed.decompress(b64decode(body, validate=True), LIMIT_TEXT_BYTES).decode())
    except (ValueError, zlib.error):
        return Found(recipe=body)


def _png_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """(keyword, text) of every text chunk, before and behind the pixels."""
    at = len(PNG_MAGIC)
    for _ in range(LIMIT_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if len(body) < length or length > LIMIT_TEXT_BYTES:
            continue
        keyword, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            yield keyword.decode("latin-1"), _decoded(rest)
        elif kind == b"zTXt":
            yield keyword.decode("latin-1"), _decoded(_unpacked(rest[1:]))
        elif kind == b"iTXt" and len(rest) >= 2:
            text = rest[2:].split(b"\0", 2)[-1]
            yield keyword.decode("latin-1"), _decoded(_unpacked(text) if rest[0] else text)


def _unpacked(data: bytes) -> bytes:
    """At most LIMIT_TEXT_BYTES of it: a chunk of a few kilobytes can claim gigabytes."""
    try:
        return zlib.decompressobj().decompress(data, LIMIT_TEXT_BYTES)
    except zlib.error:
        return b""


def _decoded(data: bytes) -> str:
    """UTF-8, which many write where the standard says Latin-1, else that."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _user_comment(data: bytes) -> str:
    """The EXIF UserComment of a JPEG or WebP file; "" where there is none that can be read."""
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "WEBP")) as image:
            comment = image.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    except (
        UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error,
        Image.DecompressionBombError, AttributeError, RecursionError,
    ):  # fmt: skip
        return ""
    if isinstance(comment, str):
        return comment
    if not isinstance(comment, bytes) or len(comment) > LIMIT_TEXT_BYTES:
        return ""
    if comment.startswith(UNICODE):
        return _utf_16(comment[len(UNICODE) :])
    return _decoded(comment.removeprefix(ASCII)).rstrip("\0")


def _utf_16(data: bytes) -> str:
    """In the byte order in which it has line breaks, spaces and Latin letters: writers differ, and none says."""
    is_little = data[1::2].count(0) > data[0::2].count(0)
    return data.decode("utf-16-le" if is_little else "utf-16-be", errors="replace").rstrip("\0")

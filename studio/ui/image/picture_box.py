"""The box that holds the picture a request starts from, and the mask painted over it. Its script is assets/js/image.js.

Its value is what stands in the browser: {"picture", "mask", "source"}, data URLs and the id of the creation that the
picture is. Nothing of it is kept on the server.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.errors.requests import UnreadablePicture
from studio.ui.safe import escape
from studio.ui.words import WORDS

TOOLS = ("choose", "input", "brush", "eraser", "brush_size", "undo", "clear", "other", "remove")
LARGEST_BYTES = 50_000_000
WITH_BRUSH = "with-brush"
EMPTY: dict[str, str] = {"picture": "", "mask": "", "source": ""}

TOO_LARGE = "it is larger than 50 MB"
NO_PICTURE = "it is no picture"


@dataclass(frozen=True)
class Boxed:
    """What stands in the box: files of any picture format, None where there is none."""

    picture: bytes | None = None
    mask: bytes | None = None
    source: str = ""

    @staticmethod
    def read(value: object) -> "Boxed":
        """Raises UnreadablePicture for a value that no box of ours made."""
        data = value if isinstance(value, Mapping) else {}
        source = data.get("source")
        return Boxed(
            picture=bytes_of(data["picture"], "picture") if data.get("picture") else None,
            mask=bytes_of(data["mask"], "mask") if data.get("mask") else None,
            source=source if isinstance(source, str) else "",
        )


def bytes_of(url: object, name: str) -> bytes:
    """The bytes of a data URL. Raises UnreadablePicture."""
    _, comma, data = str(url).partition(";base64,")
    if len(data) > LARGEST_BYTES * 4 // 3 + 4:
        raise UnreadablePicture(name=name, reason=TOO_LARGE)
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadablePicture(name=name, reason=NO_PICTURE) from error
    if not comma or not content:
        raise UnreadablePicture(name=name, reason=NO_PICTURE)
    return content


def url_of(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def boxed(picture: bytes, mask: bytes | None = None, source: str = "") -> dict[str, str]:
    """The value of a box with these PNG files in it."""
    return {"picture": url_of(picture), "mask": url_of(mask) if mask else "", "source": source}


def picture_box(elem_id: str) -> gr.HTML:
    """With the class WITH_BRUSH a mask is painted. Its event `upload` tells {"name", "data", "size"} of a chosen file."""
    words = json.dumps({tool: WORDS[f"box_{tool}"] for tool in TOOLS})
    return gr.HTML(
        dict(EMPTY),
        html_template=f'<div class="picture-box" data-words="{escape(words)}"></div>',
        js_on_load="window.studioPictureBox(element, props, trigger, watch)",
        elem_id=elem_id,
        visible=False,
    )


def uploaded(event: gr.EventData) -> tuple[str, bytes]:
    """The name and the bytes of a chosen file. Raises UnreadablePicture."""
    data: Any = event._data if isinstance(event._data, dict) else {}
    name = str(data.get("name") or "picture")
    size = data.get("size")
    if isinstance(size, int | float) and size > LARGEST_BYTES:
        raise UnreadablePicture(name=name, reason=TOO_LARGE)
    return name, bytes_of(data.get("data"), name)

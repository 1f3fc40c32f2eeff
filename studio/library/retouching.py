"""Crop, turn, flip and resize a picture of the library, into a new one that names the first as its parent."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from PIL import Image

from pipelines.errors.access import NotFound
from pipelines.errors.requests import SettingOutOfRange
from pipelines.pictures.files import open_picture
from pipelines.provenance import pictures
from studio.library.creations import Creations
from studio.library.pictures import thumbnail

LARGEST_PIXELS = 8192

_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
_FLIPS = {"horizontal": Image.Transpose.FLIP_LEFT_RIGHT, "vertical": Image.Transpose.FLIP_TOP_BOTTOM}


@dataclass(frozen=True)
class Retouch:
    """Changes to a picture, done in this order: crop, turn, flip, resize.

    `crop` is what is taken away (left, top, right, bottom, in pixels); `turn` is degrees clockwise; of `width` and
    `height` one may be None, which keeps the shape.
    """

    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    turn: Literal[0, 90, 180, 270] = 0
    flips: tuple[Literal["horizontal", "vertical"], ...] = ()
    width: int | None = None
    height: int | None = None

    @staticmethod
    def read(crop: Sequence[str], turn: object, flips: Sequence[object], width: str, height: str) -> "Retouch":
        """Out of boxes: an empty one is none, and what is no whole number is out of every range."""
        left, top, right, bottom = (_whole(text) or 0 for text in crop)
        return Retouch(
            (left, top, right, bottom),
            turn if turn in (0, *_TURNS) else 0,  # type: ignore[arg-type]
            tuple(flip for flip in _FLIPS if flip in flips),  # type: ignore[misc]
            _whole(width),
            _whole(height),
        )

    def check(self, size: tuple[int, int]) -> None:
        """Raises SettingOutOfRange where nothing of a picture of `size` (width, height) would be left, or too much."""
        left, top, right, bottom = self.crop
        for name, values, length in (("crop", (left, right), size[0]), ("crop", (top, bottom), size[1])):
            for value in values:
                if value < 0 or sum(values) >= length:
                    raise SettingOutOfRange(setting=name, value=value, low=0, high=length - 1)
        for name, pixels in (("width", self.width), ("height", self.height)):
            if pixels is not None and not 1 <= pixels <= LARGEST_PIXELS:
                raise SettingOutOfRange(setting=name, value=pixels, low=1, high=LARGEST_PIXELS)

    def apply(self, image: Any) -> Any:
        """Raises SettingOutOfRange."""
        self.check(image.size)
        left, top, right, bottom = self.crop
        image = image.crop((left, top, image.width - right, image.height - bottom))
        if self.turn:
            image = image.transpose(_TURNS[self.turn])
        for flip in self.flips:
            image = image.transpose(_FLIPS[flip])
        if self.width or self.height:
            width = self.width or max(1, round(image.width * (self.height or 0) / image.height))
            height = self.height or max(1, round(image.height * width / image.width))
            image = image.resize((min(width, LARGEST_PIXELS), min(height, LARGEST_PIXELS)), Image.Resampling.LANCZOS)
        return image


def save_retouched(creations: Creations, owner: str, creation_id: str, retouch: Retouch) -> str:
    """The id of the new creation. Its recipe is the first one's with what was done since under "retouched".

    Raises NotFound, SettingOutOfRange, DiskFull or ReadOnlyHome.
    """
    creation = creations.get(owner, creation_id)
    if creation.kind != "image":
        raise NotFound(thing="picture")
    image = retouch.apply(open_picture(creations.path(owner, creation_id)))
    before = creation.recipe.get("retouched")
    recipe = {**creation.recipe, "retouched": [*(before if isinstance(before, list) else []), asdict(retouch)]}
    data = pictures.encode(image, recipe, "png")
    parts = {"thumbnail": thumbnail(image)}
    made = creations.save_file(
        owner, "image", data, recipe, creation.title, creation.job_id, (creation_id,), parts=parts
    )
    creations.index(owner, made)
    return made


def _whole(text: str) -> int | None:
    text = str(text or "").strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1

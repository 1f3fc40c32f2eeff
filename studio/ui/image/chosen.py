"""What a person chose on the left side of the Image tab, as one value, and the request that it makes. Knows no gradio.

It comes back from the browser's own storage, from boxes that take any text, and from recipes: `read` takes nothing on
trust. An empty box means what suits the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast, get_args

from pipelines.types.adapter import Adapter
from pipelines.types.image import ImageRequest, ImageTask
from pipelines.types.model import ImageDefaults

IMAGE_TASKS: tuple[ImageTask, ...] = get_args(ImageTask)
SHAPES = {"1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4), "16:9": (16, 9), "9:16": (9, 16)}
OWN_SHAPE = "own"
SIDE_MULTIPLE = 8  # pixels; what the autoencoders of image models ask for at least
SIDES = ("left", "top", "right", "bottom")
WITH_STRENGTH = ("image-to-image", "inpaint")
WITH_SIZE = ("text-to-image",)
SLIDERS = 8  # for the first numbers of what a model without words makes a picture of

_WHOLE = ("width", "height", "steps", "seed", "toward", *SIDES)


@dataclass(frozen=True)
class ImageChosen:
    """The settings as the page shows them. Numbers that may be left out are texts of boxes: "" is none."""

    mode: ImageTask = "text-to-image"
    prompt: str = ""
    negative_prompt: str = ""
    model: str = ""
    shape: str = "1:1"
    width: str = ""
    height: str = ""
    count: int = 1
    steps: str = ""
    guidance_scale: str = ""
    scheduler: str = ""
    strength: float = 0.75
    left: str = ""
    top: str = ""
    right: str = ""
    bottom: str = ""
    factor: int = 2
    seed: str = ""
    adapters: str = ""
    latent: str = ""
    toward: str = ""
    place: str = ""
    private: bool = False

    @staticmethod
    def read(data: object) -> "ImageChosen":
        """What of `data` is usable; the rest has its default. Values out of range are left for the request to refuse."""
        if not isinstance(data, Mapping):
            return ImageChosen()
        taken: dict[str, Any] = {}
        for field in fields(ImageChosen):
            value: Any = data.get(field.name)
            default: Any = field.default
            is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
            if isinstance(default, bool | str):
                if isinstance(value, type(default)):
                    taken[field.name] = value
            elif is_number and abs(value) < 2**31:
                taken[field.name] = type(default)(value)
        if taken.get("mode") not in IMAGE_TASKS:
            taken.pop("mode", None)
        if taken.get("shape") not in (*SHAPES, OWN_SHAPE):
            taken.pop("shape", None)
        return ImageChosen(**taken)

    @staticmethod
    def of_request(request: ImageRequest) -> "ImageChosen":
        """The settings that made a picture."""
        left, top, right, bottom = (_shown(pixels or None) for pixels in request.margins)
        return ImageChosen(
            mode=request.task,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            model=request.model,
            shape=OWN_SHAPE if request.width or request.height else "1:1",
            width=_shown(request.width),
            height=_shown(request.height),
            count=request.count,
            steps=_shown(request.steps),
            guidance_scale=_shown(request.guidance_scale),
            scheduler=request.scheduler,
            strength=request.strength,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            factor=request.factor,
            seed=_shown(request.seed),
            adapters="\n".join(f"{one.source} {one.weight:g}" for one in request.adapters),
            latent=",".join(f"{number:g}" for number in request.latent),
            toward=_shown(request.toward),
            place=",".join(f"{number:g}" for number in request.place),
        )

    def request(self) -> ImageRequest:
        """What is asked of the model, without its files. What stands in a box and is no number is out of every range."""
        numbers = {name: _whole(getattr(self, name)) for name in _WHOLE}
        margins = tuple(numbers[side] or 0 for side in SIDES) if self.mode == "outpaint" else (0, 0, 0, 0)
        has_size = self.mode in WITH_SIZE
        return ImageRequest(
            model=self.model.strip(),
            task=self.mode,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            width=numbers["width"] if has_size else None,
            height=numbers["height"] if has_size else None,
            count=self.count,
            steps=numbers["steps"],
            guidance_scale=_number(self.guidance_scale),
            scheduler=self.scheduler,
            strength=self.strength,
            margins=cast(tuple[int, int, int, int], margins),
            factor=self.factor,
            seed=numbers["seed"],
            adapters=read_adapters(self.adapters),
            latent=read_latent(self.latent),
            toward=numbers["toward"],
            place=read_place(self.place),
        )


def read_adapters(text: str) -> tuple[Adapter, ...]:
    """One adapter a line: where it is, and its weight if it is not 1."""
    adapters = []
    for line in filter(None, map(str.strip, text.splitlines())):
        source, _, last = line.rpartition(" ")
        weight = _finite(last)
        adapters.append(Adapter(line) if weight is None or not source else Adapter(source.strip(), weight))
    return tuple(adapters)


def read_latent(text: str) -> tuple[float, ...]:
    """As the sliders have it: numbers with commas between them; nothing where all are 0."""
    numbers = tuple(_finite(part) or 0.0 for part in text.split(",")[:SLIDERS])
    return numbers if any(numbers) else ()


def read_place(text: str) -> tuple[float, ...]:
    """As a map has it: x,y or x,y,x,y; nothing where it is anything else."""
    numbers = [_finite(part) for part in text.split(",")[:5]]
    found = tuple(number for number in numbers if number is not None)
    return found if len(found) in (2, 4) and len(found) == len(numbers) else ()


def size_of(shape: str, defaults: ImageDefaults | None) -> tuple[str, str]:
    """Width and height, as texts, that have a shape and about as many pixels as suit the model; "" for its own size."""
    base = defaults or ImageDefaults(512, 512, 20, 7.0)
    across, down = SHAPES.get(shape, (base.width, base.height))
    if across * base.height == down * base.width:
        return "", ""
    side = (base.width * base.height / (across * down)) ** 0.5
    width, height = (max(SIDE_MULTIPLE, round(side * part / SIDE_MULTIPLE) * SIDE_MULTIPLE) for part in (across, down))
    return str(width), str(height)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _whole(text: str) -> int | None:
    """Empty is none. What is no whole number becomes -1, which every range refuses."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1


def _number(text: str) -> float | None:
    """Empty is none. What is no number becomes -1, which every range refuses."""
    number = _finite(text)
    return -1.0 if number is None and text.strip() else number


def _finite(text: str) -> float | None:
    """The number that a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None

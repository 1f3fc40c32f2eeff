"""Pictures: what is asked, what a pipeline hands to a model, what comes out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.errors.requests import MissingPicture, PromptTooLong, SettingOutOfRange
from pipelines.types.adapter import Adapter
from pipelines.types.fields import PROMPT_LIMIT_CHARACTERS, STAYS, one_line

ImageTask = Literal["text-to-image", "image-to-image", "inpaint", "outpaint", "edit", "upscale"]


@dataclass(frozen=True)
class ImageRequest:
    """Pictures out of words, of a picture, or of both.

    What is None or "" is what suits the model: its own size, steps, guidance scale and scheduler. Picture number i of
    `count` is drawn from seed + i. `image` is needed by every task but text-to-image, `mask` (white: draw here) by
    inpaint. `strength` is how far image-to-image and inpaint may leave the picture; `margins` (left, top, right,
    bottom, in pixels) is what outpaint adds; `factor` is what upscale multiplies width and height by.

    Of a model without words, which makes a picture of some numbers: `latent` is added to the first of them. With `toward`, another
    seed, the pictures go from the numbers of `seed` to those of `toward` in equal steps. Of one with a map, `place` is (x, y) on it,
    which is one picture and no seed's, or (x, y, x, y): they go from the one to the other; a single one is the other.
    """

    model: str
    task: ImageTask = "text-to-image"
    prompt: str = ""
    negative_prompt: str = ""
    image: str = ""
    mask: str = ""
    width: int | None = None
    height: int | None = None
    count: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str = ""
    strength: float = 0.75
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    factor: int = 2
    seed: int | None = None
    adapters: tuple[Adapter, ...] = ()
    latent: tuple[float, ...] = ()
    toward: int | None = None
    place: tuple[float, ...] = ()

    kind = "image"
    lane = "long"
    FILES = ("image", "mask")
    RANGES = {
        "width": (8, 4096),
        "height": (8, 4096),
        "count": (1, 64),
        "steps": (1, 500),
        "guidance_scale": (0.0, 50.0),
        "strength": (0.01, 1.0),
        "factor": (2, 8),
        "seed": (0, 2**32 - 1),
        "toward": (0, 2**32 - 1),
    }
    LATENT_RANGE = (-4.0, 4.0)

    def check(self) -> None:
        """Raises PromptTooLong, MissingPicture or SettingOutOfRange. An empty prompt is for models without words."""
        length = len(self.prompt) + len(self.negative_prompt)
        if length > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=length, limit=PROMPT_LIMIT_CHARACTERS)
        if self.task != "text-to-image" and not self.image:
            raise MissingPicture(what="picture")
        if self.task == "inpaint" and not self.mask:
            raise MissingPicture(what="mask")
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)
        for value in self.margins:
            if not 0 <= value <= 2048:
                raise SettingOutOfRange(setting="margins", value=value, low=0, high=2048)
        low, high = self.LATENT_RANGE
        for setting in ("latent", "place"):
            for value in getattr(self, setting):
                if not low <= value <= high:
                    raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)
        if len(self.place) not in (0, 2, 4):
            raise SettingOutOfRange(setting="place", value=len(self.place), low=2, high=4)
        for adapter in self.adapters:
            adapter.check()

    def title(self) -> str:
        """One line by which a person knows this request again."""
        return one_line(self.prompt)


@dataclass(frozen=True)
class Drawing:
    """What a pipeline hands to an image model: one batch, with every setting known.

    Picture number i comes from `seeds[i]`. `image` is a PIL picture in RGB and `mask` one in L (white: draw here), both
    of (request.width, request.height); to be upscaled it has its own size. `on_unread` is told the end of the prompt
    that the model did not read.
    """

    request: ImageRequest
    seeds: tuple[int, ...]
    image: Any = None
    mask: Any = None
    on_unread: Callable[[str], None] = lambda words: None


@dataclass(frozen=True)
class ImageResult:
    """Pictures, each of (width, height), with every setting that was really used, so that they can be made again.

    `request` is the request with its blanks filled in. `images` are PIL pictures in RGB or RGBA and stay in their
    process. `seconds` is the work without loading, `steps_done` counts denoising steps over all batches. `withheld` are
    the numbers (from 0) of pictures that a safety checker inside the model kept back, `unread` the end of the prompt
    that its text encoders did not read.
    """

    model: str
    request: ImageRequest
    width: int
    height: int
    finish_reason: Literal["stop", "cancelled"]
    steps_done: int
    seconds: float
    seconds_load: float = 0.0
    withheld: tuple[int, ...] = ()
    unread: str = ""
    images: tuple[Any, ...] = field(default=(), compare=False, metadata=STAYS)

    kind = "image"

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which of `request.count` each of `images` is."""
        return tuple(n for n in range(len(self.images) + len(self.withheld)) if n not in self.withheld)

    @property
    def steps_per_second(self) -> float:
        return self.steps_done / self.seconds if self.seconds > 0 else 0.0


Look = Callable[[], Any]  # a PIL picture of how far a drawing has come, or None; costs a few milliseconds
OnStep = Callable[[int, int, Look], None]  # steps done, steps of this batch (0: before the first); may raise to stop it

"""Films by a model: what is asked, what a pipeline hands to a model, what comes out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.errors.requests import PromptTooLong, SettingOutOfRange
from pipelines.types.fields import PROMPT_LIMIT_CHARACTERS, STAYS, one_line

VideoTask = Literal["text-to-video", "image-to-video"]


@dataclass(frozen=True)
class VideoRequest:
    """A film out of words, or out of a picture that begins to move.

    What is None is what suits the model: its own size, number of frames, steps and guidance scale. `image` is a file; with
    one, the film begins with it.
    """

    model: str
    prompt: str = ""
    negative_prompt: str = ""
    image: str = ""
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None

    kind = "video"
    lane = "long"
    adapters = ()
    FILES = ("image",)
    RANGES = {
        "width": (16, 1920),
        "height": (16, 1920),
        "frames": (1, 513),
        "steps": (1, 200),
        "guidance_scale": (0.0, 50.0),
        "seed": (0, 2**32 - 1),
    }

    @property
    def task(self) -> VideoTask:
        return "image-to-video" if self.image else "text-to-video"

    def check(self) -> None:
        """Raises PromptTooLong or SettingOutOfRange. An empty prompt is for a picture that moves by itself."""
        length = len(self.prompt) + len(self.negative_prompt)
        if length > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=length, limit=PROMPT_LIMIT_CHARACTERS)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return one_line(self.prompt)


@dataclass(frozen=True)
class Shot:
    """What a pipeline hands to a video model: every setting known; `image` is a PIL picture in RGB of the film's size.

    `on_unread` is told the end of the prompt that the model did not read.
    """

    request: VideoRequest
    image: Any = None
    on_unread: Callable[[str], None] = lambda words: None


@dataclass(frozen=True)
class VideoResult:
    """An MP4 file (H.264, silent) of `frames` pictures, with every setting that was really used; `poster` is a PIL picture.

    `seconds` is the work without loading, `seconds_film` how long it lasts, `unread` the end of the prompt that was not read.
    """

    model: str
    request: VideoRequest
    finish_reason: Literal["stop", "cancelled"]
    frames: int
    frame_rate: float
    steps_done: int
    seconds: float
    seconds_load: float = 0.0
    unread: str = ""
    film: bytes = field(default=b"", compare=False, metadata=STAYS)
    poster: object = field(default=None, compare=False, metadata=STAYS)

    kind = "video"

    @property
    def seconds_film(self) -> float:
        return self.frames / self.frame_rate if self.frame_rate else 0.0

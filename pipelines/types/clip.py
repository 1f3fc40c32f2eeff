"""Films without a model: pictures one after the other become a film, and a film becomes pictures."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.film import FilmTooLong, NoFilm, NoPictures, TooManyPictures
from pipelines.errors.requests import SettingOutOfRange
from pipelines.types.fields import STAYS, one_line
from pipelines.types.film import LIMIT_SECONDS

Join = Literal["cut", "fade", "flow"]
MOST_PICTURES = 100


@dataclass(frozen=True)
class ClipRequest:
    """Pictures as a film: each stands still for `seconds`, and goes over into the next in `join_seconds`.

    `join` says how: "cut" at once, "fade" through each other, "flow" by moving what is seen in one to where it is in the
    next. Two pictures, no seconds and "flow" make one smooth movement. `width` and `height` None: those of the first picture.
    """

    pictures: tuple[str, ...] = ()
    seconds: float = 2.0
    join: Join = "cut"
    join_seconds: float = 0.5
    frame_rate: int = 25
    width: int | None = None
    height: int | None = None
    title_text: str = ""
    model: str = ""  # none is asked

    kind = "clip"
    task = "frames-to-film"
    lane = "long"
    adapters = ()
    FILES = ("pictures",)
    RANGES: ClassVar = {
        "seconds": (0.0, 600.0),
        "join_seconds": (0.0, 60.0),
        "frame_rate": (1, 60),
        "width": (16, 1920),
        "height": (16, 1920),
    }

    @property
    def seconds_join(self) -> float:
        return 0.0 if self.join == "cut" else self.join_seconds

    @property
    def seconds_film(self) -> float:
        return len(self.pictures) * self.seconds + (len(self.pictures) - 1) * self.seconds_join

    def check(self) -> None:
        """Raises NoPictures, TooManyPictures, SettingOutOfRange or FilmTooLong."""
        if not any(self.pictures):
            raise NoPictures()
        if len(self.pictures) > MOST_PICTURES:
            raise TooManyPictures(count=len(self.pictures), limit=MOST_PICTURES)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)
        if self.seconds_film > LIMIT_SECONDS:
            raise FilmTooLong(minutes=self.seconds_film / 60, limit=LIMIT_SECONDS / 60)
        if self.seconds_film * self.frame_rate < 1:
            raise SettingOutOfRange(setting="seconds", value=self.seconds, low=1 / self.frame_rate, high=600.0)

    def title(self) -> str:
        return one_line(self.title_text)


@dataclass(frozen=True)
class ClipResult:
    """An MP4 file (H.264, silent) of `frames` pictures; `poster` is a PIL picture."""

    request: ClipRequest
    finish_reason: Literal["stop", "cancelled"]
    frames: int
    seconds_film: float
    seconds: float
    model: str = ""
    film: bytes = field(default=b"", compare=False, metadata=STAYS)
    poster: object = field(default=None, compare=False, metadata=STAYS)

    kind = "clip"


@dataclass(frozen=True)
class FramesRequest:
    """Pictures out of a film: one every `every_seconds` from its beginning, or `count` of them, evenly spread, where that is given."""

    film: str = ""
    every_seconds: float = 1.0
    count: int | None = None
    title_text: str = ""
    model: str = ""  # none is asked

    kind = "frames"
    task = "film-to-frames"
    lane = "long"
    adapters = ()
    FILES = ("film",)
    RANGES: ClassVar = {"every_seconds": (0.02, 3600.0), "count": (1, MOST_PICTURES)}

    def check(self) -> None:
        """Raises NoFilm or SettingOutOfRange."""
        if not self.film:
            raise NoFilm()
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return one_line(self.title_text)


@dataclass(frozen=True)
class FramesResult:
    """`times` are seconds from the beginning of a film of `seconds_film`; `images` the pictures there, as PNG files."""

    request: FramesRequest
    finish_reason: Literal["stop", "cancelled"]
    seconds_film: float
    times: tuple[float, ...]
    seconds: float
    model: str = ""
    images: tuple[bytes, ...] = field(default=(), compare=False, metadata=STAYS)

    kind = "frames"

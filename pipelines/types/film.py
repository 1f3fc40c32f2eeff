"""Film: a story told in scenes, and the film that is made of its pictures and narrations."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.film import EmptyScene, FilmTooLong, NoScenes, TooManyScenes
from pipelines.errors.requests import EmptyPrompt, PromptTooLong, SettingOutOfRange
from pipelines.types.fields import STAYS, one_line
from pipelines.types.speech import Sentence

Shape = Literal["16:9", "9:16", "1:1"]
SIZES: dict[Shape, tuple[int, int]] = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}
LIMIT_SCENES = 24
LIMIT_CHARACTERS = 2_000  # of a theme, and of the text of a scene: two minutes of speech
LIMIT_SECONDS = 900.0  # of a film: it and its sound are in memory until it is whole


@dataclass(frozen=True)
class Scene:
    """What is said in a scene, and what is seen in it.

    `prompt` "" is made of the text. `take` 2 is another picture of the same words, and so on. `picture` is a creation of the library to be seen in
    place of one that is drawn.
    """

    text: str = ""
    prompt: str = ""
    take: int = 1
    picture: str = ""


@dataclass(frozen=True)
class StoryRequest:
    """A story as a film. Where there are no `scenes`, `count` of them are written about `theme`.

    `task` "write" ends with the scenes. `model` writes, `painter` draws, `speaker` narrates with `voice` ("" of a speaker: nobody
    does), `composer` writes the music beneath ("": none). `seed` is for all of them; None: one is drawn.
    """

    model: str = ""
    task: Literal["write", "story-film"] = "story-film"
    theme: str = ""
    scenes: tuple[Scene, ...] = ()
    count: int = 4
    painter: str = ""
    speaker: str = ""
    voice: str = ""
    composer: str = ""
    shape: Shape = "16:9"
    seed: int | None = None

    kind = "story"
    lane = "flow"
    adapters = ()
    FILES = ()
    RANGES: ClassVar = {"count": (1, LIMIT_SCENES), "seed": (0, 2**32 - 1)}

    def check(self) -> None:
        """Raises EmptyPrompt, PromptTooLong, SettingOutOfRange, TooManyScenes or EmptyScene."""
        if not self.scenes and not self.theme.strip():
            raise EmptyPrompt()
        if len(self.scenes) > LIMIT_SCENES:
            raise TooManyScenes(count=len(self.scenes), limit=LIMIT_SCENES)
        for text in (self.theme, *(words for scene in self.scenes for words in (scene.text, scene.prompt))):
            if len(text) > LIMIT_CHARACTERS:
                raise PromptTooLong(length=len(text), limit=LIMIT_CHARACTERS)
        for number, scene in enumerate(self.scenes, 1):
            if not (scene.text.strip() or scene.prompt.strip() or scene.picture):
                raise EmptyScene(number=number)
            if not 1 <= scene.take <= 9999:
                raise SettingOutOfRange(setting="take", value=scene.take, low=1, high=9999)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)

    def title(self) -> str:
        return one_line(self.theme or next((scene.text for scene in self.scenes if scene.text), ""))


@dataclass(frozen=True)
class Shown:
    """A scene on its way: the ids of the picture and the narration that are there already, and what is being made."""

    scene: Scene
    picture: str = ""
    narration: str = ""
    doing: Literal["", "picture", "narration"] = ""


@dataclass(frozen=True)
class Board:
    """The story board as it stands: each one is whole, the newest counts."""

    scenes: tuple[Shown, ...]

    kind = "board"


@dataclass(frozen=True)
class StoryResult:
    """The request with its scenes and its seed, the parts of each scene, and the film ("" where there is none)."""

    request: StoryRequest
    finish_reason: Literal["stop", "cancelled"]
    scenes: tuple[Shown, ...]
    film: str
    seconds: float
    model: str = ""

    kind = "story"


@dataclass(frozen=True)
class Cut:
    """A scene of a film: what is said in its narration and when, from where that begins. Without one it lasts `seconds`, and
    what would be said is read.
    """

    sentences: tuple[Sentence, ...] = ()
    seconds: float = 4.0


@dataclass(frozen=True)
class FilmRequest:
    """Pictures that move a little and fade into each other, each with its narration, music beneath, subtitles.

    `pictures[i]` and `narrations[i]` ("" for none) are the files of `cuts[i]`. `story` is what they were made for.
    """

    cuts: tuple[Cut, ...]
    pictures: tuple[str, ...]
    narrations: tuple[str, ...]
    music: str = ""
    width: int = 1280
    height: int = 720
    title_text: str = ""
    story: StoryRequest | None = None
    model: str = ""  # none is asked

    kind = "film"
    task = "film"
    lane = "long"
    adapters = ()
    FILES = ("pictures", "narrations", "music")
    RANGES: ClassVar = {"width": (64, 1920), "height": (64, 1920)}

    def check(self) -> None:
        """Raises NoScenes, TooManyScenes, EmptyScene, FilmTooLong or SettingOutOfRange."""
        if not self.cuts:
            raise NoScenes()
        if len(self.cuts) > LIMIT_SCENES:
            raise TooManyScenes(count=len(self.cuts), limit=LIMIT_SCENES)
        for number in range(1, len(self.cuts) + 1):
            if not any(self.pictures[number - 1 : number]):
                raise EmptyScene(number=number)
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if not low <= value <= high or value % 2:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)
        seconds = sum(cut.seconds for cut in self.cuts)
        if seconds > LIMIT_SECONDS:
            raise FilmTooLong(minutes=seconds / 60, limit=LIMIT_SECONDS / 60)

    def title(self) -> str:
        return one_line(self.title_text)


@dataclass(frozen=True)
class FilmResult:
    """An MP4 file (H.264, AAC, subtitles as a track) with the sentences as they are heard in it; `poster` is a PIL picture."""

    request: FilmRequest
    finish_reason: Literal["stop", "cancelled"]
    seconds_film: float
    seconds: float
    segments: tuple[Sentence, ...] = ()
    model: str = ""
    film: bytes = field(default=b"", compare=False, metadata=STAYS)
    poster: object = field(default=None, compare=False, metadata=STAYS)

    kind = "film"

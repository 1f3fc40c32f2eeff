"""Finding: what is to lie in the common space of pictures, words and sounds, and where it lies."""

import base64
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy

from pipelines.errors.requests import MalformedRequest, PromptTooLong
from pipelines.types.adapter import Adapter
from pipelines.types.fields import one_line

LIMIT_CHARACTERS = 8000
MOST_THINGS = 64
SENTENCES, TOGETHER, EARS, EYES = "all-minilm-l6-v2", "picture-word-sound", "whisper-base", "icon-names"


@dataclass(frozen=True)
class EmbedRequest:
    """Things to be looked for, or to look with: number n is `texts[n]`, `images[n]`, `sounds[n]`, "" where it has none.

    `model` is for sentences, `together` for all three kinds. `is_asked`: a person asks with this, so what is said in a sound
    is written down as well.
    """

    model: str = SENTENCES
    together: str = TOGETHER
    texts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    is_asked: bool = False

    kind = "embed"
    task = "embed"
    lane = "quick"
    adapters: tuple[Adapter, ...] = ()
    FILES = ("images", "sounds")

    def check(self) -> None:
        """Raises MalformedRequest or PromptTooLong."""
        if not len(self.texts) == len(self.images) == len(self.sounds):
            raise MalformedRequest(reason="a thing has a text, an image and a sound, each of which may be empty")
        if not 1 <= len(self.texts) <= MOST_THINGS:
            raise MalformedRequest(reason=f"one to {MOST_THINGS} things at once")
        for text in self.texts:
            if len(text) > LIMIT_CHARACTERS:
                raise PromptTooLong(length=len(text), limit=LIMIT_CHARACTERS)

    def title(self) -> str:
        return one_line(self.texts[0]) if self.texts else ""


@dataclass(frozen=True)
class Vectors:
    """Where one thing lies: its text among sentences, and its words, its picture and its sound among all three kinds.

    Each is float16, little-endian, of length 1, in base64; "" where there is nothing. `heard` is what is said in its sound, `seen`
    what its picture seems to show, in every language that whoever looked knows.
    """

    sentence: str = ""
    words: str = ""
    picture: str = ""
    sound: str = ""
    heard: str = ""
    seen: str = ""

    SPACES: ClassVar = ("sentence", "words", "picture", "sound")

    def arrays(self) -> dict[str, Any]:
        """NumPy float32 by space, those that it has."""
        packed = {space: getattr(self, space) for space in self.SPACES}
        return {
            space: numpy.frombuffer(base64.b64decode(data), "<f2").astype(numpy.float32)
            for space, data in packed.items()
            if data
        }


def packed(vector: Any) -> str:
    """A NumPy vector as `Vectors` has it."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


@dataclass(frozen=True)
class EmbedResult:
    """As many vectors as there were things, in their order; fewer when it was cancelled.

    `likeness` says by two kinds in alphabetical order, as "picture-words", below which cosine two vectors have nothing in
    common and above which they mean the same.
    """

    model: str
    vectors: tuple[Vectors, ...]
    seconds: float
    likeness: dict[str, tuple[float, float]] = field(default_factory=dict)
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "embed"

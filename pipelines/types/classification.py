"""What is on a picture, or of which class a text or a sound is: what is asked, and how likely each class is."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import EmptyPrompt, MissingPicture, MissingSound, PromptTooLong
from pipelines.types.adapter import Adapter

ClassifyTask = Literal["classify", "classify-text", "classify-sound"]


@dataclass(frozen=True)
class ClassifyRequest:
    """A picture, to be told by a model that knows classes. `image` is a file."""

    model: str
    image: str = ""

    kind = "classify"
    task = "classify"
    lane = "quick"
    adapters: tuple[Adapter, ...] = ()
    FILES = ("image",)

    def check(self) -> None:
        """Raises MissingPicture."""
        if not self.image:
            raise MissingPicture(what="picture")

    def title(self) -> str:
        return self.model


SOUND_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class ClassifySoundRequest:
    """A sound of up to SOUND_LIMIT_SECONDS, to be told by a model that knows classes of sounds. `audio` is any file that can be
    read as sound."""

    model: str
    audio: str = ""

    kind = "classify-sound"
    task = "classify-sound"
    lane = "quick"
    adapters: tuple[Adapter, ...] = ()
    FILES = ("audio",)

    def check(self) -> None:
        """Raises MissingSound."""
        if not self.audio:
            raise MissingSound()

    def title(self) -> str:
        return self.model


@dataclass(frozen=True)
class Likelihood:
    """How likely a class is, 0 … 1."""

    label: str
    probability: float


@dataclass(frozen=True)
class ClassifyResult:
    """The likeliest classes of a picture or a sound, the first one first. `looked_at` is a PNG as base64 of what the network saw,
    of a sound its spectrogram, redder where it spoke for the first class; "" where the network has no such map."""

    model: str
    likelihoods: tuple[Likelihood, ...]
    seconds: float
    looked_at: str = ""
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "classify"


TEXT_LIMIT_CHARACTERS = 20_000


@dataclass(frozen=True)
class ClassifyTextRequest:
    """A text, to be told by a model that knows classes of texts. It is not kept."""

    model: str
    text: str = ""

    kind = "classify-text"
    task = "classify-text"
    lane = "quick"
    adapters: tuple[Adapter, ...] = ()
    FILES = ()

    def check(self) -> None:
        """Raises EmptyPrompt, PromptTooLong."""
        if not self.text.strip():
            raise EmptyPrompt()
        if len(self.text) > TEXT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=len(self.text), limit=TEXT_LIMIT_CHARACTERS)

    def title(self) -> str:
        return self.model


@dataclass(frozen=True)
class Span:
    """A piece of a text as it was written. `weight` is by how much it raised the log-odds of the likeliest class, below 0 lowered
    it; None for what was not read."""

    text: str
    weight: float | None


@dataclass(frozen=True)
class ClassifyTextResult:
    """The likeliest classes, the first one first, and the whole text in pieces."""

    model: str
    likelihoods: tuple[Likelihood, ...]
    seconds: float
    spans: tuple[Span, ...] = ()
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "classify-text"

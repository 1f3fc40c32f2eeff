"""What is on a picture: what is asked, and how likely each class is."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import MissingPicture
from pipelines.types.adapter import Adapter


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


@dataclass(frozen=True)
class Likelihood:
    """How likely a class is, 0 … 1."""

    label: str
    probability: float


@dataclass(frozen=True)
class ClassifyResult:
    """The likeliest classes, the first one first. `looked_at` is a PNG as base64 of what the network saw, redder where it
    spoke for the first class; "" where the network has no such map."""

    model: str
    likelihoods: tuple[Likelihood, ...]
    seconds: float
    looked_at: str = ""
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "classify"

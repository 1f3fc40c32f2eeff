"""A model into memory beforehand: what is asked, what comes out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LoadRequest:
    """A model into memory before anybody asks it something; `is_pinned` keeps it there."""

    model: str
    is_pinned: bool = False

    kind = "load"
    lane = "long"
    FILES = ()

    def check(self) -> None:
        """Nothing can be wrong that loading would not say better."""

    def title(self) -> str:
        return self.model


@dataclass(frozen=True)
class LoadResult:
    """A model is in memory."""

    model: str
    size_bytes: int
    seconds: float
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "load"

"""An adapter merged into its base: what is asked, what comes out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MergeRequest:
    """A language model and the name of an adapter that was trained over it here: both become one model of its own."""

    model: str
    adapter: str

    kind = "merge"
    lane = "long"
    FILES = ()

    def check(self) -> None:
        """Nothing can be wrong that merging would not say better."""

    def title(self) -> str:
        return self.adapter


@dataclass(frozen=True)
class MergeResult:
    """`model` is the id under which it stands in the catalog; "" where it was cancelled."""

    model: str
    seconds: float
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "merge"

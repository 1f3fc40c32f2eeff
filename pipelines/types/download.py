"""A hub model's files onto this machine: what is asked, what comes out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DownloadRequest:
    """The files of a hub model onto this machine, as `revision`; with the part that an earlier try has left."""

    model: str
    revision: str = "main"

    kind = "download"
    lane = "download"
    FILES = ()

    def check(self) -> None:
        """Nothing can be wrong that the hub would not say better."""

    def title(self) -> str:
        return self.model


@dataclass(frozen=True)
class DownloadResult:
    """The commit that is on this machine now, and how many bytes of it this download brought."""

    model: str
    revision: str
    size_bytes: int
    new_bytes: int
    seconds: float
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "download"

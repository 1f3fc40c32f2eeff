"""A hub model's files onto this machine: what is asked, what comes out."""

import re
from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import NoRevision

MAX_REVISION_BYTES = 200  # it becomes a file name
# What git takes for a branch or a tag, or a commit: https://git-scm.com/docs/git-check-ref-format
REVISION = re.compile(
    r"(?!-|@$)(?!.*(?:\.\.|@\{|\.(?:/|$)|\.lock(?:/|$)))(?!\.)(?!.*/\.)[^\s~^:?*\[\\/]+(?:/[^\s~^:?*\[\\/]+)*"
)


@dataclass(frozen=True)
class DownloadRequest:
    """The files of a hub model onto this machine, as `revision`; with the part that an earlier try has left."""

    model: str
    revision: str = "main"

    kind = "download"
    lane = "download"
    FILES = ()

    def check(self) -> None:
        """Whether there can be such a model, the hub says better. Raises NoRevision: it becomes a file's name here."""
        revision = self.revision
        is_short = len(revision.encode(errors="replace")) <= MAX_REVISION_BYTES
        if not (is_short and revision.isprintable() and REVISION.fullmatch(revision)):
            raise NoRevision(revision=revision[:60])

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

"""Data sets of one's own: one of the hub is fetched, the pictures of one are captioned. What is asked, what comes out."""

import re
from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import MalformedRequest, NoRevision
from pipelines.types.download import MAX_REVISION_BYTES, REVISION
from pipelines.types.fields import one_line

HUB_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class FetchDataRequest:
    """The files of a hub data set, `name` as its page shows it, examined and kept as one of the person's own."""

    name: str
    revision: str = "main"
    model: str = ""  # none is asked

    kind = "fetch_data"
    lane = "flow"
    FILES = ()

    def check(self) -> None:
        """Raises MalformedRequest or NoRevision."""
        if not HUB_NAME.fullmatch(self.name):
            raise MalformedRequest(reason=f"no name of a data set: {self.name[:100]!r}")
        is_short = len(self.revision.encode(errors="replace")) <= MAX_REVISION_BYTES
        if not (is_short and self.revision.isprintable() and REVISION.fullmatch(self.revision)):
            raise NoRevision(revision=self.revision[:60])

    def title(self) -> str:
        return self.name


@dataclass(frozen=True)
class FetchDataResult:
    """`dataset` is the id of what was kept, "" where too little of it was good: `found` defects in `count` good rows. `commit` is
    the revision that was fetched."""

    dataset: str
    commit: str
    count: int
    found: int
    finish_reason: Literal["stop", "cancelled"] = "stop"
    model: str = ""

    kind = "fetch_data"


@dataclass(frozen=True)
class CaptionDataRequest:
    """What `model` says of the pictures of the data set `dataset`, as their captions: of those without one, of those that a model
    has captioned, and with `overwrite` also of those where a person wrote one."""

    dataset: str
    model: str
    language: str = "en"
    overwrite: bool = False
    name: str = ""  # what the data set is called

    kind = "caption_data"
    lane = "flow"
    FILES = ()

    def check(self) -> None:
        """Raises MalformedRequest. Whether there is such a data set and such a model, who does it knows."""
        if not re.fullmatch(r"own_[0-9a-f]{16}", self.dataset):
            raise MalformedRequest(reason="no id of a data set")
        if self.language not in LANGUAGES:
            raise MalformedRequest(reason=f"a language is one of {', '.join(LANGUAGES)}")
        if not self.model:
            raise MalformedRequest(reason="no model is named")

    def title(self) -> str:
        return one_line(self.name) or self.model


@dataclass(frozen=True)
class CaptionDataResult:
    """`written` pictures were captioned; of `unknown` ones the model knew nothing, `kept` had a caption that stays."""

    dataset: str
    written: int
    unknown: int
    kept: int
    finish_reason: Literal["stop", "cancelled"] = "stop"
    model: str = ""

    kind = "caption_data"

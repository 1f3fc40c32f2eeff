"""What a pipeline says on its way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pipelines.types.fields import STAYS
from pipelines.types.film import Board
from pipelines.types.sound import Heard
from pipelines.types.training import Metrics, Sampled


@dataclass(frozen=True)
class Loading:
    """A stage of bringing the model in: `done` of `total` (bytes when downloading, bytes or tensors of weights; 0 unknown)."""

    stage: Literal["download", "convert", "weights", "ready"]
    model: str
    done: int = 0
    total: int = 0

    kind = "loading"


@dataclass(frozen=True)
class Plan:
    """What is about to be done so that `model` fits, before it is done.

    `other` is the model that is dropped ("drops"), parked in RAM ("parks") or waited for ("waits"); or the form in which
    `model` itself is loaded ("shrinks": "half", "int8", "int4", "disk"). "asks" asks other processes to give memory
    back. `size_bytes` is what that frees, or what the form takes; `seconds` how long it will take, 0 where nobody knows.
    """

    model: str
    action: Literal["drops", "parks", "waits", "asks", "shrinks"]
    other: str = ""
    size_bytes: int = 0
    seconds: float = 0.0

    kind = "plan"


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of the work itself, such as prompt tokens read."""

    done: int
    total: int
    unit: str

    kind = "progress"


@dataclass(frozen=True)
class Token:
    """More text of the answer; joined in order the tokens are the answer."""

    text: str

    kind = "token"


@dataclass(frozen=True)
class Preview:
    """How a picture looks after `step` of `total` steps, roughly. The JPEG stays in its process, `file` names where it went."""

    step: int
    total: int
    file: str = ""
    jpeg: bytes = field(default=b"", compare=False, metadata=STAYS)

    kind = "preview"


Event = Loading | Plan | Progress | Token | Preview | Heard | Board | Metrics | Sampled
OnEvent = Callable[[Event], None]
IsCancelled = Callable[[], bool]


def ignore(event: Event) -> None:
    """The `on_event` of a caller who only wants the result."""


def never() -> bool:
    """The `is_cancelled` of a caller who waits for the end."""
    return False

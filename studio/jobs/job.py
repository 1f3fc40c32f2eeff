"""What is told of a job: the job itself, its place in the queue, and what happened to it. Knows no folder and no process."""

from dataclasses import dataclass

from pipelines.errors.base import StudioError
from pipelines.types.crossing import Request, Result, from_json
from pipelines.types.events import Event
from studio.jobs.admission import Wait
from studio.jobs.folder import End, State


@dataclass(frozen=True)
class Job:
    """What a person may know of a job of theirs. The result and the error are read from its folder."""

    id: str
    owner: str
    request: Request
    state: State
    keep: bool
    created: float
    started: float | None = None
    ended: float | None = None
    result: Result | None = None
    error: StudioError | None = None
    creation_ids: tuple[str, ...] = ()
    conversation_id: str | None = None
    node_id: str | None = None

    @property
    def title(self) -> str:
        return self.request.title()

    @property
    def is_ended(self) -> bool:
        return self.state not in ("queued", "running")


@dataclass(frozen=True)
class Place:
    """Where a queued job stands: how many have their turn before it, and the wait learnt on this machine, if known.

    `lacks` is of a training whose turn it is: the memory that it waits for.
    """

    ahead: int
    eta_seconds: float | None
    lacks: Wait | None = None


@dataclass(frozen=True)
class JobEvent:
    """One thing that happened. `data` is a Place ("place"), a pipeline's event, an End ("end"), or None ("started")."""

    kind: str
    time: float
    data: Event | Place | End | None


def event_of(line: dict) -> JobEvent | None:
    """What a line of `events.jsonl` tells; None for one of another version."""
    if line["kind"] in ("queued", "started"):
        return JobEvent(line["kind"], line["time"], None)
    try:
        return JobEvent(line["kind"], line["time"], from_json("event", line))
    except ValueError:
        return None

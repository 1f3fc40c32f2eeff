"""Whether one more training fits beside those at work: what is free in the ledger has to cover its forecast. Knows no queue.

The first one starts in any case, and asks idle models for their room itself. Each further one is let in when all before it have
reserved theirs and the rest is enough; until then it waits, and nobody overtakes it.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from pipelines.loading.memory.measure import Store
from studio.jobs.ledger import Room, read_room

log = logging.getLogger("studio.jobs")


@dataclass(frozen=True)
class Wait:
    """What a training waits for: so much memory, of which so much is free; nothing is lacking where another one is just starting."""

    needed_bytes: int
    free_bytes: int


class Admission:
    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger

    def look(self, store: Store) -> Room:
        """What is free now. It may take a while, where a process that has stopped holds the ledger: to be asked without a lock."""
        try:
            return read_room(self._ledger, store)
        except OSError:  # the disk does not answer: the next look tells
            log.exception("the ledger could not be read")
            return Room(0, 0)

    def wait(self, needed_bytes: int, room: Room, at_work: int) -> Wait | None:
        """None: one that needs so much may start beside `at_work` others."""
        if at_work == 0 or (room.runs >= at_work and room.free_bytes >= needed_bytes):
            return None
        return Wait(needed_bytes, room.free_bytes)

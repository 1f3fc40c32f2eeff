"""Who may have how much memory. The cache asks before a model comes and says when it goes; here is the answer for a script.

A studio's processes share one ledger in its home (`studio/jobs/ledger.py`); a script has this process's own. It knows no
model: a reservation has a number, a name for people, and bytes.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from pipelines.loading.memory.measure import Store


@dataclass(frozen=True)
class Reservation:
    """`size_bytes` are taken, of which `resident_bytes` are filled already: what is measured as free lacks only those."""

    name: str
    size_bytes: int
    resident_bytes: int = 0


class Ledger(Protocol):
    """What the cache asks of one. Every method may be called from any thread."""

    def reserve(self, number: int, name: str, size_bytes: int) -> int:
        """Takes `size_bytes` for `number` when they are free. Returns how many are lacking; 0: they are taken."""

    def resize(self, number: int, name: str, size_bytes: int, resident_bytes: int) -> None:
        """What `number` really takes. Is never refused: it has happened."""

    def release(self, number: int) -> None:
        """Gives `number` back; nothing when it holds nothing."""

    def excess(self) -> int:
        """By how many bytes all reservations together exceed what may be taken; 0: they do not."""

    def most(self) -> int:
        """The most that this process could have if it gave back all it has."""

    def holder(self) -> str:
        """Who else has reserved the most; "" where nobody has."""

    def asking(self, size_bytes: int) -> AbstractContextManager[bool]:
        """While the block lasts, other processes are asked to give `size_bytes` back. False: there are none to ask."""


def lacking(size_bytes: int, taken: Iterable[Reservation], budget_bytes: int | None, free_bytes: int | None) -> int:
    """How many of `size_bytes` are not to be had beside `taken`, by the budget and by what is measured as free."""
    rows = list(taken)
    by_budget = 0 if budget_bytes is None else sum(row.size_bytes for row in rows) + size_bytes - budget_bytes
    unfilled = sum(max(row.size_bytes - row.resident_bytes, 0) for row in rows)
    by_measure = 0 if free_bytes is None else unfilled + size_bytes - free_bytes
    return max(by_budget, by_measure, 0)


class OwnLedger:
    """The ledger of a process that shares with nobody. None: no budget, or nothing measured."""

    def __init__(
        self,
        budget_bytes: int | None = None,
        free_bytes: Callable[[], int] | None = None,
        store: Store = "ram",
    ) -> None:
        self._budget_bytes = budget_bytes
        self._free_bytes = free_bytes
        self._taken: dict[int, Reservation] = {}
        self._lock = Lock()

    def reserve(self, number: int, name: str, size_bytes: int) -> int:
        with self._lock:
            taken = [row for other, row in self._taken.items() if other != number]
            lacks = lacking(size_bytes, taken, self._budget_bytes, self._free_bytes and self._free_bytes())
            if not lacks:
                self._taken[number] = Reservation(name, size_bytes)
            return lacks

    def resize(self, number: int, name: str, size_bytes: int, resident_bytes: int) -> None:
        with self._lock:
            self._taken[number] = Reservation(name, size_bytes, resident_bytes)

    def release(self, number: int) -> None:
        with self._lock:
            self._taken.pop(number, None)

    def excess(self) -> int:
        with self._lock:
            return lacking(0, self._taken.values(), self._budget_bytes, None)

    def most(self) -> int:
        with self._lock:
            bounds = [] if self._budget_bytes is None else [self._budget_bytes]
            if self._free_bytes is not None:
                bounds.append(self._free_bytes() + sum(row.resident_bytes for row in self._taken.values()))
            return min(bounds, default=2**63 - 1)

    def holder(self) -> str:
        return ""

    def asking(self, size_bytes: int) -> AbstractContextManager[bool]:
        return nullcontext(False)

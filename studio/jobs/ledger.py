"""The one ledger of memory: what every process of a studio has reserved, in RAM and on the GPUs. Knows no model.

    <home>/ledger/
      lock                held while anybody reads or writes the books
      budget.json         how much models may take of each store
      <store>-<pid>-<n>   the page of one process for one store, who holds it by flock as long as it lives

So a reservation dies with its process, however that ends, and nobody has to tidy up. A process that finds too little puts
a wish on its page; each of the others answers by giving back what it does not use. Needs no torch.
"""

import fcntl
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pipelines.errors.memory import MemoryReserved
from pipelines.loading.memory import measure
from pipelines.loading.memory.ledger import Reservation, lacking
from pipelines.loading.memory.measure import Store
from pipelines.types.events import IsCancelled, never
from studio.files import storage_errors, write_whole

ENGINE = "the engine"  # how people call the process whose models answer
RUN = "a training run"
POLL_SECONDS = 0.1
USUAL_SHARE = 0.7  # of a machine's RAM, where no worker has said yet what the budget is

log = logging.getLogger("studio.ledger")


@dataclass(frozen=True)
class Page:
    """What a living process has written: who it is, its reservations, and how much it wishes others to give back."""

    file: str
    who: str
    gives_way: bool = False
    rows: dict[int, Reservation] = field(default_factory=dict)
    wish_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(row.size_bytes for row in self.rows.values())


@dataclass(frozen=True)
class Room:
    """What one more process could reserve of a store now, and how many training runs have reserved theirs."""

    free_bytes: int
    runs: int


class Ledger:
    """One process's page of one store: a Ledger as the cache wants it (pipelines/loading/memory/ledger.py)."""

    def __init__(
        self,
        folder: Path,
        who: str,
        store: Store,
        budget_bytes: int | None = None,
        free_bytes: Callable[[], int] | None = None,
        *,
        gives_way: bool = False,
    ) -> None:
        """`who` is what people call this process. `budget_bytes` becomes everybody's; None: what another process said.
        `free_bytes` measures. With `gives_way` it promises to look at `wishes`. Raises DiskFull or ReadOnlyHome.
        """
        self._folder = folder
        self._who = who
        self._store: Store = store
        self._free_bytes = free_bytes or (lambda: measure.free_bytes(store))
        self._gives_way = gives_way
        self._rows: dict[int, Reservation] = {}
        self._wish_bytes = 0
        self._seen: set[tuple[str, int]] = set()
        self._threads = threading.Lock()
        self._name = f"{store}-{os.getpid()}-{secrets.token_hex(4)}"
        with storage_errors(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = (folder / "lock").open("ab")
            with self._locked():
                self._page = (folder / self._name).open("xb", buffering=0)
                fcntl.flock(self._page, fcntl.LOCK_EX)
                self._write()
                if budget_bytes is not None:
                    budgets = {**_read_budgets(folder), store: budget_bytes}
                    write_whole(folder / "budget.json", json.dumps(budgets).encode())

    def close(self) -> None:
        """Everything that this process has reserved is free."""
        with self._locked():
            (self._folder / self._name).unlink(missing_ok=True)
            self._page.close()
        self._lock.close()

    # ── what the cache asks ──────────────────────────────────────────────────────────────────────────────────────────

    def reserve(self, number: int, name: str, size_bytes: int) -> int:
        """See pipelines/loading/memory/ledger.py, as for the next five."""
        with self._locked():
            others = [row for page in self._others() for row in page.rows.values()]
            own = [row for other, row in self._rows.items() if other != number]
            lacks = lacking(size_bytes, [*others, *own], self._budget(), self._free_bytes())
            if not lacks:
                self._rows[number] = Reservation(name, size_bytes)
                self._write()
            return lacks

    def resize(self, number: int, name: str, size_bytes: int, resident_bytes: int) -> None:
        with self._locked():
            self._rows[number] = Reservation(name, size_bytes, resident_bytes)
            self._write()

    def release(self, number: int) -> None:
        with self._locked():
            if self._rows.pop(number, None) is not None:
                self._write()

    def excess(self) -> int:
        with self._locked():
            return max(self._size_bytes() + sum(page.size_bytes for page in self._others()) - self._budget(), 0)

    def most(self) -> int:
        with self._locked():
            others = self._others()
            resident = sum(row.resident_bytes for row in self._rows.values())
            by_budget = self._budget() - sum(page.size_bytes for page in others)
            return max(min(by_budget, self._free_bytes() + resident - _unfilled(others)), 0)

    def unclaimed(self) -> int:
        """What is measured as free and nobody else has reserved: as much this process may have, budget or not."""
        with self._locked():
            return max(self._free_bytes() - _unfilled(self._others()), 0)

    def holder(self) -> str:
        with self._locked():
            pages = [page for page in self._others() if page.size_bytes]
            return max(pages, key=lambda page: page.size_bytes).who if pages else ""

    @contextmanager
    def asking(self, size_bytes: int) -> Iterator[bool]:
        with self._locked():
            is_heard = any(page.gives_way and page.size_bytes for page in self._others())
            self._wish_bytes = size_bytes if is_heard else 0
            self._write()
        try:
            yield is_heard
        finally:
            with self._locked():
                self._wish_bytes = 0
                self._write()

    # ── what else a process does ─────────────────────────────────────────────────────────────────────────────────────

    def wished_bytes(self) -> int:
        """What other processes ask for and was not told here before."""
        with self._locked():
            wishes = {(page.file, page.wish_bytes) for page in self._others() if page.wish_bytes}
            fresh, self._seen = wishes - self._seen, wishes
            return sum(size for _, size in fresh)

    @contextmanager
    def holding(
        self, name: str, size_bytes: int, timeout_seconds: float = 30.0, is_cancelled: IsCancelled = never
    ) -> Iterator[Callable[[int], None]]:
        """`size_bytes` for as long as the block lasts, for a process without a cache such as a training run.

        The block is handed what it calls with the bytes that it really holds; more than `size_bytes` raises its page.
        Others are asked to give back what they do not use, and get `timeout_seconds` for it. Raises MemoryReserved.
        """
        number = secrets.randbits(62)
        deadline = time.monotonic() + timeout_seconds
        while (lacks := self.reserve(number, name, size_bytes)) > 0:
            with self.asking(lacks) as is_heard:
                while is_heard and self.most() < size_bytes and time.monotonic() < deadline and not is_cancelled():
                    time.sleep(POLL_SECONDS)
            if self.most() < size_bytes:
                holder = self.holder() or "other programs"
                raise MemoryReserved(model=name, needed_gb=size_bytes / 1e9, free_gb=self.most() / 1e9, holder=holder)
        try:
            yield lambda held: self.resize(number, name, max(size_bytes, held), held)
        finally:
            self.release(number)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _others(self) -> list[Page]:
        return [page for page in _living(self._folder, self._store) if page.file != self._name]

    def _size_bytes(self) -> int:
        return sum(row.size_bytes for row in self._rows.values())

    def _budget(self) -> int:
        return budget_of(self._folder, self._store)

    def _write(self) -> None:
        """In place: nobody reads without the lock, and who is killed in the middle is dead. A full disk stops no work."""
        rows = [[number, row.name, row.size_bytes, row.resident_bytes] for number, row in self._rows.items()]
        about = {"who": self._who, "gives_way": self._gives_way, "rows": rows, "wish_bytes": self._wish_bytes}
        data = json.dumps(about).encode()
        try:
            self._page.seek(0)
            self._page.write(data)
            self._page.truncate(len(data))
        except OSError as error:
            log.warning("others do not see what this process has reserved: %s", error)


def read_ledger(folder: Path) -> dict[str, dict[str, Any]]:
    """For the page, by store: the budget, what is loaded and reserved by whom, and for RAM what other programs hold.

    `{"ram": {"budget_bytes", "taken_bytes", "free_bytes", "total_bytes", "others_bytes", "processes":
    [{"who", "size_bytes", "models": [{"name", "size_bytes"}]}]}}`; a store that nobody uses is left out.
    """
    if not (folder / "lock").exists():
        return {}
    told: dict[str, dict[str, Any]] = {}
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for store in get_args(Store):
            pages = _living(folder, store)
            if pages or store in _read_budgets(folder):
                told[store] = _summary(store, pages, budget_of(folder, store))
    return told


def read_room(folder: Path, store: Store) -> Room:
    """For who is about to start a run. What is free on GPUs only their driver knows: there the budget alone counts."""
    if not (folder / "lock").exists():
        return Room(0, 0)
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pages, budget = _living(folder, store), budget_of(folder, store)
    free = budget - sum(page.size_bytes for page in pages)
    if store == "ram":
        free = min(free, measure.free_bytes(store) - _unfilled(pages))
    return Room(max(free, 0), sum(page.who == RUN and bool(page.rows) for page in pages))


def _unfilled(pages: Sequence[Page]) -> int:
    """What is reserved there and still measured as free."""
    return sum(max(row.size_bytes - row.resident_bytes, 0) for page in pages for row in page.rows.values())


def _summary(store: Store, pages: list[Page], budget_bytes: int) -> dict[str, Any]:
    taken = sum(page.size_bytes for page in pages)
    summary: dict[str, Any] = {
        "budget_bytes": budget_bytes,
        "taken_bytes": taken,
        "free_bytes": max(budget_bytes - taken, 0),
        "processes": [
            {
                "who": page.who,
                "size_bytes": page.size_bytes,
                "models": [{"name": row.name, "size_bytes": row.size_bytes} for row in page.rows.values()],
            }
            for page in pages
        ],
    }
    if store == "ram":  # what a GPU has only its driver knows
        total, free = measure.ram_bytes(), measure.free_bytes("ram")
        resident = sum(row.resident_bytes for page in pages for row in page.rows.values())
        summary["total_bytes"], summary["others_bytes"] = total, max(total - free - resident, 0)
        summary["free_bytes"] = min(summary["free_bytes"], free)
    return summary


def _living(folder: Path, store: Store) -> list[Page]:
    """The pages of all processes that live (the ledger's lock is held); those of dead ones are taken away."""
    pages = []
    for path in sorted(folder.glob(f"{store}-*-*")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pages.append(_read_page(path.name, file.read()))
            else:
                path.unlink(missing_ok=True)
    return pages


def _read_page(name: str, data: bytes) -> Page:
    """A page that cannot be read, of another version, holds nothing that is known."""
    try:
        about = json.loads(data)
        rows = {
            int(number): Reservation(str(what), int(size), int(filled)) for number, what, size, filled in about["rows"]
        }
        return Page(name, str(about["who"]), bool(about["gives_way"]), rows, int(about["wish_bytes"]))
    except (ValueError, KeyError, TypeError):
        return Page(name, "?")


def budget_of(folder: Path, store: Store) -> int:
    """How much all processes together may reserve."""
    budget = _read_budgets(folder).get(store)
    return int(USUAL_SHARE * measure.ram_bytes()) if budget is None else budget


def _read_budgets(folder: Path) -> dict[str, int]:
    try:
        budgets = json.loads((folder / "budget.json").read_bytes())
        return {store: int(size) for store, size in budgets.items() if store in get_args(Store)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}

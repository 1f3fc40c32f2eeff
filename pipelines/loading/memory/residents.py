"""The models that are in memory, and which of them go when another needs their room.

What nobody leases goes first, of that the one that costs least to bring back, and no more than needed: from a GPU into
RAM where there is room for it, else away. Then other processes are asked; what is in use is waited for. Every step is
told before it is taken. It loads nothing and knows no model family.

On a CPU nothing is parked: a model that is resident and idle there already is what parking could make of it.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Condition, get_ident
from typing import Any, Literal, Protocol

from pipelines.errors.memory import MemoryPinned, MemoryReserved, ModelTooLarge
from pipelines.loading.memory import measure
from pipelines.loading.memory.forecast import Forecast
from pipelines.loading.memory.ledger import Ledger
from pipelines.loading.memory.measure import Store
from pipelines.types.events import IsCancelled, OnEvent, Plan, ignore

POLL_SECONDS = 0.1
OTHERS_ANSWER_SECONDS = 10.0  # how long another process gets to give idle models back
PARKED_BYTES_PER_SECOND = 3e9  # from a GPU into pageable RAM over PCIe 3.0 × 16


class LoadCancelled(Exception):
    """Whoever wanted the model has pressed Stop. Internal: a pipeline turns it into a cancelled result."""


class Model(Protocol):
    """What is to be known of a model. A stale one (its engine broke) is dropped when its last lease ends.

    `size_bytes` is what it holds by its own count, with what it will not give back before it is closed. `park` moves it
    from a GPU into RAM and `unpark` back; a model that cannot be moved, such as a dispatched one, answers False.
    """

    size_bytes: int
    is_stale: bool

    def park(self) -> bool: ...
    def unpark(self) -> None: ...
    def close(self) -> None: ...


@dataclass(eq=False)
class Resident:
    """A model that is in memory, is coming, or is parked. Its fields change only under `Residents.changed`."""

    key: Hashable
    number: int
    name: str
    model: Any = None
    about: Any = None
    forecast: Forecast = field(default_factory=lambda: Forecast(0))
    took_bytes: int = 0  # as measured around its load
    load_seconds: float = 0.0
    last_used: float = 0.0
    holders: list[int] = field(default_factory=list)  # the threads that lease it
    is_moving: bool = True  # it loads, or is on its way from or to RAM
    is_parked: bool = False
    is_pinned: bool = False
    is_stale: bool = False
    is_abandoned: bool = False  # whoever loaded it did not want it any more; that says nothing about the model
    failure: BaseException | None = None
    listeners: list[OnEvent] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """What it holds; while somebody leases it, its working memory too; before it is loaded, all that is expected."""
        if self.model is None:
            return self.forecast.total_bytes
        return max(self.took_bytes, self.model.size_bytes) + (self.forecast.working_bytes if self.holders else 0)

    @property
    def may_go(self) -> bool:
        return not (self.is_moving or self.holders or self.is_pinned)


class Residents:
    """`ledger` says how much there is of `store`, where these models work; `ram` is the ledger of where they can park."""

    def __init__(self, ledger: Ledger, store: Store, ram: Ledger | None, clock: Callable[[], float]) -> None:
        self.by_key: dict[Hashable, Resident] = {}
        self.changed = Condition()
        self._ledger = ledger
        self._store = store
        self._ram = ram
        self._clock = clock
        self._changes = 0  # how often a model came, went, or was given back
        self._waiting: dict[int, int] = {}  # thread → after which of the changes it found nothing to go on with
        self._want_room: list[int] = []  # threads that do, and are told when all wait for each other
        self._leaving: list[Resident] = []  # out of the table, not yet out of memory
        self.works = 0  # how often work with a model has begun, or one was taken out of memory

    def tell_change(self) -> None:
        """Something came, went, or was given back (`changed` is held): whoever waits looks again."""
        self._changes += 1
        self.changed.notify_all()

    def wait(self) -> None:
        """For the next change, or a moment (`changed` is held). Until then this thread ends none of its leases: so much is
        known when another waits for those. After a change that is open until it has looked again."""
        thread, seen = get_ident(), self._changes
        self._waiting[thread] = seen
        try:
            self.changed.wait_for(lambda: self._changes != seen, POLL_SECONDS)
        finally:
            del self._waiting[thread]

    def work_beside(self, resident: Resident) -> int | None:
        """A number that stays the same for as long as what this process holds changes by `resident` alone; None while
        somebody works with another model or one goes."""
        with self.changed:
            is_worked = any(other.holders for other in self.by_key.values() if other is not resident)
            is_leaving = any(other is not resident for other in self._leaving)
            return None if is_worked or is_leaving else self.works

    def book(self, resident: Resident) -> None:
        """Writes down what it takes now."""
        ledger = self._ram if resident.is_parked and self._ram is not None else self._ledger
        ledger.resize(resident.number, resident.name, resident.size_bytes, resident.took_bytes)

    def most_bytes(self) -> int:
        return self._ledger.most()

    # ── room ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def make_room(self, resident: Resident, tell: OnEvent, is_cancelled: IsCancelled) -> None:
        """Reserves what `resident` will take. Raises ModelTooLarge where it cannot be had, LoadCancelled, and what `tell` raises."""
        self._want_room.append(get_ident())
        try:
            self._reserve(resident, tell, is_cancelled)
        finally:
            self._want_room.remove(get_ident())

    def _reserve(self, resident: Resident, tell: OnEvent, is_cancelled: IsCancelled) -> None:
        needed, waits_for = resident.size_bytes, ""
        while True:
            seen = self._changes
            lacks = self._ledger.reserve(resident.number, resident.name, needed)
            if lacks <= 0:
                return
            if is_cancelled():
                raise LoadCancelled
            # 1 More than this process could have, even when what loads and works here is done: perhaps others hold it
            lacks_all = needed - self._ledger.most()
            if lacks_all > self._unfilled(resident):
                if self._have_others_given(resident, tell, is_cancelled):
                    continue
                raise self._too_large(resident, self._ledger.most())
            # 2 What nobody uses
            if lacks_all <= 0 and self._one_goes(resident.name, tell):
                continue
            # 3 What is in use is waited for
            with self.changed:
                if seen != self._changes:
                    continue
                blocking = self._will_end(resident)
                if blocking is None:  # and now nothing is on its way any more, so that this answer is final
                    if self._ledger.reserve(resident.number, resident.name, needed) == 0:
                        return
                    raise self._stuck(resident)
            if blocking != waits_for:
                waits_for = blocking
                tell(Plan(resident.name, "waits", blocking, lacks))
            with self.changed:
                if seen == self._changes:
                    self.wait()

    def _unfilled(self, resident: Resident) -> int:
        """What others are loading, or need for their work, at most: some of it is held already and counted nowhere."""
        with self.changed:
            others = [other for other in self.by_key.values() if other is not resident and other.holders]
            expected = [one.forecast.total_bytes if one.model is None else one.forecast.working_bytes for one in others]
            return sum(expected)

    def _will_end(self, resident: Resident) -> str | None:
        """The name of another model that will leave or be given back (`changed` is held). None: all wait for each other.

        Who waits for its turn to load does not count: that comes, because nobody who loads waits for room. Nor does who
        holds a model and wants another, for one who holds none: of those one will be told, and give its own back.
        """
        thread = get_ident()
        waiting = {thread, *(one for one, seen in self._waiting.items() if seen == self._changes)}
        if not any(other.model is not None and thread in other.holders for other in self.by_key.values()):
            loaded = [other.holders for other in self.by_key.values() if other.model is not None]
            waiting -= {one for holders in loaded for one in holders if one in self._want_room}
        for other in (*self._leaving, *self.by_key.values()):
            is_on_its_way = other in self._leaving or (other.is_moving and not other.holders)
            if other is not resident and (is_on_its_way or not waiting.issuperset(other.holders)):
                return other.name
        return None

    def _stuck(self, resident: Resident) -> ModelTooLarge:
        """What to tell where room will not come by waiting (`changed` is held)."""
        others = [other for other in self.by_key.values() if other is not resident and not other.is_parked]
        free = self._ledger.most() - sum(other.size_bytes for other in others if other.model is not None)
        pinned = next((other.name for other in others if other.is_pinned), None)
        if pinned is None:
            return self._too_large(resident, free)
        needed = resident.size_bytes / 1e9
        return MemoryPinned(model=resident.name, needed_gb=needed, free_gb=max(free, 0) / 1e9, pinned=pinned)

    def _too_large(self, resident: Resident, free: int) -> ModelTooLarge:
        needed_gb, free_gb, holder = resident.size_bytes / 1e9, max(free, 0) / 1e9, self._ledger.holder()
        if holder:
            return MemoryReserved(model=resident.name, needed_gb=needed_gb, free_gb=free_gb, holder=holder)
        return ModelTooLarge(model=resident.name, needed_gb=needed_gb, free_gb=free_gb)

    def _have_others_given(self, resident: Resident, tell: OnEvent, is_cancelled: IsCancelled) -> bool:
        """Asks other processes for what is lacking. True: this process could have it now."""
        needed = resident.size_bytes
        lacks = needed - self._ledger.most()
        with self._ledger.asking(lacks) as are_there_others:
            if not are_there_others:
                return False
            tell(Plan(resident.name, "asks", "", lacks))
            deadline = time.monotonic() + OTHERS_ANSWER_SECONDS
            while needed > self._ledger.most() and time.monotonic() < deadline:
                if is_cancelled():
                    raise LoadCancelled
                time.sleep(POLL_SECONDS)
        return needed <= self._ledger.most()

    def drop_excess(self) -> None:
        """Idle models go until what is reserved may be, and no more. What is leased stays, even above the budget."""
        while self._ledger.excess() > 0 and self._one_goes("", ignore):
            pass

    def all_idle_go(self, wanted_for: str, tell: OnEvent) -> None:
        """The last resort of a load that ran out of memory although there should have been enough."""
        while self._one_goes(wanted_for, tell):
            pass

    def give_way(self, size_bytes: int) -> None:
        """Another process wants `size_bytes`: idle models go until so much is free, as far as there are any."""
        target = self._taken() - size_bytes
        while self._taken() > target and self._one_goes("", ignore):
            pass

    def _taken(self) -> int:
        with self.changed:
            return sum(resident.size_bytes for resident in self.by_key.values() if not resident.is_parked)

    # ── one goes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _one_goes(self, wanted_for: str, tell: OnEvent) -> bool:
        """The idle model that costs least to bring back is parked or dropped. False: there is none."""
        while (resident := self._cheapest(is_parked=False)) is not None:
            is_to_park = self._ram is not None and self._has_room_in_ram(resident)
            seconds = resident.size_bytes / PARKED_BYTES_PER_SECOND if is_to_park else 0.0
            action: Literal["parks", "drops"] = "parks" if is_to_park else "drops"
            tell(Plan(wanted_for, action, resident.name, resident.size_bytes, seconds))
            if self._park(resident) if is_to_park else self._drop_if_idle(resident):
                return True
        return False

    def _cheapest(self, *, is_parked: bool) -> Resident | None:
        with self.changed:
            now = self._clock()
            idle = [
                resident for resident in self.by_key.values() if resident.may_go and resident.is_parked == is_parked
            ]
            return max(idle, key=lambda resident: _worth_dropping(resident, now), default=None)

    def _drop_if_idle(self, resident: Resident) -> bool:
        with self.changed:
            if not resident.may_go or self.by_key.get(resident.key) is not resident:
                return False
            self.take_out(resident)
        self.close(resident)
        return True

    def take_out(self, resident: Resident) -> None:
        """Out of the table, so that nobody leases it any more (`changed` is held). To be closed next."""
        if self.by_key.get(resident.key) is resident:
            del self.by_key[resident.key]
        self._leaving.append(resident)
        self.works += 1
        self.tell_change()

    def _has_room_in_ram(self, resident: Resident) -> bool:
        """Takes the room in RAM, from other parked models where needed."""
        assert self._ram is not None
        while self._ram.reserve(resident.number, resident.name, resident.size_bytes) > 0:
            parked = self._cheapest(is_parked=True)
            if parked is None or not self._drop_if_idle(parked):
                return False
        return True

    def _park(self, resident: Resident) -> bool:
        """From the GPU into RAM. A model that cannot be moved is dropped. False: somebody leased it meanwhile."""
        assert self._ram is not None
        with self.changed:
            if not resident.may_go:
                self._ram.release(resident.number)
                return False
            resident.is_moving = True
        if not resident.model.park():
            with self.changed:
                resident.is_moving = False
            return self._drop_if_idle(resident)
        measure.give_back_unused()
        with self.changed:
            resident.is_moving, resident.is_parked = False, True
            self._ledger.release(resident.number)
            self.book(resident)
            self.tell_change()
        return True

    def close(self, resident: Resident) -> None:
        """Outside the lock: closing may wait for the model's threads. Ends when its memory is really back."""
        held, works = measure.held_bytes(self._store), self.work_beside(resident)
        resident.model.close()
        resident.model = None
        if works is not None and not resident.is_parked:
            measure.wait_until_back(self._store, int(0.9 * resident.took_bytes), held)
        else:  # others' work would count as memory that did not come back
            measure.give_back_memory()
        self.forget(resident)

    def forget(self, resident: Resident) -> None:
        """It takes nothing any more."""
        for ledger in (self._ledger, self._ram):
            if ledger is not None:
                ledger.release(resident.number)
        with self.changed:
            if resident in self._leaving:
                self._leaving.remove(resident)
            self.tell_change()


def _worth_dropping(resident: Resident, now: float) -> float:
    """Idle time over the cost to bring it back."""
    return (now - resident.last_used) / max(resident.load_seconds * resident.size_bytes, 1e-9)

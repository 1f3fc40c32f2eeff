"""The models in this process's memory: leased, shared, evicted. The only place that loads or drops one.

    with cache.lease(key, load, on_event) as model: …

A leased model stays. A model nobody leases may be dropped when another needs its room. Only one model loads at a time
in a process, because `from_pretrained` patches torch globally; a second request for a model that is loading joins that
load and hears its events. Lock order: `_loading` before `_changed`. Knows no model family and no device.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import Any, Protocol

from pipelines.errors import ModelTooLarge, OutOfMemory
from pipelines.loading.devices import give_back_memory, is_out_of_memory
from pipelines.types import Event, IsCancelled, Loading, OnEvent, never

JOIN_POLL_SECONDS = 0.1


class Model(Protocol):
    """What the cache needs to know of a model. A stale one (its engine broke) is dropped when its last lease ends."""

    size_bytes: int
    is_stale: bool

    def close(self) -> None: ...


class LoadCancelled(Exception):
    """Whoever wanted the model has pressed Stop. Internal: a pipeline turns it into a cancelled result."""


@dataclass(frozen=True)
class LoadedModel:
    """A row for the page: what is in memory now."""

    key: Hashable
    size_bytes: int
    idle_seconds: float
    leases: int


@dataclass(eq=False)
class _Record:
    model: Any = None
    is_loading: bool = True
    is_abandoned: bool = False  # whoever loaded it did not want it any more; that says nothing about the model
    failure: BaseException | None = None
    leases: int = 0
    load_seconds: float = 0.0
    last_used: float = 0.0
    is_stale: bool = False
    listeners: list[OnEvent] = field(default_factory=list)


class ModelCache:
    """`budget_bytes` bounds what stays loaded without a lease; None: everything stays until memory runs out.

    `free_bytes` measures what a load can have now; without it no load is refused beforehand.
    """

    def __init__(
        self,
        budget_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._clock = clock
        self._free_bytes = free_bytes
        self._records: dict[Hashable, _Record] = {}
        self._loading = Lock()
        self._changed = Condition()

    @contextmanager
    def lease(
        self,
        key: Hashable,
        load: Callable[[OnEvent], Model],
        on_event: OnEvent,
        is_cancelled: IsCancelled = never,
    ) -> Iterator[Any]:
        """The model of `key`, loaded by `load` where needed, for as long as the block lasts.

        A load that knows how much it needs calls `make_room` first. Raises what `load` and `on_event` raise,
        OutOfMemory, or LoadCancelled.
        """
        record = self._take(key, load, on_event, is_cancelled)
        try:
            yield record.model
        finally:
            self._give_back(key, record)

    def make_room(self, model: str, wanted_bytes: int) -> None:
        """Before a load: drops idle models until `wanted_bytes` fit. Raises ModelTooLarge where dropping all is too little."""
        self._drop_over_budget(wanted_bytes)
        if self._free_bytes is None or wanted_bytes <= self._free_bytes():
            return
        self._drop_idle()
        free = self._free_bytes()
        if wanted_bytes > free:
            raise ModelTooLarge(model=model, needed_gb=wanted_bytes / 1e9, free_gb=free / 1e9)

    def loaded(self) -> list[LoadedModel]:
        """What is in memory now, longest idle first."""
        with self._changed:
            now = self._clock()
            rows = [
                LoadedModel(
                    key, record.model.size_bytes, 0.0 if record.leases else now - record.last_used, record.leases
                )
                for key, record in self._records.items()
                if not record.is_loading
            ]
        return sorted(rows, key=lambda row: -row.idle_seconds)

    def unload(self, key: Hashable) -> bool:
        """Drops the model now, or, while it is leased, after its last lease. False: it was not loaded."""
        with self._changed:
            record = self._records.get(key)
            if record is None or record.is_loading:
                return False
            record.is_stale = True
            dropped = self._pop_if_droppable(key, record)
        self._close(dropped)
        return True

    def unload_all(self) -> None:
        """`unload` for every model."""
        for row in self.loaded():
            self.unload(row.key)

    # ── a lease begins ────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(
        self,
        key: Hashable,
        load: Callable[[OnEvent], Model],
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> _Record:
        while True:
            with self._changed:
                record = self._records.get(key)
                if record is None:
                    record = self._records[key] = _Record(leases=1)
                    break
                if not record.is_loading and not record.is_stale:
                    record.leases += 1
                    return record
                if record.is_loading and self._join(record, on_event, is_cancelled):
                    record.leases += 1
                    return record
                if record.is_stale:  # another lease still holds it; it goes when that ends
                    if is_cancelled():
                        raise LoadCancelled
                    self._changed.wait(JOIN_POLL_SECONDS)
        self._load(key, record, load, on_event, is_cancelled)
        return record

    def _join(self, record: _Record, on_event: OnEvent, is_cancelled: IsCancelled) -> bool:
        """Waits for somebody else's load (`_changed` is held). False: that one was given up, so load it yourself."""
        record.listeners.append(on_event)
        try:
            while record.is_loading:
                if is_cancelled():
                    raise LoadCancelled
                self._changed.wait(JOIN_POLL_SECONDS)
        finally:
            with suppress(ValueError):  # it failed, and so was dropped
                record.listeners.remove(on_event)
        if record.is_abandoned:
            return False
        if record.failure is not None:
            raise record.failure
        return True

    def _load(
        self,
        key: Hashable,
        record: _Record,
        load: Callable[[OnEvent], Model],
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> None:
        """Fills `record`, or takes it away again and raises. An error of `on_event` is how its owner stops the load."""

        def tell(event: Event) -> None:
            try:
                if is_cancelled():
                    raise LoadCancelled
                on_event(event)
            except Exception:
                record.is_abandoned = True
                raise
            _tell_others(record, event)

        try:
            with self._loading:
                started = self._clock()
                model = self._load_with_second_try(load, tell)
        except BaseException as error:
            failure = OutOfMemory(model=_name(key), device="this machine") if is_out_of_memory(error) else error
            with self._changed:
                self._records.pop(key, None)
                record.failure, record.is_loading = failure, False
                self._changed.notify_all()
            if failure is error:
                raise
            raise failure from error
        with self._changed:
            record.model, record.is_loading = model, False
            record.load_seconds = self._clock() - started
            self._changed.notify_all()
        ready = Loading("ready", _name(key))
        try:
            self._drop_over_budget(0)
            _tell_others(record, ready)
            on_event(ready)
        except BaseException:
            self._give_back(key, record)
            raise

    def _load_with_second_try(self, load: Callable[[OnEvent], Model], tell: OnEvent) -> Model:
        try:
            return load(tell)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        self._drop_idle()  # after the block above, so that the error no longer holds the half-loaded model
        give_back_memory()
        return load(tell)

    # ── a lease ends, room is made ────────────────────────────────────────────────────────────────────────────────────

    def _give_back(self, key: Hashable, record: _Record) -> None:
        with self._changed:
            record.leases -= 1
            record.last_used = self._clock()
            record.is_stale = record.is_stale or record.model.is_stale
            dropped = self._pop_if_droppable(key, record)
        self._close(dropped)
        self._drop_over_budget(0)

    def _pop_if_droppable(self, key: Hashable, record: _Record) -> list[_Record]:
        """The record, out of the table, when it is stale and nobody leases it (`_changed` is held)."""
        if not record.is_stale or record.leases:
            return []
        if self._records.get(key) is record:
            del self._records[key]
        self._changed.notify_all()
        return [record]

    def _drop_over_budget(self, wanted_bytes: int) -> None:
        """Drops idle models, those first that cost least to bring back, until the budget holds, and no more."""
        if self._budget_bytes is None:
            return
        dropped = []
        with self._changed:
            now = self._clock()
            resident = [record for record in self._records.values() if not record.is_loading]
            excess = sum(record.model.size_bytes for record in resident) + wanted_bytes - self._budget_bytes
            idle = [
                (key, record) for key, record in self._records.items() if not record.is_loading and not record.leases
            ]
            for key, record in sorted(idle, key=lambda item: -_worth_dropping(item[1], now)):
                if excess <= 0:
                    break
                excess -= record.model.size_bytes
                dropped.append(self._records.pop(key))
        self._close(dropped)

    def _drop_idle(self) -> None:
        with self._changed:
            idle = [key for key, record in self._records.items() if not record.is_loading and not record.leases]
            dropped = [self._records.pop(key) for key in idle]
        self._close(dropped)

    def _close(self, dropped: list[_Record]) -> None:
        """Outside the lock: closing a model may wait for its threads."""
        for record in dropped:
            record.model.close()
            record.model = None
        if dropped:
            give_back_memory()


def _tell_others(record: _Record, event: Event) -> None:
    """To those who joined the load. One who cannot listen (its file is closed, its disk full) is not told again."""
    for listener in tuple(record.listeners):
        try:
            listener(event)
        except Exception:  # noqa: BLE001  whatever it is, it is not this load's failure
            with suppress(ValueError):  # it left meanwhile
                record.listeners.remove(listener)


def _worth_dropping(record: _Record, now: float) -> float:
    """Idle time over the cost to bring it back."""
    return (now - record.last_used) / max(record.load_seconds * record.model.size_bytes, 1e-9)


def _name(key: Hashable) -> str:
    return str(key[0] if isinstance(key, tuple) else key)

"""The models in this process's memory: leased and shared. The only place that loads or drops one.

    with cache.lease(key, prepare, on_event) as model: …

`prepare` fetches and checks the files and says how much memory the model will take; several may do so at a time. Then room
is made (`residents.py`). Only then one model at a time is loaded, because `from_pretrained` patches torch globally. A
second request for a model that is loading joins that load and hears its events.

Lock order: `_loading` before `Residents.changed`; nobody waits for room while holding either. Knows no model family.
"""

import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from pipelines.errors.memory import OutOfMemory
from pipelines.loading.memory import measure
from pipelines.loading.memory.forecast import Forecast
from pipelines.loading.memory.ledger import Ledger, OwnLedger
from pipelines.loading.memory.measure import Store
from pipelines.loading.memory.residents import POLL_SECONDS, Model, Resident, Residents
from pipelines.loading.memory.residents import LoadCancelled as LoadCancelled
from pipelines.loading.placement.devices import is_out_of_memory
from pipelines.types.events import Event, IsCancelled, Loading, OnEvent, never

IMPORTED_MODULES = 50  # more than a model's own code: a library with hundreds of megabytes
MOST_UNCOUNTED = (1.2, 4 * 2**20)  # of what is known of a model, and bytes: a tokenizer, buffers, rounding


def learn_nothing(took_bytes: int, seconds: float) -> None:
    """The `learn` of who does not want to know."""


@dataclass(frozen=True)
class Prepared:
    """A model whose files are here and whole. `learn` is told what its load took: bytes and seconds.

    `name` is what people call it; "" is as its key says.
    """

    forecast: Forecast
    load: Callable[[OnEvent], Model]
    learn: Callable[[int, float], None] = learn_nothing
    name: str = ""
    about: Any = None  # shown with the loaded model


@dataclass(frozen=True)
class LoadedModel:
    """A row for the page. `size_bytes` is reserved, of which `working_bytes` while somebody works with it;
    `forecast_bytes` was expected to stay, `measured_bytes` came."""

    key: Hashable
    size_bytes: int
    working_bytes: int
    forecast_bytes: int
    measured_bytes: int
    load_seconds: float
    idle_seconds: float
    leases: int
    leased_by: tuple[str, ...]  # the names of the threads: what they do is known to who started them
    is_pinned: bool
    is_parked: bool
    about: Any


class ModelCache:
    """`ledger` says how much memory there is for the models, which lie in `store`; None: as much as they want.

    With `ram` a model of a GPU is parked before it is dropped.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        store: Store = "ram",
        ram: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._residents = Residents(ledger or OwnLedger(), store, ram, clock)
        self._changed = self._residents.changed
        self._store = store
        self._clock = clock
        self._numbers = itertools.count(1)
        self._loading = threading.Lock()

    @contextmanager
    def lease(
        self,
        key: Hashable,
        prepare: Callable[[OnEvent], Prepared],
        on_event: OnEvent,
        is_cancelled: IsCancelled = never,
    ) -> Iterator[Any]:
        """The model of `key`, loaded where needed, for as long as the block lasts.

        Raises what `prepare`, its `load` and `on_event` raise, ModelTooLarge, OutOfMemory, or LoadCancelled.
        """
        thread = get_ident()
        resident = self._take(key, prepare, on_event, is_cancelled)
        try:
            yield resident.model
        finally:
            self._give_back(resident, thread)

    def most_bytes(self) -> int:
        """The largest model, working memory included, that could be loaded here if all others of this process went."""
        return self._residents.most_bytes()

    def loaded(self) -> list[LoadedModel]:
        """What is in memory now, longest idle first."""
        with self._changed:
            now, names = self._clock(), {thread.ident: thread.name for thread in threading.enumerate()}
            rows = [
                LoadedModel(
                    key=one.key,
                    size_bytes=one.size_bytes,
                    working_bytes=one.forecast.working_bytes if one.holders else 0,
                    forecast_bytes=one.forecast.weights_bytes,
                    measured_bytes=one.took_bytes,
                    load_seconds=one.load_seconds,
                    idle_seconds=0.0 if one.holders else now - one.last_used,
                    leases=len(one.holders),
                    leased_by=tuple(names.get(thread, "") for thread in one.holders),
                    is_pinned=one.is_pinned,
                    is_parked=one.is_parked,
                    about=one.about,
                )
                for one in self._residents.by_key.values()
                if one.model is not None
            ]
        return sorted(rows, key=lambda row: -row.idle_seconds)

    def pin(self, key: Hashable, is_pinned: bool) -> bool:
        """A pinned model stays until it is unloaded by hand. False: it was not loaded."""
        with self._changed:
            resident = self._residents.by_key.get(key)
            if resident is None:
                return False
            resident.is_pinned = is_pinned
            self._residents.tell_change()
            return True

    def unload(self, key: Hashable) -> bool:
        """Drops the model now, or, while it is leased, after its last lease. False: it was not loaded."""
        with self._changed:
            resident = self._residents.by_key.get(key)
            if resident is None or resident.is_moving:
                return False
            resident.is_stale = True
            is_over = self._take_out_if_over(resident)
        if is_over:
            self._residents.close(resident)
        return True

    def unload_all(self) -> None:
        """`unload` for every model."""
        for row in self.loaded():
            self.unload(row.key)

    def unload_idle(self, seconds: float) -> None:
        """`unload` for what nobody has used for `seconds`, but for what is pinned."""
        for row in self.loaded():
            if row.idle_seconds >= seconds and not row.leases and not row.is_pinned:
                self.unload(row.key)

    def give_way(self, size_bytes: int) -> None:
        """Another process wants `size_bytes`: idle models go until they are free, as far as there are any."""
        self._residents.give_way(size_bytes)

    # ── a lease begins ────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(
        self,
        key: Hashable,
        prepare: Callable[[OnEvent], Prepared],
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> Resident:
        thread = get_ident()
        while True:
            with self._changed:
                resident = self._residents.by_key.get(key)
                if resident is None:
                    resident = Resident(key, next(self._numbers), _name(key), holders=[thread])
                    self._residents.works += 1
                    self._residents.by_key[key] = resident
                    break
                if resident.is_moving:
                    self._join(resident, on_event, is_cancelled)
                elif resident.is_stale:  # another lease still holds it; it goes when that ends
                    if is_cancelled():
                        raise LoadCancelled
                    self._residents.wait()
                else:
                    resident.holders.append(thread)
                    self._residents.works += 1
                    resident.is_moving = resident.is_parked
                    if resident.is_parked:
                        prepare = _from_ram(resident)
                    else:
                        self._residents.book(resident)
                    break
        if resident.is_moving:
            self._load(resident, prepare, on_event, is_cancelled)
        else:
            self._residents.drop_excess()  # it has taken its working memory back
        return resident

    def _join(self, resident: Resident, on_event: OnEvent, is_cancelled: IsCancelled) -> None:
        """Waits for somebody else's load (`_changed` is held). Raises what that raised, unless it was given up."""
        resident.listeners.append(on_event)
        try:
            while resident.is_moving:
                if is_cancelled():
                    raise LoadCancelled
                self._residents.wait()
        finally:
            with suppress(ValueError):  # it failed, and so was dropped
                resident.listeners.remove(on_event)
        if resident.failure is not None and not resident.is_abandoned:
            raise resident.failure

    def _load(
        self,
        resident: Resident,
        prepare: Callable[[OnEvent], Prepared],
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> None:
        """Fills `resident`, or takes it away again and raises. An error of `on_event` is how its owner stops the load."""
        thread = get_ident()

        def tell(event: Event) -> None:
            if is_cancelled():
                raise LoadCancelled
            try:
                on_event(event)
            except Exception:
                resident.is_abandoned = True
                raise
            _tell_others(resident, event)

        try:
            # 1 Its files, and how much it will take
            prepared = prepare(tell)
            resident.forecast, resident.about = prepared.forecast, prepared.about
            resident.name = prepared.name or resident.name
            # 2 Room for it
            self._residents.make_room(resident, tell, is_cancelled)
            # 3 Into memory
            with self._turn(is_cancelled):
                self._load_measured(resident, prepared, tell)
        except BaseException as error:
            failure = OutOfMemory(model=resident.name, device="this machine") if is_out_of_memory(error) else error
            self._fail(resident, failure, error)
            if failure is error:
                raise
            raise failure from error
        ready = Loading("ready", resident.name)
        try:
            self._residents.drop_excess()
            _tell_others(resident, ready)
            on_event(ready)
        except BaseException:
            self._give_back(resident, thread)
            raise

    @contextmanager
    def _turn(self, is_cancelled: IsCancelled) -> Iterator[None]:
        """One load at a time."""
        while not self._loading.acquire(timeout=POLL_SECONDS):
            if is_cancelled():
                raise LoadCancelled
        try:
            yield
        finally:
            self._loading.release()

    def _load_measured(self, resident: Resident, prepared: Prepared, tell: OnEvent) -> None:
        # 1 Between two measures
        works, modules = self._residents.work_beside(resident), len(sys.modules)
        measure.trim_heap()  # what the model finds there ready for use would be missing in the measure
        held, started = measure.held_bytes(self._store), self._clock()
        with measure.mappings_of_their_own():
            model = self._load_with_second_try(resident, prepared.load, tell)
        seconds = self._clock() - started
        measure.trim_heap()  # and what the load has let go is not the model's
        took = measure.held_bytes(self._store) - held
        has_imported = len(sys.modules) - modules > IMPORTED_MODULES
        is_quiet = works is not None and works == self._residents.work_beside(resident) and not has_imported
        # What is far above all that is known of the model another thread took, which worked with none: it would go after
        # every answer, or be refused at the next. Where it does take more, each load is believed so much further.
        share, uncounted = MOST_UNCOUNTED
        took = min(took, int(share * max(model.size_bytes, prepared.forecast.weights_bytes)) + uncounted)

        # 2 Into the books. Where others worked meanwhile, or libraries were imported, that is in the measure too, and the
        #   model's own count is better
        with self._changed:
            resident.model = model
            resident.took_bytes = max(took, 0) if is_quiet else model.size_bytes
            resident.load_seconds = max(seconds, resident.load_seconds)
            resident.is_moving = resident.is_parked = False
            self._residents.book(resident)
            self._residents.tell_change()
        if is_quiet:
            prepared.learn(max(took, model.size_bytes), seconds)

    def _load_with_second_try(self, resident: Resident, load: Callable[[OnEvent], Model], tell: OnEvent) -> Model:
        try:
            return load(tell)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold the half-loaded model
        self._residents.all_idle_go(resident.name, tell)
        measure.give_back_memory()
        return load(tell)

    def _fail(self, resident: Resident, failure: BaseException, error: BaseException) -> None:
        """A load failed or was stopped: nothing of it stays."""
        with self._changed:
            resident.is_abandoned = resident.is_abandoned or isinstance(failure, LoadCancelled)
            resident.failure, resident.is_moving = failure, False
            self._residents.take_out(resident)
        traceback.clear_frames(error.__traceback__)  # finished frames hold the half-loaded model
        if resident.model is not None:  # it was parked
            self._residents.close(resident)
        else:
            measure.give_back_memory()
            self._residents.forget(resident)

    # ── a lease ends ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _give_back(self, resident: Resident, thread: int) -> None:
        with self._changed:
            resident.holders.remove(thread)
            resident.last_used = self._clock()
            resident.is_stale = resident.is_stale or resident.model.is_stale
            is_over = self._take_out_if_over(resident)
            if not is_over:
                self._residents.book(resident)
            self._residents.tell_change()
        if is_over:
            self._residents.close(resident)
        self._residents.drop_excess()

    def _take_out_if_over(self, resident: Resident) -> bool:
        """Whether it is stale and nobody leases it: then it is out of the table and to be closed (`_changed` is held)."""
        if not resident.is_stale or resident.holders:
            return False
        self._residents.take_out(resident)
        return True


def _from_ram(resident: Resident) -> Callable[[OnEvent], Prepared]:
    """A parked model as one to load: it is moved instead."""

    def load(tell: OnEvent) -> Model:
        resident.model.unpark()
        model: Model = resident.model
        return model

    return lambda tell: Prepared(resident.forecast, load, about=resident.about)


def _tell_others(resident: Resident, event: Event) -> None:
    """To those who joined the load. One who cannot listen (its file is closed, its disk full) is not told again."""
    for listener in tuple(resident.listeners):
        try:
            listener(event)
        except Exception:  # noqa: BLE001  whatever it is, it is not this load's failure
            with suppress(ValueError):  # it left meanwhile
                resident.listeners.remove(listener)


def _name(key: Hashable) -> str:
    return str(key[0] if isinstance(key, tuple) else key)

"""What every pipeline has: the catalog, the model cache, the starters, and the place where models go.

`Pipeline.lease` is the whole way from a spec to a model in memory, as numbered steps. It knows no modality.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Self

import pipelines.families
from pipelines.errors.memory import (
    MemoryPinned,
    MemoryReserved,
    ModelTooLarge,
    OutOfMemory,
    SmallerAfterAll,
    SmallerBesidePinned,
    SmallerBesideReserved,
    SmallerModelFits,
)
from pipelines.errors.models import AdapterMismatch
from pipelines.loading import companions
from pipelines.loading.catalog import Catalog
from pipelines.loading.hub.client import Hub
from pipelines.loading.inspection.weights import Weights, check_model, check_unpacked
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast, Learnt, can_never_fit, in_forms
from pipelines.loading.memory.ledger import Ledger, OwnLedger
from pipelines.loading.memory.measure import Store, store_of
from pipelines.loading.placement.devices import Place, choose_place, wait_asleep
from pipelines.loading.starter import StarterStore
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent, Plan, never
from pipelines.types.model import ModelSpec

OpenLedger = Callable[[int, Callable[[], int], Store], Ledger]

OFFERS: dict[type[OutOfMemory], type[OutOfMemory]] = {  # what does not fit → the same with a smaller model to choose
    ModelTooLarge: SmallerModelFits,
    MemoryPinned: SmallerBesidePinned,
    MemoryReserved: SmallerBesideReserved,
    OutOfMemory: SmallerAfterAll,
}
UNPACKED = 2.5  # a model in memory over its files, at most: GGUF and 16-bit weights as float32


def find_families() -> dict[str, ModuleType]:
    """Every module of pipelines/families by name. Cheap: a family imports its libraries when it loads a model."""
    names = [module.name for module in pkgutil.iter_modules(pipelines.families.__path__)]
    return {name: importlib.import_module(f"pipelines.families.{name}") for name in names}


def open_catalog(
    models_folder: Path | None = None,
    *,
    cache_folder: Path | None = None,
    allow_any: bool = True,
    token_file: Path | None = None,
) -> Catalog:
    """The catalog with every family and the starters of `cache_folder` (None: the usual one). Torch-free.

    `token_file` holds the token for the hub where a person has given one.
    """
    return Catalog(models_folder, find_families(), StarterStore(cache_folder), Hub(token_file), allow_any=allow_any)


class ModelKey(NamedTuple):
    """What makes two models in memory different ones."""

    model: str
    revision: str
    adapters: tuple[Adapter, ...]
    place: Place


class LoadedAs(NamedTuple):
    """The form that was chosen for a model ("": as it is), where that puts it, and what its family expects of that."""

    form: str
    place: Place
    forecast: Forecast


class Pipeline:
    """Holds what outlives a request. Safe to use from several threads at once."""

    def __init__(
        self,
        catalog: Catalog,
        cache: ModelCache,
        starters: StarterStore,
        place: Place,
        learnt: Learnt | None = None,
    ) -> None:
        """`learnt` is what earlier loads on this machine took; None: nothing is known."""
        self.catalog = catalog
        self.cache = cache
        self.starters = starters
        self.place = place
        self.learnt = learnt or Learnt()
        self._families = find_families()

    @classmethod
    def on_this_machine(
        cls,
        models_folder: Path | None = None,
        *,
        cache_folder: Path | None = None,
        device: str = "auto",
        allow_any: bool = True,
        budget_bytes: int | None = None,
        token_file: Path | None = None,
        open_ledger: OpenLedger = OwnLedger,
    ) -> Self:
        """A pipeline of its own, for a script, a test or a worker process; others go `beside` it.

        `budget_bytes` bounds what models may hold; None: most of what is free now. `token_file` holds the token for the
        hub where a person has given one. `open_ledger` makes the ledger for each kind of memory: (budget, what is free,
        which) → ledger. A process that shares memory with others brings their common one.
        """
        catalog = open_catalog(models_folder, cache_folder=cache_folder, allow_any=allow_any, token_file=token_file)
        wait_asleep()
        place = choose_place(device)
        starters, store = StarterStore(cache_folder), store_of(place.device)
        measure.one_heap()

        def ledger(of: Store, budget: int | None) -> Ledger:
            return open_ledger(budget or measure.usual_budget_bytes(of), partial(measure.free_bytes, of), of)

        ram = ledger("ram", None) if store == "cuda" else None
        cache = ModelCache(ledger(store, budget_bytes), store, ram)
        return cls(catalog, cache, starters, place, Learnt(starters.cache_folder / "forecasts.json"))

    @classmethod
    def beside(cls, other: "Pipeline") -> Self:
        """A pipeline on the models of `other`: one cache, so that all kinds of models share one memory."""
        return cls(other.catalog, other.cache, other.starters, other.place, other.learnt)

    @property
    def device(self) -> str:
        return self.place.device

    def loaded(self) -> list[dict]:
        """What is in memory now, as JSON-ready rows; adapters are left out of the name.

        `size_bytes` is reserved, `forecast_bytes` was expected to stay, `measured_bytes` came. `form` is "" or the smaller
        one in which it was loaded, `leased_by` the names of the threads that work with it.
        """
        return [
            {
                "model": row.key.model,
                "device": "ram" if row.is_parked else self.place.device,
                "dtype": row.about.place.quantisation or row.about.place.dtype,
                "form": row.about.form,
                "size_bytes": row.size_bytes,
                "forecast_bytes": row.forecast_bytes,
                "measured_bytes": row.measured_bytes,
                "load_seconds": round(row.load_seconds, 3),
                "idle_seconds": round(row.idle_seconds, 1),
                "leases": row.leases,
                "leased_by": list(row.leased_by),
                "is_pinned": row.is_pinned,
                "is_parked": row.is_parked,
            }
            for row in self.cache.loaded()
            if isinstance(row.key, ModelKey)
        ]

    def unload(self, model: str) -> None:
        """Drops every copy of `model`; a leased one when its lease ends."""
        for row in self.cache.loaded():
            if isinstance(row.key, ModelKey) and row.key.model == model:
                self.cache.unload(row.key)

    def pin(self, model: str, is_pinned: bool) -> None:
        """A pinned model stays in memory until it is unloaded by hand."""
        for row in self.cache.loaded():
            if isinstance(row.key, ModelKey) and row.key.model == model:
                self.cache.pin(row.key, is_pinned)

    @contextmanager
    def lease(
        self, spec: ModelSpec, adapters: tuple[Adapter, ...], on_event: OnEvent, is_cancelled: IsCancelled = never
    ) -> Iterator[Any]:
        """The model of `spec` with `adapters` over it, in memory for as long as the block lasts."""
        key = ModelKey(spec.id, spec.revision, adapters, self.place)
        with ExitStack() as leased:
            try:
                prepare = partial(self._prepare, spec, key)
                model = leased.enter_context(self.cache.lease(key, prepare, on_event, is_cancelled))
            except OutOfMemory as error:
                raise self._with_an_offer(error, spec) from None
            yield model

    def _prepare(self, spec: ModelSpec, key: ModelKey, on_event: OnEvent) -> Prepared:
        # 1 Its files on this machine, unless it is plain already that they will not fit
        most_bytes = self.cache.most_bytes()
        if can_never_fit(spec.size_bytes, most_bytes):
            raise ModelTooLarge(model=spec.name, needed_gb=spec.size_bytes / 1e9, free_gb=most_bytes / 1e9)
        folder = self._fetch(spec, on_event)

        # 2 Whole and harmless, before a native library sees them
        weights = check_unpacked(folder, spec.name) if key.adapters else check_model(folder, spec.name)

        # 3 The family that serves them here, and what that needs beside them
        family = self._families[self.catalog.family_of(weights, spec.name, self.place.device)]

        companion = getattr(family, "COMPANION", None)
        if companion is not None and companions.folder_here(weights.path, companion) is None:
            self._fetch(companion, on_event)

        # 4 The adapters, the same way; a family that can lay them over the model goes first then
        if key.adapters and not family.ADAPTERS:
            family = self._adapting_family(spec, weights, key.adapters[0])
        adapter_folders = tuple((adapter, self._fetch_adapter(adapter, on_event)) for adapter in key.adapters)
        self._drop_other_adapters(key)

        # 5 The form in which it fits
        loading = self._form(spec, family, weights, most_bytes, has_adapters=bool(key.adapters))
        if loading.form:
            seconds = self.learnt.seconds(spec.id, loading.place)
            on_event(Plan(spec.name, "shrinks", loading.form, loading.forecast.weights_bytes, seconds))

        # 6 How it comes into memory, and what to remember of that
        return Prepared(
            self.learnt.corrected(spec.id, loading.place, loading.forecast),
            partial(family.load, spec, weights, loading.place, adapter_folders),
            partial(self.learnt.learn, spec.id, loading.place, loading.forecast),
            name=spec.name,
            about=loading,
        )

    def _adapting_family(self, spec: ModelSpec, weights: Weights, adapter: Adapter) -> ModuleType:
        """Raises AdapterMismatch."""
        for family in self._families.values():
            is_here = family.ADAPTERS and self.place.device in family.DEVICES
            if is_here and family.serves(weights.architectures, weights.file_format):
                return family
        is_kind = weights.file_format == "safetensors"
        reason = "it is of a kind that takes no adapters" if is_kind else "adapters need a safetensors model"
        raise AdapterMismatch(adapter=adapter.source, model=spec.name, reason=reason)

    def _form(
        self, spec: ModelSpec, family: ModuleType, weights: Weights, most_bytes: int, *, has_adapters: bool
    ) -> LoadedAs:
        """The first form that fits; where none does the last, which is then refused with what it needs.

        Adapters are merged into the weights, so those must be numbers in memory.
        """
        forms = tuple(form for form in family.forms(weights) if form == "half" or not has_adapters)
        for form, place in in_forms(self.place, forms, self.starters.cache_folder / "offload"):
            if form == "offload":  # as many as there is room for beside its working memory
                room = most_bytes - family.forecast(weights, place).total_bytes
                place = replace(place, weights_in_memory_bytes=max(room, 0))
            chosen = LoadedAs(form, place, family.forecast(weights, place))
            if self.learnt.corrected(spec.id, place, chosen.forecast).total_bytes <= most_bytes:
                break
        return chosen

    def _with_an_offer(self, error: OutOfMemory, spec: ModelSpec) -> OutOfMemory:
        """`error`, naming the largest model of the catalog for the same task that would fit into what it calls free."""
        offer = OFFERS.get(type(error))
        if offer is None or not spec.tasks:
            return error
        free_gb = error.details.get("free_gb")
        most_bytes = self.cache.most_bytes()
        most_bytes = min(most_bytes, int(free_gb * 1e9)) if isinstance(free_gb, float) else most_bytes
        rows = [row for row in self.catalog.rows(spec.tasks[0]) if row.id != spec.id and row.size_bytes]
        fitting = [row for row in rows if row.size_bytes * UNPACKED <= most_bytes and row.size_bytes < spec.size_bytes]
        if not fitting:
            return error
        best = max(fitting, key=lambda row: (self.catalog.is_on_disk(row), row.size_bytes))
        return offer(**error.details, smaller=best.name)

    def _fetch(self, spec: ModelSpec, on_event: OnEvent) -> Path:
        if spec.source == "starter":
            return self.starters.folder(spec.location, on_event)
        if spec.source == "hub":
            return self.catalog.hub.snapshot(spec, on_event)
        return Path(spec.location)

    def _fetch_adapter(self, adapter: Adapter, on_event: OnEvent) -> Path:
        """A folder where `source` is one, else from the hub. The family checks its files."""
        return self._fetch(self.catalog.find_adapter(adapter.source), on_event)

    def _drop_other_adapters(self, key: ModelKey) -> None:
        """Of one model at most one copy with adapters stays idle: each is a whole model. The bare one is left alone."""
        for row in self.cache.loaded():
            if row.leases or not isinstance(row.key, ModelKey) or not (key.adapters and row.key.adapters):
                continue
            if row.key._replace(adapters=key.adapters) == key:
                self.cache.unload(row.key)

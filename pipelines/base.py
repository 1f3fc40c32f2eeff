"""What every pipeline has: the catalog, the model cache, the starters, and the place where models go.

`Pipeline.lease` is the whole way from a spec to a model in memory, as numbered steps. It knows no modality.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Self

import pipelines.families
from pipelines.errors import AdapterMismatch
from pipelines.loading import devices, hub
from pipelines.loading.cache import ModelCache
from pipelines.loading.catalog import Catalog
from pipelines.loading.devices import Place, choose_place
from pipelines.loading.starter import StarterStore
from pipelines.loading.weights import check_model
from pipelines.types import Adapter, IsCancelled, ModelSpec, OnEvent, never


def find_families() -> dict[str, ModuleType]:
    """Every module of pipelines/families by name. Cheap: a family imports its libraries when it loads a model."""
    names = [module.name for module in pkgutil.iter_modules(pipelines.families.__path__)]
    return {name: importlib.import_module(f"pipelines.families.{name}") for name in names}


def open_catalog(
    models_folder: Path | None = None, *, cache_folder: Path | None = None, allow_any: bool = True
) -> Catalog:
    """The catalog with every family and the starters of `cache_folder` (None: the usual one). Torch-free."""
    return Catalog(models_folder, find_families(), StarterStore(cache_folder), allow_any=allow_any)


class ModelKey(NamedTuple):
    """What makes two models in memory different ones."""

    model: str
    revision: str
    adapters: tuple[Adapter, ...]
    place: Place


class Pipeline:
    """Holds what outlives a request. Safe to use from several threads at once."""

    def __init__(self, catalog: Catalog, cache: ModelCache, starters: StarterStore, place: Place) -> None:
        self.catalog = catalog
        self.cache = cache
        self.starters = starters
        self.place = place
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
    ) -> Self:
        """A pipeline of its own, for a script, a test or a worker process.

        `budget_bytes` bounds what stays loaded while nobody uses it; None: most of what is free now.
        """
        catalog = open_catalog(models_folder, cache_folder=cache_folder, allow_any=allow_any)
        place = choose_place(device)
        if budget_bytes is None:
            budget_bytes = devices.budget_bytes(place)
        cache = ModelCache(budget_bytes, free_bytes=partial(devices.free_bytes, place))
        return cls(catalog, cache, StarterStore(cache_folder), place)

    @property
    def device(self) -> str:
        return self.place.device

    def loaded(self) -> list[dict]:
        """What is in memory now: `[{"model", "size_bytes", "leases"}]`, adapters left out of the name."""
        return [
            {"model": record.key.model, "size_bytes": record.size_bytes, "leases": record.leases}
            for record in self.cache.loaded()
            if isinstance(record.key, ModelKey)
        ]

    @contextmanager
    def lease(
        self, spec: ModelSpec, adapters: tuple[Adapter, ...], on_event: OnEvent, is_cancelled: IsCancelled = never
    ) -> Iterator[Any]:
        """The model of `spec` with `adapters` over it, in memory for as long as the block lasts."""
        key = ModelKey(spec.id, spec.revision, adapters, self.place)

        def load(tell: OnEvent) -> Any:
            return self._load(spec, key, tell)

        with self.cache.lease(key, load, on_event, is_cancelled) as model:
            yield model

    def _load(self, spec: ModelSpec, key: ModelKey, on_event: OnEvent) -> Any:
        # 1 Its files on this machine, unless it is plain already that they will not fit
        self.cache.make_room(spec.name, spec.size_bytes)
        folder = self._fetch(spec, on_event)

        # 2 Whole and harmless, before a native library sees them
        weights = check_model(folder, spec.name)

        # 3 The family that serves them here
        family = self._families[self.catalog.family_of(weights, spec.name, self.place.device)]

        # 4 The adapters, the same way
        if key.adapters and not family.ADAPTERS:
            raise AdapterMismatch(
                adapter=key.adapters[0].source, model=spec.name, reason="adapters need a safetensors model"
            )
        adapter_folders = tuple((adapter, self._fetch_adapter(adapter, on_event)) for adapter in key.adapters)

        # 5 Room for it
        self._drop_other_adapters(key)
        self.cache.make_room(spec.name, family.forecast(weights, self.place))

        # 6 Into memory
        return family.load(spec, weights, self.place, adapter_folders, on_event)

    def _fetch(self, spec: ModelSpec, on_event: OnEvent) -> Path:
        if spec.source == "starter":
            return self.starters.folder(spec.location, on_event)
        if spec.source == "hub":
            return hub.snapshot(spec, on_event)
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

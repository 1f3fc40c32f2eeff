"""Takes a model off the disk, after telling what would miss it. Knows no page.

What was fetched from the hub goes with its folder in the hub's cache, a starter with its folder in the studio's, a model
of the home with its files there. Of a folder elsewhere only the row goes: those files are not the studio's.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.errors.models import ModelInUse
from pipelines.loading.catalog import Catalog
from pipelines.loading.deletion import delete
from pipelines.loading.hub import cache as hub_cache
from pipelines.loading.starter import StarterStore
from pipelines.types.model import ModelSpec
from studio.library.added import AddedModels
from studio.library.conversations import Conversations


@dataclass(frozen=True)
class Uses:
    """What would miss a model: titles of the asker's conversations, adapters of this home, how many jobs of anybody."""

    conversations: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    jobs: int = 0


class Removal:
    """`models_at_work` lists the model of every job that waits or runs; `unload` drops a model from memory."""

    def __init__(
        self,
        models_folder: Path,
        catalog: Catalog,
        starters: StarterStore,
        added: AddedModels,
        conversations: Conversations,
        models_at_work: Callable[[], list[str]],
        unload: Callable[[str], None],
    ) -> None:
        self._folder = models_folder
        self._catalog = catalog
        self._starters = starters
        self._added = added
        self._conversations = conversations
        self._models_at_work = models_at_work
        self._unload = unload

    def uses(self, owner: str, model: str) -> Uses:
        """What would miss `model`."""
        titles = []
        for header in self._conversations.list(owner):
            with suppress(NotFound):  # deleted between the two looks
                if self._conversations.get(owner, header.id).settings.get("model") == model:
                    titles.append(header.title)
        return Uses(tuple(titles), self._adapters_on(model), self._models_at_work().count(model))

    def remove(self, model: str) -> None:
        """Its files need not be whole. Raises ModelInUse while a job works with it, NotRemoved, UnknownModel, NotAllowed."""
        spec = self._catalog.locate(model)
        if model in self._models_at_work():
            raise ModelInUse(model=spec.name)
        self._unload(model)
        if spec.source == "hub":
            hub_cache.remove(spec)
        elif spec.source == "starter":
            delete(self._starters.place(spec.location))
        elif self._is_in_home(spec):
            delete(Path(spec.location))
        self._added.forget(model)

    def is_ours(self, spec: ModelSpec) -> bool:
        """Whether its files would go with it."""
        return spec.source in ("hub", "starter") or self._is_in_home(spec)

    def _is_in_home(self, spec: ModelSpec) -> bool:
        return spec.source == "folder" and Path(spec.location).parent.resolve() == self._folder.resolve()

    def _adapters_on(self, model: str) -> tuple[str, ...]:
        """The adapters in the models folder that were trained on it."""
        found = []
        for config in sorted(self._folder.glob("*/adapter_config.json")):
            with suppress(OSError, ValueError, AttributeError):  # a folder that says nothing readable
                if json.loads(config.read_bytes()).get("base_model_name_or_path") == model:
                    found.append(config.parent.name)
        return tuple(found)

"""Which models there are: the rows of assets/catalog, the models folder of the home, and whatever a person pastes.

It looks at local files only and never goes to the network, so a hub id that is not on this machine is taken at its word
until it is fetched. It imports no library that holds models; the families are handed to it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, get_args

from pydantic import TypeAdapter

from pipelines.errors import NotAllowed, StudioError, UnknownModel, UnsupportedModel
from pipelines.loading import hub
from pipelines.loading.starter import StarterStore
from pipelines.loading.weights import Weights, check_model
from pipelines.types import ModelSpec, Task

CATALOG_FOLDER = Path(__file__).parents[2] / "assets" / "catalog"
ROW_FILES = ("text.json",)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class Family(Protocol):
    """What the catalog asks a family's module."""

    TASKS: frozenset[Task]
    DEVICES: frozenset[str]

    def serves(self, architectures: tuple[str, ...], file_format: str) -> bool: ...


class Catalog:
    """`models_folder` is the home's `models/`; with `allow_any=False` (a public demo) only the catalog's rows exist."""

    def __init__(
        self,
        models_folder: Path | None,
        families: Mapping[str, Family],
        starters: StarterStore,
        *,
        allow_any: bool = True,
    ) -> None:
        self._models_folder = models_folder
        self._families = families
        self._starters = starters
        self._allow_any = allow_any
        self._rows = _read_rows()

    def rows(self, task: str | None = None) -> list[ModelSpec]:
        """The catalog's rows, then what lies in the models folder; those that can do `task` where one is given."""
        rows = list(self._rows.values()) + (self._found_in_models_folder() if self._allow_any else [])
        return [row for row in rows if task is None or task in row.tasks]

    def find(self, model: str) -> ModelSpec:
        """The model that `model` means: a row's id, a name in the models folder, a hub id, or a path.

        Raises UnknownModel, NotAllowed, and for what lies on this machine UnsupportedModel, UnsafeModel, ModelDamaged.
        """
        # 1 A row
        if model in self._rows:
            return self._rows[model]

        # 2 In the models folder, or a path
        if not self._allow_any:
            raise NotAllowed(reason="only the models of its list run here")
        path = self.local_path(model)
        if path is not None:
            return self._spec_of_folder(model, path)

        # 3 A hub id; what it is shows when it is here
        if not HUB_ID.fullmatch(model) or ".." in model:
            raise UnknownModel(model=model[:200])
        spec = ModelSpec(id=model, name=model, family="", tasks=get_args(Task), source="hub", location=model)
        folder = hub.folder_on_disk(spec)
        return spec if folder is None else self._settled(spec, folder)

    def is_on_disk(self, spec: ModelSpec) -> bool:
        """Whether it loads without the network. Cheap: file names and sizes only."""
        if spec.source == "starter":
            return self._starters.is_here(spec.location)
        if spec.source == "hub":
            return hub.folder_on_disk(spec) is not None
        return Path(spec.location).exists()

    def family_of(self, weights: Weights, model: str, device: str | None = None) -> str:
        """The family that serves these files on `device` (None: on any). Raises UnsupportedModel naming the class.

        The family made for the fewest devices wins: it is the specialist.
        """
        serving = [
            (len(family.DEVICES), name)
            for name, family in self._families.items()
            if (device is None or device in family.DEVICES)
            and family.serves(weights.architectures, weights.file_format)
        ]
        if not serving:
            named = "/".join(weights.architectures) or weights.file_format
            raise UnsupportedModel(model=model, architecture=named)
        return min(serving)[1]

    def local_path(self, model: str) -> Path | None:
        """The existing folder or file that `model` names. A plain name is looked up in the models folder only."""
        if not model or "\0" in model or len(model) > 4096:
            return None
        if self._models_folder is not None and Path(model).name == model and model not in (".", ".."):
            inside = self._models_folder / model
            return inside if inside.exists() else None
        path = Path(model).expanduser()
        return path if path.is_absolute() and path.exists() else None

    # ── on this machine ───────────────────────────────────────────────────────────────────────────────────────────────

    def _found_in_models_folder(self) -> list[ModelSpec]:
        if self._models_folder is None or not self._models_folder.is_dir():
            return []
        specs = []
        for path in sorted(self._models_folder.iterdir()):
            if path.name.startswith(".") or not (path.is_dir() or path.suffix.lower() == ".gguf"):
                continue
            try:
                specs.append(self._spec_of_folder(path.name, path))
            except StudioError:  # it stands in no list; `find` says why
                continue
        return specs

    def _spec_of_folder(self, model: str, path: Path) -> ModelSpec:
        name = path.stem if path.is_file() else path.name
        spec = ModelSpec(id=model, name=name, family="", tasks=(), source="folder", location=str(path))
        return self._settled(spec, path)

    def _settled(self, spec: ModelSpec, path: Path) -> ModelSpec:
        """`spec` with what its files say."""
        weights = check_model(path, spec.name)
        family = self.family_of(weights, spec.name)
        served = self._families[family].TASKS
        return replace(
            spec,
            family=family,
            tasks=tuple(task for task in get_args(Task) if task in served),
            size_bytes=weights.size_bytes,
            context_tokens=weights.context_tokens,
        )


def pick_for_language(rows: Sequence[ModelSpec], language: str) -> ModelSpec | None:
    """The smallest of `rows` that knows `language` ("zh"), to be named to a person whose model does not."""
    return min((row for row in rows if language in row.languages), key=lambda row: row.size_bytes, default=None)


def _read_rows() -> dict[str, ModelSpec]:
    rows = TypeAdapter(list[ModelSpec])
    specs = (spec for name in ROW_FILES for spec in rows.validate_json((CATALOG_FOLDER / name).read_bytes()))
    return {spec.id: spec for spec in specs}

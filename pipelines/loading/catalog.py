"""Which models there are: the rows of assets/catalog, the models folder of the home, and whatever a person pastes.

A row is a file's worth of JSON: drop one into assets/catalog, or into the models folder for a model of one's own. Only
`look` goes to the network; elsewhere a hub id that is not on this machine is taken at its word until it is fetched. It
imports no library that holds models; the families are handed to it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol, get_args

from pydantic import TypeAdapter, ValidationError

from pipelines.errors.access import NotAllowed
from pipelines.errors.base import StudioError
from pipelines.errors.models import IsAdapter, ModelGated, UnknownModel, UnsupportedModel, UnsupportedTask, WrongTask
from pipelines.errors.seeing import AnswersNoQuestions, ReadsNothing
from pipelines.loading.hub.cache import folder_on_disk
from pipelines.loading.hub.client import HUB_PAGE, Hub
from pipelines.loading.hub.repository import Repository
from pipelines.loading.inspection import diffusers_classes
from pipelines.loading.inspection.weights import Format, Weights, check_model
from pipelines.loading.memory.forecast import Form
from pipelines.loading.starter import StarterStore
from pipelines.types.crossing import ModelRequest
from pipelines.types.download import DownloadRequest
from pipelines.types.load import LoadRequest
from pipelines.types.merge import MergeRequest
from pipelines.types.model import ModelSpec, Task

CATALOG_FOLDER = Path(__file__).parents[2] / "assets" / "catalog"
OTHER_FILES = ("starters.json",)  # rows of another kind
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
PAGE_ADDRESS = re.compile(
    r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)(?:/tree/main)?/?(?:[?#].*)?", re.ASCII
)


class Family(Protocol):
    """What the catalog asks a family's module."""

    TASKS: frozenset[Task]
    DEVICES: frozenset[str]

    def serves(self, architectures: tuple[str, ...], file_format: str) -> bool: ...

    def forms(self, weights: Weights) -> tuple[Form, ...]: ...


@dataclass(frozen=True)
class Candidate:
    """What a pasted name would be: as much as can be known before it is fetched.

    `spec.size_bytes` is what would be downloaded or what lies in the folder, `files` its names; `commit` is "" for what
    is on this machine. `refusal` is why it would not run here, None where it would.
    """

    spec: ModelSpec
    commit: str = ""
    files: tuple[str, ...] = ()
    refusal: StudioError | None = None


class Catalog:
    """`models_folder` is the home's `models/`; with `allow_any=False` (a public demo) only the catalog's rows exist.

    Such a demo downloads nothing from the hub, so of those rows `check` lets only the ones run that are here.
    """

    def __init__(
        self,
        models_folder: Path | None,
        families: Mapping[str, Family],
        starters: StarterStore,
        hub: Hub,
        *,
        allow_any: bool = True,
    ) -> None:
        self.hub = hub
        self._models_folder = models_folder
        self._families = families
        self._starters = starters
        self._allow_any = allow_any
        self._rows = _read_rows()

    def rows(self, task: str | None = None) -> list[ModelSpec]:
        """The catalog's rows, then what lies in the models folder; those that can do `task` where one is given.

        Where nothing is downloaded, only what is there.
        """
        rows = list(self._rows.values())
        if self._allow_any:
            rows += [*self._added_rows().values(), *self._found_in_models_folder()]
        else:
            rows = [row for row in rows if row.source != "hub" or self.is_on_disk(row)]
        return [row for row in rows if task is None or task in row.tasks]

    def check(self, request: ModelRequest) -> ModelSpec:
        """The model of `request`, when this studio would run it. Torch-free and quick enough for before the queue.

        Raises what `find` and `find_adapter` raise, NotAllowed and WrongTask.
        """
        spec = self.find(request.model)
        if not self._allow_any and spec.source == "hub" and not self.is_on_disk(spec):
            raise NotAllowed(reason="models are not downloaded here")
        if isinstance(request, LoadRequest | DownloadRequest | MergeRequest):
            if not self._allow_any:
                raise NotAllowed(reason="models are not managed here")
            if spec.source == "none":
                raise UnknownModel(model=request.model)
            return spec
        if request.task not in spec.tasks:
            if request.task == "ask-picture" and "caption" in spec.tasks:
                raise AnswersNoQuestions(model=spec.name)
            if request.task == "read-picture":
                raise ReadsNothing(model=spec.name)
            raise WrongTask(model=spec.name, task=request.task)
        for adapter in request.adapters:
            self.find_adapter(adapter.source)
        return spec

    def find(self, model: str) -> ModelSpec:
        """The model that `model` means: a row's id, a name in the models folder, a hub id or its page, or a path.

        Raises UnknownModel, NotAllowed, and for what lies on this machine UnsupportedModel, UnsafeModel, ModelDamaged,
        NotAModel.
        """
        spec = self.locate(model)
        if spec.family:  # a row says it all
            return spec
        folder = Path(spec.location) if spec.source == "folder" else folder_on_disk(spec)
        return spec if folder is None else self._settled(spec, folder)

    def locate(self, model: str) -> ModelSpec:
        """The same, its files unread: what is damaged is found too. Raises UnknownModel, NotAllowed."""
        # 1 A row
        model = _without_page(model)
        if model in self._rows:
            return self._rows[model]

        # 2 A row of the person's own, in the models folder, or a path
        if not self._allow_any:
            raise NotAllowed(reason="only the models of its list run here")
        added = self._added_rows().get(model)
        if added is not None:
            return added
        path = self.local_path(model)
        if path is not None:
            return _in_folder(model, path)

        # 3 A hub id; what it is shows when it is here
        return replace(_on_the_hub(model), tasks=get_args(Task))

    def look(self, model: str) -> Candidate:
        """What `model` would be before it is fetched: asks the hub for what is not on this machine, so not in a hurry.

        Raises what `locate` raises, and of the hub ModelNotHere, TokenRefused, ForeignRedirect.
        """
        spec = self.locate(model)
        if spec.source != "hub" or self.is_on_disk(spec):
            try:
                return Candidate(self.find(model))
            except StudioError as refusal:
                return Candidate(spec, refusal=refusal)
        repository = self.hub.look(spec)
        spec = _told_by(repository, spec)
        try:
            files = repository.needed()
            spec = replace(spec, size_bytes=sum(file.size_bytes for file in files))
            if repository.is_adapter:
                raise IsAdapter(model=spec.name)
            if not repository.architectures and repository.is_gated:
                raise ModelGated(model=spec.name, link=f"{HUB_PAGE}/{spec.location}")
            if not repository.architectures and repository.pipeline_tag:
                raise UnsupportedTask(model=spec.name, task=repository.pipeline_tag)
            family = self._family_of_classes(repository.architectures, repository.file_format, spec.name)
            tasks = self._tasks_of(repository, family)
        except StudioError as refusal:
            return Candidate(spec, repository.commit, refusal=refusal)
        spec = replace(spec, family=family, tasks=tasks, size_bytes=spec.size_bytes + self._bytes_beside(family))
        return Candidate(spec, repository.commit, tuple(file.name for file in files))

    def _bytes_beside(self, family: str) -> int:
        """Of the repository that is fetched with a model of this family, where there is one and it is not here."""
        companion: ModelSpec | None = getattr(self._families[family], "COMPANION", None)
        return 0 if companion is None or self.is_on_disk(companion) else companion.size_bytes

    def _tasks_of(self, repository: Repository, family: str) -> tuple[Task, ...]:
        """What a model on the hub can do. Raises UnsupportedModel."""
        if not repository.is_pipeline:
            return self._in_order(self._families[family].TASKS)
        name = repository.architectures[0]
        if diffusers_classes.makes_sound(name):
            return self._in_order(self._families[family].TASKS)
        tasks = diffusers_classes.tasks_of(name, has_vae="vae" in repository.config, paints_only=False)
        if not tasks:
            raise UnsupportedModel(model=repository.location, architecture=name)
        return tasks

    @staticmethod
    def _in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
        return tuple(task for task in get_args(Task) if task in tasks)

    def forms(self, spec: ModelSpec) -> tuple[Form, ...]:
        """The smaller forms in which its family loads it; none where that is not known before its files are here."""
        family = self._families.get(spec.family)
        if family is None or spec.source != "hub":
            return ()
        is_pipeline = spec.defaults is not None
        file_format: Format = "diffusers" if is_pipeline else "safetensors"
        return family.forms(Weights(Path(spec.location), file_format, (), spec.context_tokens, spec.size_bytes))

    def is_row(self, model: str) -> bool:
        """Whether it comes with the studio, and not from a person."""
        return model in self._rows

    def find_adapter(self, source: str) -> ModelSpec:
        """Where a LoRA adapter is: a local folder, a hub id or its page. Its files are checked when it is laid over a model.

        Raises UnknownModel, and NotAllowed on a public demo.
        """
        if not self._allow_any:
            raise NotAllowed(reason="adapters are not loaded here")
        source = _without_page(source)
        path = self.local_path(source)
        if path is None:
            return _on_the_hub(source)
        return ModelSpec(id=source, name=path.name, family="", tasks=(), source="folder", location=str(path))

    def adapters_of(self, model: str) -> list[str]:
        """The names of the adapters in the models folder that were trained here over `model`."""
        if not self._allow_any or self._models_folder is None or not self._models_folder.is_dir():
            return []
        found = []
        for facts in sorted(self._models_folder.glob("*/model.json")):
            try:
                said = json.loads(facts.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(said, dict) and said.get("is_adapter") is True and said.get("base") == model:
                found.append(facts.parent.name)
        return found

    def is_on_disk(self, spec: ModelSpec) -> bool:
        """Whether it loads without the network. Cheap: file names and sizes only."""
        if spec.source == "starter":
            return self._starters.is_here(spec.location)
        if spec.source == "hub":
            return folder_on_disk(spec) is not None
        if spec.source == "none":
            return True
        return Path(spec.location).exists()

    def family_of(self, weights: Weights, model: str, device: str | None = None) -> str:
        """The family that serves these files on `device` (None: on any). Raises UnsupportedModel naming the class.

        The family made for the fewest devices wins: it is the specialist.
        """
        return self._family_of_classes(weights.architectures, weights.file_format, model, device)

    def _family_of_classes(
        self, architectures: tuple[str, ...], file_format: str, model: str, device: str | None = None
    ) -> str:
        serving = [
            (len(family.DEVICES), name)
            for name, family in self._families.items()
            if (device is None or device in family.DEVICES) and family.serves(architectures, file_format)
        ]
        if not serving:
            raise UnsupportedModel(
                model=model, architecture="/".join(architectures) or "(not named in its config.json)"
            )
        return min(serving)[1]

    def local_path(self, model: str) -> Path | None:
        """The existing folder or file that `model` names. A plain name is looked up in the models folder only."""
        if not model:
            return None
        try:
            if self._models_folder is not None and Path(model).name == model and model not in (".", ".."):
                path = self._models_folder / model
            else:
                path = Path(model).expanduser()
            is_here = path.is_absolute() and (path.is_dir() or path.is_file())
        except (OSError, RuntimeError, ValueError):  # too long, not readable, nobody's home, no name at all
            return None
        return path if is_here else None

    # ── on this machine ───────────────────────────────────────────────────────────────────────────────────────────────

    def _added_rows(self) -> dict[str, ModelSpec]:
        """The rows that people added. One that cannot be read stands in no list."""
        if self._models_folder is None or not self._models_folder.is_dir():
            return {}
        added = {}
        for path in sorted(self._models_folder.glob("*.json")):
            try:
                spec = _specs().validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            if spec.id not in self._rows:
                added[spec.id] = spec
        return added

    def _found_in_models_folder(self) -> list[ModelSpec]:
        if self._models_folder is None or not self._models_folder.is_dir():
            return []
        specs = []
        for path in sorted(self._models_folder.iterdir()):
            if path.name.startswith(".") or not path.name.isprintable():
                continue
            try:
                if path.is_dir() or path.suffix.lower() in (".gguf", ".safetensors"):
                    specs.append(self._settled(_in_folder(path.name, path), path))
            except (StudioError, OSError):  # it stands in no list; `find` says why
                continue
        return specs

    def _settled(self, spec: ModelSpec, path: Path) -> ModelSpec:
        """`spec` with what its files say."""
        weights = check_model(path, spec.name)
        family = self.family_of(weights, spec.name)
        return replace(
            spec,
            family=family,
            tasks=weights.tasks or self._in_order(self._families[family].TASKS),
            size_bytes=weights.size_bytes,
            parameters=weights.parameters,
            context_tokens=weights.context_tokens,
            defaults=weights.defaults,
        )


def _without_page(name: str) -> str:
    """The hub id where `name` is the address of a model's page, as a browser shows it; else `name`."""
    page = PAGE_ADDRESS.fullmatch(name.strip())
    return page[1] if page else name


def _in_folder(model: str, path: Path) -> ModelSpec:
    name = path.stem if path.is_file() else path.name
    return ModelSpec(id=model, name=name, family="", tasks=(), source="folder", location=str(path))


def _on_the_hub(name: str) -> ModelSpec:
    """The hub id `name`, taken at its word. Raises UnknownModel for what cannot be one."""
    if not HUB_ID.fullmatch(name) or ".." in name:
        raise UnknownModel(model=name[:200])
    return ModelSpec(id=name, name=name, family="", tasks=(), source="hub", location=name)


def _told_by(repository: Repository, spec: ModelSpec) -> ModelSpec:
    """`spec` with what the hub says of it."""
    return replace(
        spec,
        tasks=(),
        parameters=repository.parameters,
        licence=repository.licence,
        licence_url=repository.licence_url,
        languages=repository.languages,
        is_gated=repository.is_gated,
    )


@cache
def _specs() -> TypeAdapter[ModelSpec]:
    return TypeAdapter(ModelSpec)


def _read_rows() -> dict[str, ModelSpec]:
    files = sorted((path for path in CATALOG_FOLDER.glob("*.json") if path.name not in OTHER_FILES), key=_text_first)
    specs = (spec for path in files for spec in TypeAdapter(list[ModelSpec]).validate_json(path.read_bytes()))
    return {spec.id: spec for spec in specs}


def _text_first(path: Path) -> tuple[bool, str]:
    return path.name != "text.json", path.name

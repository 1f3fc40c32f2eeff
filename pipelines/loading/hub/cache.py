"""Models of the hub on this machine's disk: found, measured, recorded, removed. Never goes to the network.

Files lie where huggingface_hub keeps them, so other programs find them too. `studio.json` in a model's folder says which
commit and which files a download is to bring, so that it goes on where it stopped and is known for whole when it is.

    <cache>/models--<owner>--<name>/studio.json · refs/<revision> · blobs/<hash>[.part] · snapshots/<commit>/<file>

Source of the layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipelines.loading.deletion import delete
from pipelines.loading.hub.repository import MODEL_CONFIG, PIPELINE_INDEX
from pipelines.loading.hub.transfer import PART_SUFFIX, RemoteFile, part_of
from pipelines.types.model import ModelSpec

RECORD = "studio.json"


@dataclass(frozen=True)
class Record:
    """What a download is to bring: `revision` as it was asked for, the commit that it was then, and its files."""

    revision: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def folder_on_disk(spec: ModelSpec) -> Path | None:
    """The folder of a model that is already here with all its files, else None. Never goes to the network."""
    record = read_record(spec)
    if record is not None and spec.revision in (record.revision, record.commit):
        folder = repository_folder(spec) / "snapshots" / record.commit
        if all((folder / file.name).exists() for file in record.files):
            return folder
        if spec.revision == record.commit:
            return None
    try:
        return _folder_of_others(spec)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no such folder, no such index
        return None


def bytes_on_disk(spec: ModelSpec) -> int:
    """What the model's folder takes, unfinished parts too."""
    blobs = repository_folder(spec) / "blobs"
    return sum(path.stat().st_size for path in blobs.iterdir() if path.is_file()) if blobs.is_dir() else 0


def bytes_here(spec: ModelSpec) -> tuple[int, int]:
    """(how much of a download that was begun is here, how much it is to be), (0, 0) where none was begun."""
    record = read_record(spec)
    if record is None:
        return 0, 0
    blobs = repository_folder(spec) / "blobs"
    return sum(_size(blobs / one.etag) or _size(part_of(blobs / one.etag)) for one in record.files), record.size_bytes


def read_record(spec: ModelSpec) -> Record | None:
    """What the last download was to bring; None where there was none."""
    with suppress(OSError, ValidationError):
        return _records().validate_json((repository_folder(spec) / RECORD).read_bytes())
    return None


@cache
def _records() -> TypeAdapter[Record]:
    """Making one takes milliseconds, and a list of models asks for each of them."""
    return TypeAdapter(Record)


def begun_models() -> list[str]:
    """The hub ids of all downloads that were begun and are not whole."""
    found = []
    for path in sorted(cache_folder().glob(f"models--*/{RECORD}")):
        model = path.parent.name.removeprefix("models--").replace("--", "/", 1)
        spec = ModelSpec(model, model, "", (), "hub", model)
        if folder_on_disk(spec) is None:
            found.append(model)
    return found


def remove(spec: ModelSpec) -> None:
    """Takes the model off the disk, with what an unfinished download left. Raises NotRemoved."""
    delete(repository_folder(spec))


def cache_folder() -> Path:
    """Where the hub's client keeps models: HF_HOME and HF_HUB_CACHE say so."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def repository_folder(spec: ModelSpec) -> Path:
    """Where everything of this model lies; it need not be there."""
    return cache_folder() / f"models--{spec.location.replace('/', '--')}"


def _folder_of_others(spec: ModelSpec) -> Path | None:
    """The same for what another program fetched, which left no record: are all its weights there?"""
    repository = repository_folder(spec)
    branch = repository / "refs" / spec.revision
    folder = repository / "snapshots" / (branch.read_text().strip() if branch.is_file() else spec.revision)
    pipeline = folder / PIPELINE_INDEX
    if pipeline.exists():
        parts = json.loads(pipeline.read_bytes()).items()
        components = [name for name, value in parts if isinstance(value, list) and value[0] is not None]
        return folder if all(_is_component_whole(folder / name) for name in components) else None
    index = folder / "model.safetensors.index.json"
    if index.exists():
        shards = json.loads(index.read_bytes())["weight_map"].values()
        return folder if all((folder / str(shard)).exists() for shard in shards) else None
    weights = (*folder.glob("*.safetensors"), *folder.glob("*.gguf"), *folder.glob("openvino_model.bin"))
    return folder if any(file.exists() for file in weights) else None


def _is_component_whole(folder: Path) -> bool:
    """A component with a model's config needs weights; a scheduler or a tokenizer only its own files."""
    for index in folder.glob("*.safetensors.index.json"):
        if not all((folder / str(shard)).exists() for shard in json.loads(index.read_bytes())["weight_map"].values()):
            return False
    return folder.is_dir() and (not (folder / MODEL_CONFIG).exists() or any(folder.glob("*.safetensors")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# ── what a download writes ────────────────────────────────────────────────────────────────────────────────────────────


def point(pointer: Path, blob: Path) -> None:
    """The file's name, which leads to its content; a copy where a disk knows no links."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except (NotImplementedError, PermissionError):
        shutil.copyfile(blob, pointer)


def write_record(spec: ModelSpec, record: Record) -> None:
    """From now on it is this that is to come. Parts of anything else are of no use any more."""
    wanted = {file.etag + PART_SUFFIX for file in record.files}
    for part in (repository_folder(spec) / "blobs").glob(f"*{PART_SUFFIX}"):
        if part.name not in wanted:
            part.unlink(missing_ok=True)
    _write(repository_folder(spec) / RECORD, json.dumps(asdict(record), indent=1))


def write_ref(spec: ModelSpec, record: Record) -> None:
    if record.revision != record.commit:
        _write(repository_folder(spec) / "refs" / record.revision, record.commit)


def _write(path: Path, text: str) -> None:
    """By rename, so that a reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

"""The data sets that people brought. Each belongs to its owner; others' are not there.

What is kept is the canonical form (pipelines/training/uploads/own.py), not the files. Knows no page and no trainer.
"""

import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.training.data import Kind
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.doctor import Examined, examine
from pipelines.training.uploads.own import OWN_ID, OwnData, write
from pipelines.training.uploads.reading import File
from studio.files import storage_errors

LEAST = 8  # four to train on and four to measure on
ADDING = ".adding-"


@dataclass(frozen=True)
class OwnDataset:
    id: str
    title: str
    DATA: Kind  # as a module of pipelines/training/datasets says it
    count: int
    labels: tuple[str, ...]
    defects: tuple[Defect, ...]
    created: float


class Datasets:
    """All data sets of a home. Every method may be called from any thread."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "datasets"

    def add(self, owner: str, title: str, files: Sequence[File]) -> tuple[OwnDataset | None, Examined]:
        """Examine files and keep what is good of them; None where that is too little. Raises DiskFull or ReadOnlyHome."""
        examined = examine(files)
        if len(examined.examples) < LEAST:
            return None, examined
        dataset_id = f"own_{secrets.token_hex(8)}"
        place = self.folder / f"{ADDING}{dataset_id}"
        about = {"owner": owner, "title": title, "created": time.time()}
        try:
            with storage_errors(self.folder):
                write(place, examined, about)
                place.rename(self.folder / dataset_id)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return self.get(owner, dataset_id), examined

    def get(self, owner: str, dataset_id: str) -> OwnDataset:
        """Raises NotFound."""
        found = self._read(self.folder / dataset_id) if OWN_ID.fullmatch(dataset_id) else None
        if found is None or found[0] != owner:
            raise NotFound(thing="data set")
        return found[1]

    def of_owner(self, owner: str) -> list[OwnDataset]:
        """A person's data sets, newest first."""
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        found = [one for path in paths if OWN_ID.fullmatch(path.name) and (one := self._read(path)) is not None]
        return sorted((one for whose, one in found if whose == owner), key=lambda one: one.created, reverse=True)

    def remove(self, owner: str, dataset_id: str) -> None:
        """Raises NotFound."""
        self.get(owner, dataset_id)
        with storage_errors(self.folder):
            aside = (self.folder / dataset_id).rename(self.folder / f"{ADDING}{secrets.token_hex(8)}")
        shutil.rmtree(aside, ignore_errors=True)

    def _read(self, path: Path) -> tuple[str, OwnDataset] | None:
        """(owner, data set) of a folder; None for one of another version or that is gone."""
        try:
            data = OwnData(path)
            facts = data.facts
            labels = tuple(map(str, facts["labels"]))
            one = OwnDataset(
                path.name, str(facts["title"]), data.DATA, int(facts["count"]), labels, data.defects, facts["created"]
            )
            return str(facts["owner"]), one
        except (OSError, ValueError, KeyError, TypeError):
            return None

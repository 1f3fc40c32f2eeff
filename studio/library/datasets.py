"""The data sets that people brought. Each belongs to its owner; others' are not there.

What is kept is the canonical form (pipelines/training/uploads/own.py), not the files. They are examined in a process of its
own (studio/jobs/examining.py). Knows no page and no trainer.
"""

import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.errors.crossing import error_from_json
from pipelines.errors.requests import PromptTooLong
from pipelines.errors.training import TookTooLong
from pipelines.training.data import Kind
from pipelines.training.uploads import captions
from pipelines.training.uploads.captions import BY_PERSON, Caption
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.judging import MOST_CAPTION_CHARACTERS
from pipelines.training.uploads.own import DEFECTS_KEPT, OWN_ID, OwnData
from studio.files import storage_errors

PATIENCE_SECONDS = 180.0
MEDIA_NAME = re.compile(r"\d{1,6}\.(?:png|flac)")
AT_WORK = ".at-work-"  # a folder that is being made or removed
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class OwnDataset:
    """`found` is how many defects there were, `left_out` how many rows they cost, `defects` the first of them."""

    id: str
    title: str
    DATA: Kind  # as a module of pipelines/training/datasets says it
    count: int
    labels: tuple[str, ...]
    found: int
    left_out: int
    created: float
    defects: tuple[Defect, ...] = ()
    source: str = ""  # where it came from: a data set of the hub at a commit
    glance: tuple[str, ...] = ()  # how its first texts begin


@dataclass(frozen=True)
class Origin:
    """Where files came from that a person did not bring: an address, a licence, and what was `left` there for being too much."""

    source: str = ""
    licence: str = ""
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """One of the pictures or sounds of a data set, with what is said of it: `by` a person, a model, or "" as it was brought.

    `number` counts from 0, `media` is the name of its file, `file` that of the file that it came from.
    """

    number: int
    media: str
    file: str
    caption: str
    by: str
    label: str = ""


@dataclass(frozen=True)
class Report:
    """What was found in files of which too little was good to be kept."""

    count: int
    found: int
    defects: tuple[Defect, ...]


class Datasets:
    """All data sets of a home. Every method may be called from any thread."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "datasets"
        self._writing = threading.Lock()
        for path in self.folder.glob(f"{AT_WORK}*"):  # cut short when the studio was stopped
            shutil.rmtree(path, ignore_errors=True)

    def add(
        self,
        owner: str,
        title: str,
        files: Sequence[tuple[str, Path]],
        origin: Origin = Origin(),
        dataset_id: str = "",
    ) -> OwnDataset | Report:
        """Examine files, (name, place) each, and keep what is good of them; a Report where that is too little.

        `dataset_id` is the new one's id, where it is known before. Raises TookTooLong, DataTooLarge, DiskFull or ReadOnlyHome.
        """
        dataset_id = dataset_id or f"own_{secrets.token_hex(8)}"
        place = self.folder / f"{AT_WORK}{dataset_id}"
        about = {
            "owner": owner, "title": title, "created": time.time(), "source": origin.source, "licence": origin.licence,
        }  # fmt: skip
        try:
            with storage_errors(self.folder):
                place.mkdir(parents=True)
            asked = {"files": [(name, str(path)) for name, path in files], "into": str(place), "left": origin.left}
            told = _examine({**asked, "about": about})
            if not told["kept"]:
                return Report(told["count"], told["found"], tuple(Defect(**one) for one in told["defects"]))
            with storage_errors(self.folder):
                place.rename(self.folder / dataset_id)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return self.get(owner, dataset_id)

    def get(self, owner: str, dataset_id: str) -> OwnDataset:
        """With its defects. Raises NotFound."""
        found = self._read(self.folder / dataset_id, is_whole=True) if OWN_ID.fullmatch(dataset_id) else None
        if found is None or found[0] != owner:
            raise NotFound(thing="data set")
        return found[1]

    def of_owner(self, owner: str) -> list[OwnDataset]:
        """A person's data sets, newest first, without their defects."""
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        found = [one for path in paths if OWN_ID.fullmatch(path.name) and (one := self._read(path)) is not None]
        return sorted((one for whose, one in found if whose == owner), key=lambda one: one.created, reverse=True)

    # ── pictures and sounds, and what is said of them ─────────────────────────────────────────────────────────────────

    def said(self, owner: str, dataset_id: str) -> list[Said]:
        """Every picture or sound in order; [] for other data. Raises NotFound."""
        self.get(owner, dataset_id)
        return [
            Said(
                number, str(row.get("picture") or row["sound"]), str(row.get("file", "")), str(row.get("caption", "")),
                str(row.get("by", "")), str(row.get("label", "")),
            )
            for number, row in enumerate(OwnData(self.folder / dataset_id).rows())
            if "picture" in row or "sound" in row
        ]  # fmt: skip

    def say(self, owner: str, dataset_id: str, number: int, caption: str, by: str = BY_PERSON) -> None:
        """Write a caption; it is examined whenever the data set is looked at. Raises NotFound, PromptTooLong, DiskFull, ReadOnlyHome."""
        if number not in {one.number for one in self.said(owner, dataset_id)}:
            raise NotFound(thing="row")
        if len(caption) > MOST_CAPTION_CHARACTERS:
            raise PromptTooLong(length=len(caption), limit=MOST_CAPTION_CHARACTERS)
        with storage_errors(self.folder), self._writing:
            captions.add(self.folder / dataset_id, [Caption(number, caption.strip(), by)])

    def media(self, owner: str, dataset_id: str, name: str) -> Path:
        """The file of a picture or a sound. Raises NotFound."""
        self.get(owner, dataset_id)
        folder = self.folder / dataset_id / ("sounds" if name.endswith(".flac") else "pictures")
        if not MEDIA_NAME.fullmatch(name) or not (folder / name).is_file():
            raise NotFound(thing="file")
        return folder / name

    # ── whose they are ────────────────────────────────────────────────────────────────────────────────────────────────

    def remove(self, owner: str, dataset_id: str) -> None:
        """Raises NotFound."""
        self.get(owner, dataset_id)
        with storage_errors(self.folder):
            aside = (self.folder / dataset_id).rename(self.folder / f"{AT_WORK}{secrets.token_hex(8)}")
        shutil.rmtree(aside, ignore_errors=True)

    def _read(self, path: Path, *, is_whole: bool = False) -> tuple[str, OwnDataset] | None:
        """(owner, data set) of a folder; None for one of another version or that is gone."""
        try:
            data = OwnData(path)
            facts = data.facts
            one = OwnDataset(
                path.name, str(facts["title"]), data.DATA, int(facts["count"]), tuple(map(str, facts["labels"])),
                int(facts["found"]), int(facts["left_out"]), float(facts["created"]),
                data.defects if is_whole else (), data.SOURCE, data.glance() if is_whole else (),
            )  # fmt: skip
            if is_whole and len(one.defects) < DEFECTS_KEPT:  # with those of captions that were changed since
                one = replace(one, found=len(one.defects))
            return str(facts["owner"]), one
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _examine(asked: dict) -> dict:
    """What the process told. Raises TookTooLong, and what it tells."""
    command = [sys.executable, "-m", "studio.jobs.examining"]
    try:
        ended = subprocess.run(
            command, input=json.dumps(asked).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=ROOT, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TookTooLong(seconds=PATIENCE_SECONDS) from error
    try:
        told = json.loads(ended.stdout)
    except ValueError:
        told = {"error": None}
    if "error" in told:
        raise error_from_json(told["error"])
    return told

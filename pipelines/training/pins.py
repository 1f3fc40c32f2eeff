"""What a run begins with, by hash: its data and its base. Who goes on with it goes on with the same, or is told why not."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.errors.training import BaseChanged, DataChanged
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Data, fingerprint
from pipelines.training.files import write_whole
from pipelines.types.training import TrainRequest

BLOB = re.compile(r"[0-9a-f]{64}")  # the hub's cache names large files by their SHA-256


@dataclass(frozen=True)
class Pins:
    """SHA-256 of the data as they are split, of what of them is kept for the end, and of the files of the base; "" where there is
    none."""

    sha256: str
    test_sha256: str = ""
    base_sha256: str = ""

    @classmethod
    def of(cls, data: Data, test: Data | None, base: BaseModel | None) -> "Pins":
        return cls(
            fingerprint(data),
            fingerprint(test) if test is not None else "",
            _of_files(base.weights.path) if base is not None else "",
        )

    def check(self, begun: "Pins", request: TrainRequest) -> None:
        """Whether they are still those that the run began with. Raises DataChanged, BaseChanged."""
        if (begun.sha256, begun.test_sha256) != (self.sha256, self.test_sha256):
            raise DataChanged(dataset=request.dataset)
        if begun.base_sha256 != self.base_sha256:
            raise BaseChanged(model=request.model)


def check_pins(path: Path, found: Pins, request: TrainRequest) -> Pins:
    """Keep them where nothing is kept yet. Raises DataChanged, BaseChanged."""
    if not path.exists():
        write_whole(path, json.dumps(asdict(found)))
        return found
    begun = json.loads(path.read_text(encoding="utf-8"))
    base = begun.get("base_sha256", found.base_sha256)
    found.check(Pins(begun["sha256"], begun.get("test_sha256", ""), base), request)
    return found


def _of_files(place: Path) -> str:
    """Of a file, or of every file in a folder with its name; what begins with a dot is none of the model's."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        name = path.relative_to(place).as_posix() if path != place else path.name
        if not name.startswith("."):
            digest.update(f"{name} {_of_file(path)}\n".encode())
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    content = path.resolve().name
    if path.is_symlink() and BLOB.fullmatch(content):
        return content
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

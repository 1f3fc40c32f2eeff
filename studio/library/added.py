"""The models that people added: one file each in the home's models folder, a row like those of assets/catalog.

The catalog reads them (`pipelines/loading/catalog.py`); this file only writes and deletes them, and knows no hub.
"""

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path

from pipelines.types.model import ModelSpec
from studio.files import write_whole

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class AddedModels:
    """The rows in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, spec: ModelSpec) -> None:
        """Let `spec` stand in every list; again is the same as once. Raises DiskFull or ReadOnlyHome."""
        write_whole(self._file(spec.id), json.dumps(asdict(spec), ensure_ascii=False, indent=1).encode())

    def has(self, model: str) -> bool:
        return self._file(model).exists()

    def forget(self, model: str) -> None:
        """The row goes; the files that it names stay."""
        self._file(model).unlink(missing_ok=True)

    def _file(self, model: str) -> Path:
        """A name that a person can read, and a digest: what is left of “/家/甲” and “/家/乙” would be the same."""
        digest = hashlib.sha256(model.encode(errors="surrogatepass")).hexdigest()[:12]
        return self._folder / f"{_ODD.sub('--', model).strip('-')[:100]}-{digest}.json"

"""Finding in the library by words, by a picture or by a sound: the vectors of what is kept, in a table of `studio.db`.

What is in the library, its creations say, and this index follows them: what is new is found by its words at once, and by
its meaning when its vectors have come (`missing` → somebody makes them → `put`). Of a person who has never looked for
anything it keeps none. Knows no job and no page.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.loading.starter import StarterStore
from pipelines.types.search import EYES, SENTENCES, TOGETHER, Vectors
from studio.database import open_database
from studio.files import storage_errors
from studio.library import sounds
from studio.library.creations import Creations, Wording
from studio.library.ranking import Hit, Query, Shelf, Thing

TEXT_CHARACTERS = 4000  # of a creation's title and text: what of it is looked into
PICTURES, SOUNDS = ("image", "film"), ("sound",)

_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (id TEXT PRIMARY KEY, owner TEXT NOT NULL, made_by TEXT NOT NULL, vectors TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_by_owner ON vectors (owner);
"""


@dataclass(frozen=True)
class Content:
    """What there is of a creation to make vectors of; empty where there is nothing."""

    text: str
    picture: bytes
    sound: bytes


class Finding:
    """The shelves of everybody, each seen by its owner only. `made_by` names the models whose vectors these are: those of
    others are made again. Every method may be called from any thread; those that write raise DiskFull or ReadOnlyHome.
    """

    def __init__(self, creations: Creations, database: Path, made_by: str) -> None:
        self._creations = creations
        self._path = database
        self._made_by = made_by
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._shelves: dict[str, Shelf] = {}
        self._described: dict[str, dict[str, Wording]] = {}

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def find(self, owner: str, query: Query, kind: str | None = None, count: int = 50) -> list[Hit]:
        """The likeliest first."""
        with self._lock:
            return self._shelf(owner).rank(query, kind, count)

    def owners(self) -> list[str]:
        """Those who have looked for something once."""
        with self._lock, self._open() as database:
            kept = [row["owner"] for row in database.execute("SELECT DISTINCT owner FROM vectors")]
            return list(dict.fromkeys([*kept, *self._shelves]))

    def text(self, owner: str, creation_id: str) -> str:
        """How a text begins, or what was asked for. Raises NotFound."""
        with self._lock:
            wording = self._described.get(owner, {}).get(creation_id)
        if wording is None:
            raise NotFound(thing="creation")
        return wording.text

    def counts(self, owner: str) -> tuple[int, int]:
        """(how many creations have their vectors, how many there are)"""
        with self._lock:
            missing, total = len(self.missing(owner)), len(self._shelf(owner))
        return total - missing, total

    def missing(self, owner: str) -> list[str]:
        """The creations that have no vectors yet."""
        with self._lock, self._open() as database:
            shelf = self._shelf(owner)
            asked = "SELECT id FROM vectors WHERE owner = ? AND made_by = ?"
            have = {row["id"] for row in database.execute(asked, (owner, self._made_by))}
            return [creation_id for creation_id in shelf.ids() if creation_id not in have]

    def content(self, owner: str, creation_id: str) -> Content:
        """What vectors are made of. Raises NotFound."""
        with self._lock:
            self._shelf(owner)
            wording = self._described.get(owner, {}).get(creation_id)
        if wording is None:
            raise NotFound(thing="creation")
        picture = sound = b""
        if wording.kind in PICTURES:
            found = self._creations.parts(owner, creation_id, ("thumbnail",))
            picture = found.get("thumbnail") or self._creations.path(owner, creation_id).read_bytes()
        if wording.kind in SOUNDS:
            sound = sounds.beginning(self._creations.path(owner, creation_id))
        return Content(_text(wording), picture, sound)

    def put(self, owner: str, creation_id: str, vectors: Vectors) -> None:
        """Keep the vectors of a creation; empty ones say that there is nothing to make any of."""
        with self._lock:
            shelf = self._shelf(owner)
            wording = self._described[owner].get(creation_id)
            if wording is None:  # its person deleted it meanwhile
                return
            packed = json.dumps(asdict(vectors))
            with self._open() as database:
                row = (creation_id, owner, self._made_by, packed)
                database.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", row)
            shelf.put(_thing(wording, vectors))

    # ── what is on the shelf ─────────────────────────────────────────────────────────────────────────────────────────

    def _shelf(self, owner: str) -> Shelf:
        """As the creations are now. It changes only when the database has."""
        # 1 What came and what went
        is_first = owner not in self._shelves
        shelf, described = self._shelves.get(owner, Shelf()), self._described.get(owner, {})
        ids, new = self._creations.words(owner, shelf.ids(), TEXT_CHARACTERS)
        gone = shelf.ids() - ids
        if not (is_first or new or gone):
            return shelf

        # 2 The database; what went while nobody looked goes too
        with self._open() as database:
            if is_first or gone:
                deleted = "DELETE FROM vectors WHERE owner = ? AND id NOT IN (SELECT value FROM json_each(?))"
                database.execute(deleted, (owner, json.dumps(list(ids))))
            kept = self._kept(database, [wording.id for wording in new])

        # 3 The shelf
        for creation_id in gone:
            shelf.remove(creation_id)
            described.pop(creation_id, None)
        for wording in new:
            described[wording.id] = wording
            shelf.put(_thing(wording, kept.get(wording.id, Vectors())))
        self._shelves[owner], self._described[owner] = shelf, described
        return shelf

    def _kept(self, database: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those that have some; a row that cannot be read is taken out, so that it is made again."""
        asked = (
            "SELECT id, CAST(vectors AS BLOB) AS vectors FROM vectors "
            "WHERE made_by = ? AND id IN (SELECT value FROM json_each(?))"
        )
        kept: dict[str, Vectors] = {}
        for row in database.execute(asked, (self._made_by, json.dumps(ids))).fetchall():
            try:
                vectors = Vectors(**json.loads(row["vectors"]))
                vectors.arrays()
            except (TypeError, ValueError):
                database.execute("DELETE FROM vectors WHERE id = ?", (row["id"],))
            else:
                kept[row["id"]] = vectors
        return kept

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, storage_errors(self._path.parent):
            if self._database is None:
                self._database = open_database(self._path, _TABLE)
            with self._database:
                yield self._database


def models_of(starters: StarterStore) -> str:
    """Which models make the vectors now, and what is seen: a version of a package, and the content of those of our own that
    are whole."""
    models = [f"{SENTENCES} {starters.starters[SENTENCES].version}"]
    for name in (TOGETHER, EYES):
        with suppress(OSError):
            files = [starters.place(name) / file for file in ("config.json", "model.safetensors")]
            digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
            models.append(f"{name} {digest[:12]}")
    return ", ".join(models)


def _thing(wording: Wording, vectors: Vectors) -> Thing:
    """Also found by what is seen on it."""
    text = f"{_text(wording)[:TEXT_CHARACTERS]}\n{vectors.seen}"
    return Thing(wording.id, wording.kind, text, vectors.arrays())


def _text(wording: Wording) -> str:
    """Its title, and what it says where that is more."""
    if wording.text.startswith(wording.title.rstrip("…")):
        return wording.text
    return f"{wording.title}\n{wording.text}".strip()

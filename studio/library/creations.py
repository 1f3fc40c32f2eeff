"""Every kept result: `<folder>/<owner hash>/<id>.md`, `.png`, `.flac` or `.mp4`, its sidecar `<id>.json`, and an index to search them.

A result may have more files beside it, `<id>.<part>.<suffix>`: what it was made from (`.image.png`, `.audio.mp3`), a
picture's or film's `.thumbnail.webp`, the `.midi.mid` of music, the `.segments.json` of what was heard.

The files are the truth. A worker saves them and never opens the index; the sidecar is written last, so what has none
is unfinished and does not count. Only the server keeps the index, a table of `studio.db`: when it opens, the index
takes in whatever the files say and it does not know yet, all of it if the database is new. Knows no job and no page.
"""

import hashlib
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe as recipes
from pipelines.provenance.sounds import SUFFIXES as SOUND_SUFFIXES
from pipelines.provenance.sounds import suffix_of
from studio.database import open_database
from studio.files import storage_errors, sync_folder, write_whole
from studio.library import pictures, sounds, transcripts

PAGE_SIZE = 24
QUERY_CHARACTERS = 200
EXCERPT_CHARACTERS = 400
UNFINISHED_SECONDS = 3600  # a file without a sidecar may still be being written until it is this old

SUFFIXES = {"text": ".md", "image": ".png", "sound": ".flac", "film": ".mp4"}
PARTS = {  # what may stand beside a file, and the suffixes that it may have
    "image": (".image.png",),
    "mask": (".mask.png",),
    "thumbnail": (".thumbnail.webp",),
    "audio": tuple(f".audio{suffix}" for suffix in SOUND_SUFFIXES),
    "other": tuple(f".other{suffix}" for suffix in SOUND_SUFFIXES),
    "reference": tuple(f".reference{suffix}" for suffix in SOUND_SUFFIXES),
    "melody": tuple(f".melody{suffix}" for suffix in (*SOUND_SUFFIXES, ".mid")),
    "midi": (".midi.mid",),
    "segments": (".segments.json",),
}
ALL_PARTS = tuple(suffix for suffixes in PARTS.values() for suffix in suffixes)

_ID = re.compile(r"[0-9a-f]{32}")

_TABLE = """
CREATE TABLE IF NOT EXISTS creations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, created TEXT NOT NULL, is_starred INTEGER NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, sidecar TEXT NOT NULL, sidecar_time_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS creations_by_owner ON creations (owner, created DESC);
"""

# What the person wrote, out of the recipe: the text of a task, the last message of a chat
_ASKED = """CASE WHEN json_valid(sidecar) THEN
    coalesce(json_extract(sidecar, '$.recipe.request.text'), '') || ' ' ||
    coalesce(json_extract(sidecar, '$.recipe.request.messages[#-1].text'), '')
END"""


@dataclass(frozen=True)
class Creation:
    """What a sidecar says. `created` is ISO time in UTC; `parents` are the ids of the creations that this came from."""

    id: str
    owner: str
    kind: str
    title: str
    created: str
    recipe: dict
    job_id: str
    is_starred: bool = False
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """A creation in a list, with the beginning of its text, or of what was asked for where it is no text."""

    creation: Creation
    excerpt: str


@dataclass(frozen=True)
class Wording:
    """By which words a creation is found."""

    id: str
    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Page:
    """`items` of page `number` (from 0) out of `pages`; `total` creations match."""

    items: tuple[Item, ...]
    number: int
    pages: int
    total: int


class Creations:
    """The results of everybody, each seen by its owner only; `folder` is the library, `database` is `studio.db`.

    Every method with an `owner` raises NotFound for what does not exist or is somebody else's; those that write raise
    DiskFull or ReadOnlyHome. Safe to use from several threads.
    """

    def __init__(self, folder: Path, database: Path) -> None:
        self._folder = folder
        self._path_of_index = database
        self._lock = threading.RLock()
        self._index: sqlite3.Connection | None = None

    def close(self) -> None:
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    # ── a worker's part: files only ──────────────────────────────────────────────────────────────────────────────────

    def save(
        self,
        owner: str,
        kind: str,
        text: str,
        recipe: dict,
        title: str,
        job_id: str,
        parents: Sequence[str] = (),
        parts: Mapping[str, bytes] | None = None,
    ) -> str:
        """Put a text into the library, its recipe inside. Returns the new id, under which `index` makes it found."""
        data = recipes.markdown(text, recipe).encode("utf-8", "replace")
        return self.save_file(owner, kind, data, recipe, title, job_id, parents, parts)

    def save_file(
        self,
        owner: str,
        kind: str,
        data: bytes,
        recipe: dict,
        title: str,
        job_id: str,
        parents: Sequence[str] = (),
        parts: Mapping[str, bytes] | None = None,
    ) -> str:
        """Put a file into the library that carries its recipe already, and its `parts` beside it. Returns the new id."""
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        creation = Creation(secrets.token_hex(16), owner, kind, title, created, recipe, job_id, parents=tuple(parents))
        folder = self._folder_of(owner)
        with storage_errors(self._folder):
            folder.mkdir(parents=True, exist_ok=True)
        files = {SUFFIXES[kind]: data} | {_beside(part, content): content for part, content in (parts or {}).items()}
        try:
            for suffix, content in files.items():
                write_whole(folder / f"{creation.id}{suffix}", content)
            _write_sidecar(folder, creation)
        except BaseException:
            for suffix in files:
                (folder / f"{creation.id}{suffix}").unlink(missing_ok=True)
            raise
        return creation.id

    # ── the server's part ────────────────────────────────────────────────────────────────────────────────────────────

    def index(self, owner: str, creation_id: str) -> Creation:
        """Make found what a worker saved."""
        with self._writing() as database:
            creation = self.get(owner, creation_id)
            self._put(database, self._sidecar(owner, creation_id), creation)
        return creation

    def refresh(self) -> None:
        """Bring the index up to the files: add what is new or changed, drop what is gone, sweep what is unfinished.

        Done by itself when the index is opened.
        """
        with self._writing() as database:
            known = dict(database.execute("SELECT id, sidecar_time_ns FROM creations").fetchall())
            for sidecar in self._folder.glob("*/*.json"):
                is_current = known.pop(sidecar.stem, None) == sidecar.stat().st_mtime_ns
                creation = None if is_current else _read_sidecar(sidecar)
                if creation is not None:
                    self._put(database, sidecar, creation)
            database.executemany("DELETE FROM creations WHERE id = ?", [(creation_id,) for creation_id in known])
            self._sweep()

    def list(
        self,
        owner: str,
        query: str = "",
        kind: str | None = None,
        only_starred: bool = False,
        page: int = 0,
        size: int = PAGE_SIZE,
    ) -> Page:
        """A page of `size` of a person's creations, newest first.

        With a query those where each of its words occurs in the title, the text or what was asked; a page beyond the last is the last.
        """
        where, values = ["owner = ?"], [owner]
        if kind:
            where.append("kind = ?")
            values.append(kind)
        if only_starred:
            where.append("is_starred")
        for word in query[:QUERY_CHARACTERS].replace("\0", " ").split():
            literally = re.sub(r"([%_!])", r"!\1", word).encode("utf-8", "replace").decode()
            where.append(f"(title LIKE ? ESCAPE '!' OR text LIKE ? ESCAPE '!' OR {_ASKED} LIKE ? ESCAPE '!')")
            values += [f"%{literally}%"] * 3
        condition = " AND ".join(where)
        with self._reading() as database:
            (total,) = database.execute(f"SELECT COUNT(*) FROM creations WHERE {condition}", values).fetchone()
            pages = max(1, -(-total // size))
            number = min(max(page, 0), pages - 1)
            rows = database.execute(
                f"SELECT sidecar, substr(text, 1, {EXCERPT_CHARACTERS}) AS excerpt FROM creations WHERE {condition} "
                "ORDER BY created DESC, id LIMIT ? OFFSET ?",
                [*values, size, number * size],
            ).fetchall()
        return Page(tuple(Item(_parse(row["sidecar"]), row["excerpt"]) for row in rows), number, pages, total)

    def words(self, owner: str, known: Set[str], characters: int) -> tuple[set[str], Sequence[Wording]]:
        """The ids of all that a person has, and of those that are not `known` how each begins."""
        with self._reading() as database:
            ids = {row["id"] for row in database.execute("SELECT id FROM creations WHERE owner = ?", (owner,))}
            rows = [
                database.execute(
                    "SELECT id, kind, title, substr(text, 1, ?) AS text FROM creations WHERE id = ?", (characters, new)
                ).fetchone()
                for new in ids - known
            ]
        return ids, tuple(Wording(*row) for row in rows)

    def links(self, owner: str) -> dict[str, tuple[str, ...]]:
        """The parents of each creation that has some, by its id."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT id, json_extract(sidecar, '$.parents') FROM creations "
                "WHERE owner = ? AND json_array_length(sidecar, '$.parents') > 0",
                (owner,),
            ).fetchall()
        return {creation_id: tuple(json.loads(parents)) for creation_id, parents in rows}

    def get(self, owner: str, creation_id: str) -> Creation:
        creation = _read_sidecar(self._sidecar(owner, creation_id))
        if creation is None or creation.owner != owner:
            raise NotFound(thing="creation")
        return creation

    def path(self, owner: str, creation_id: str, part: str = "") -> Path:
        """The file itself, recipe inside; with `part` what stands beside it under that name."""
        creation = self.get(owner, creation_id)
        for suffix in (SUFFIXES[creation.kind],) if not part else PARTS.get(part, ()):
            path = self._folder_of(owner) / f"{creation_id}{suffix}"
            if path.is_file():
                return path
        raise NotFound(thing="creation")

    def converted(self, owner: str, creation_id: str, file_format: str) -> bytes:
        """The creation as a file of another format, recipe inside.

        A picture as "webp" or "jpeg", a sound as "wav", "mp3" or "ogg", what was heard as "srt", "vtt", "json" or "txt".
        """
        creation = self.get(owner, creation_id)
        if creation.kind == "image" and file_format in pictures.FORMATS:
            return pictures.convert(self.path(owner, creation_id), creation.recipe, file_format)
        if creation.kind == "sound" and file_format in sounds.FORMATS:
            return sounds.convert(self.path(owner, creation_id), creation.recipe, file_format)
        if creation.kind in ("text", "film") and file_format in transcripts.FORMATS:
            segments = self.path(owner, creation_id, "segments").read_bytes()
            return transcripts.convert(segments, creation.recipe, file_format)
        raise NotFound(thing="file")

    def parts(self, owner: str, creation_id: str, names: Sequence[str]) -> dict[str, bytes]:
        """Those of the named parts that stand beside a creation."""
        found = {}
        for name in names:
            with suppress(NotFound, FileNotFoundError):
                found[name] = self.path(owner, creation_id, name).read_bytes()
        return found

    def text(self, owner: str, creation_id: str) -> str:
        """What the file of a text says, without the recipe."""
        return recipes.body(self.path(owner, creation_id).read_bytes().decode())

    def star(self, owner: str, creation_id: str, is_starred: bool = True) -> Creation:
        """Set or take away the star."""
        with self._writing() as database:
            creation = replace(self.get(owner, creation_id), is_starred=is_starred)
            _write_sidecar(self._folder_of(owner), creation)
            self._put(database, self._sidecar(owner, creation_id), creation)
        return creation

    def delete(self, owner: str, creation_id: str) -> None:
        with self._writing() as database:
            creation = self.get(owner, creation_id)
            sidecar = self._sidecar(owner, creation_id)
            sidecar.unlink()  # first, so that a crash in between leaves what the next sweep takes
            for suffix in (SUFFIXES[creation.kind], *ALL_PARTS):
                sidecar.with_suffix(suffix).unlink(missing_ok=True)
            sync_folder(sidecar.parent)
            database.execute("DELETE FROM creations WHERE id = ?", (creation_id,))

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _folder_of(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]

    def _sidecar(self, owner: str, creation_id: str) -> Path:
        if not _ID.fullmatch(creation_id):
            raise NotFound(thing="creation")
        return self._folder_of(owner) / f"{creation_id}.json"

    def _sweep(self) -> None:
        """Remove what a crash left without a sidecar, and temporary files, once nobody can be writing them any more."""
        long_ago = time.time() - UNFINISHED_SECONDS
        for path in self._folder.glob("*/*"):
            name, dot, suffix = path.name.partition(".")
            is_ours = dot + suffix in (*SUFFIXES.values(), *ALL_PARTS)
            is_unfinished = path.suffix == ".part" or (is_ours and not path.with_name(f"{name}.json").exists())
            with suppress(FileNotFoundError):  # a worker has just finished it
                if is_unfinished and path.stat().st_mtime < long_ago:
                    path.unlink()

    # ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._index is None:
                self._index = open_database(self._path_of_index, _TABLE)
                try:
                    self.refresh()
                except BaseException:
                    self.close()
                    raise
            yield self._index

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self._folder), self._reading() as database, database:
            yield database

    def _put(self, database: sqlite3.Connection, sidecar: Path, creation: Creation) -> None:
        """Insert or replace the row of a creation; not of one whose file is gone."""
        content = sidecar.with_suffix(SUFFIXES[creation.kind])
        try:
            content.stat()
            is_text = creation.kind == "text"
            text = recipes.body(content.read_bytes().decode("utf-8", "replace")) if is_text else _prompt(creation)
            time_ns = sidecar.stat().st_mtime_ns
        except FileNotFoundError:
            return
        row = (
            creation.id,
            creation.owner,
            creation.kind,
            creation.created,
            creation.is_starred,
            creation.title,
            text,
            json.dumps(asdict(creation)),
            time_ns,
        )
        database.execute("INSERT OR REPLACE INTO creations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _beside(part: str, content: bytes) -> str:
    """How the name of a part ends; the first suffix unless the content says another."""
    suffixes = PARTS[part]
    own = f".{part}{suffix_of(content)}"
    return own if own in suffixes else suffixes[0]


def _prompt(creation: Creation) -> str:
    """What a picture was asked to show, a voice to say, or a film to tell. A recipe in a sidecar may be anything."""
    request = creation.recipe.get("request")
    if isinstance(request, dict) and isinstance(request.get("scenes"), list):
        said = [scene.get("text") for scene in request["scenes"] if isinstance(scene, dict)]
        return "\n".join(words for words in said if isinstance(words, str))
    asked = (request.get("prompt"), request.get("text")) if isinstance(request, dict) else ()
    return next((words for words in asked if isinstance(words, str) and words), "")


def _write_sidecar(folder: Path, creation: Creation) -> None:
    data = json.dumps(asdict(creation), ensure_ascii=False, indent=1)
    write_whole(folder / f"{creation.id}.json", data.encode("utf-8", "replace"))


def _read_sidecar(path: Path) -> Creation | None:
    """None when there is none, or it is damaged or of a kind not known here."""
    try:
        creation = _parse(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return creation if creation.id == path.stem and creation.kind in SUFFIXES else None


def _parse(data: bytes | str) -> Creation:
    return _adapter().validate_json(data)


@cache
def _adapter() -> TypeAdapter[Creation]:
    return TypeAdapter(Creation)

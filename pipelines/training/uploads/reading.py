"""Files that a person brings → rows with where they stand: text, JSON, JSON lines, CSV, TSV, Parquet, pictures, sounds, and a
ZIP of these.

Nothing is unpacked to the disk, and nothing is believed: sizes are counted while they are read, names are only names.
What cannot be read is a Defect, never an exception. Knows columns by no name.
"""

import csv
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pipelines.training.uploads.defects import Defect

TEXTS = (".txt", ".md")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")
MOST_BYTES = 500_000_000  # of all files, unpacked
MOST_FILES = 20_000
MOST_PICTURES = 5_000  # and sounds
MOST_FIELD_CHARACTERS = 10_000_000  # of a field of a table
SHOWN_CHARACTERS = 60
UNPACKABLE = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
)  # the others unpack a member whole before they are asked how much

# What zipfile raises on damaged and hostile archives.
DAMAGED = (zipfile.BadZipFile, RuntimeError, OSError, ValueError, EOFError, LookupError, struct.error, zlib.error)

File = tuple[str, bytes]


@dataclass(frozen=True)
class Row:
    """`fields` as they stand in the file, of a text file {"text": a paragraph}; `picture` or `sound` is a file that is one, as
    its content; `number` is 0 where it is a file by itself."""

    file: str
    number: int
    fields: dict[str, Any]
    picture: bytes | None = None
    sound: bytes | None = None

    @property
    def is_media(self) -> bool:
        return self.picture is not None or self.sound is not None


@dataclass
class Rows:
    """All rows in order, and what kept others from being rows."""

    rows: list[Row] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    media: int = 0

    def add_media(self, row: Row) -> None:
        """A picture or a sound, while there are not too many."""
        self.media += 1
        if self.media <= MOST_PICTURES:
            self.rows.append(row)
        elif self.media == MOST_PICTURES + 1:
            self.defects.append(Defect("too_large", row.file, row.number, f"> {MOST_PICTURES:,}"))


def read(files: Sequence[File]) -> Rows:
    """Every row of `files`, (name, content) each, and of what is packed in them."""
    found = Rows()
    for name, data in _unpacked(files, found):
        suffix = PurePosixPath(name.lower()).suffix
        if suffix in PICTURES:
            found.add_media(Row(name, 0, {}, picture=data))
        elif suffix in SOUNDS:
            found.add_media(Row(name, 0, {}, sound=data))
        elif suffix == ".parquet":
            read_parquet(name, data, found)
        elif (text := _decoded(name, data, found)) is None:
            continue
        elif suffix == ".jsonl":
            _read_lines(name, text, found)
        elif suffix == ".json":
            _read_json(name, text, found)
        elif suffix in (".csv", ".tsv"):
            _read_table(name, text, "\t" if suffix == ".tsv" else None, found)
        elif suffix in TEXTS:
            _read_text(name, text, found)
        else:
            found.defects.append(Defect("unreadable_file", name, detail=suffix or name))
    return found


# ── archives ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Budget:
    """What may still be read, over all files."""

    def __init__(self) -> None:
        self.bytes, self.files = MOST_BYTES, MOST_FILES

    def take(self, size: int) -> bool:
        """Whether a file of this size is still within it."""
        self.bytes -= size
        self.files -= 1
        return self.bytes >= 0 and self.files >= 0


def _unpacked(files: Sequence[File], found: Rows) -> Iterator[File]:
    """Each file, of a ZIP those in it. A ZIP in a ZIP stays one."""
    budget = _Budget()
    for name, data in files:
        if PurePosixPath(name.lower()).suffix != ".zip":
            members: Iterator[File] = iter([(name, data)])
        else:
            members = _members(name, data, budget, found)
        for member, content in members:
            if not budget.take(len(content)):
                limit = f"> {MOST_BYTES // 1_000_000} MB / {MOST_FILES:,}"
                found.defects.append(Defect("too_large", name, detail=limit))
                return
            yield member, content


def _members(name: str, data: bytes, budget: _Budget, found: Rows) -> Iterator[File]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                path = PurePosixPath(member.filename.replace("\\", "/"))
                if member.is_dir() or not path.name or path.name.startswith(".") or path.parts[0] == "__MACOSX":
                    continue  # folders, and what an operating system puts in
                if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or _is_link(member):
                    found.defects.append(Defect("unsafe_name", name, detail=member.filename[:SHOWN_CHARACTERS]))
                elif (content := _content(archive, member, str(path), budget, found)) is not None:
                    yield str(path), content
    except (*DAMAGED, NotImplementedError) as error:
        found.defects.append(Defect("unreadable_file", name, detail=str(error)[:SHOWN_CHARACTERS]))


def _content(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, budget: _Budget, found: Rows
) -> bytes | None:
    """No more of it than may still be read, whatever its header says of its size."""
    if member.compress_type not in UNPACKABLE:
        found.defects.append(Defect("unreadable_file", path, detail="ZIP: not “deflated”"))
        return None
    try:
        with archive.open(member) as file:
            return file.read(max(budget.bytes, 0) + 1)
    except (*DAMAGED, NotImplementedError) as error:
        found.defects.append(Defect("unreadable_file", path, detail=str(error)[:SHOWN_CHARACTERS]))
        return None


def _is_link(member: zipfile.ZipInfo) -> bool:
    return (member.external_attr >> 16) & 0o170000 == 0o120000


# ── text ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _decoded(name: str, data: bytes, found: Rows) -> str | None:
    """The text; None for what is none. In another encoding than UTF-8 it is read all the same, and said."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        found.defects.append(Defect("wrong_encoding", name, detail="UTF-16"))
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
    if b"\0" in data:
        found.defects.append(Defect("unreadable_file", name, row, "\\x00"))
        return None
    try:
        text = data.decode("gb18030")
        if _is_chinese(text):
            found.defects.append(Defect("wrong_encoding", name, row, "GB 18030"))
            return text
    except UnicodeDecodeError:
        pass
    found.defects.append(Defect("wrong_encoding", name, row))
    return data.decode("utf-8", errors="replace")


def _is_chinese(text: str) -> bool:
    """Whether what is not ASCII in it is mostly what Chinese is written with, one character beside the other.

    A Latin text in an encoding of one byte gives rare characters, each alone in its word.
    """
    foreign = [at for at, character in enumerate(text) if character > "\x7f"]
    beside = sum(1 for at in foreign if at + 1 < len(text) and text[at + 1] > "\x7f")
    return beside * 2 > len(foreign)


def _read_text(name: str, text: str, found: Rows) -> None:
    """A row for each paragraph: what stands between empty lines."""
    number, begun, lines = 0, 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            begun = begun or number
            lines.append(line)
        elif lines:
            found.rows.append(Row(name, begun, {"text": "\n".join(lines)}))
            begun, lines = 0, []


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_lines(name: str, text: str, found: Rows) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                found.defects.append(Defect("bad_json", name, number, str(error)[:SHOWN_CHARACTERS]))
            else:
                _take(name, number, value, found)


def _read_json(name: str, text: str, found: Rows) -> None:
    """An array of objects; the row of an object is its place in it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        found.defects.append(Defect("bad_json", name, row, str(error)[:SHOWN_CHARACTERS]))
        return
    for number, value in enumerate(values if isinstance(values, list) else [values], 1):
        _take(name, number, value, found)


def _take(name: str, number: int, value: object, found: Rows) -> None:
    if isinstance(value, dict):
        found.rows.append(Row(name, number, value))
    else:
        found.defects.append(Defect("not_an_object", name, number, json.dumps(value)[:SHOWN_CHARACTERS]))


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_parquet(name: str, data: bytes, found: Rows) -> None:
    """The row of a record is its place in the file. What stands in it as {"bytes": …} is a picture or a sound."""
    from pipelines.training.uploads.parquet import Damaged, TooLarge, records

    try:
        for number, record in enumerate(records(data, MOST_BYTES), 1):
            if isinstance(record, Damaged):
                found.defects.append(Defect("broken_characters", name, number, record.reason[:SHOWN_CHARACTERS]))
            elif record.media is not None:
                kept = {"sound" if record.is_sound else "picture": record.media}
                found.add_media(Row(name, number, record.fields, **kept))
            else:
                found.rows.append(Row(name, number, record.fields))
    except TooLarge:
        found.defects.append(Defect("too_large", name, detail=f"> {MOST_BYTES // 1_000_000} MB"))
    except DAMAGED as error:
        found.defects.append(Defect("unreadable_file", name, detail=str(error)[:SHOWN_CHARACTERS]))


def _read_table(name: str, text: str, delimiter: str | None, found: Rows) -> None:
    """The first line names the columns; the row of a record is the line on which it begins."""
    first = text.partition("\n")[0]
    delimiter = delimiter or max(",;\t", key=first.count)
    csv.field_size_limit(MOST_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [column.strip() for column in next(reader, [])]
        line = reader.line_num
        for values in reader:
            number, line = line + 1, reader.line_num
            if len(values) == len(columns):
                found.rows.append(Row(name, number, dict(zip(columns, values, strict=True))))
            elif values:
                found.defects.append(Defect("wrong_columns", name, number, f"{len(values)} ≠ {len(columns)}"))
    except csv.Error as error:
        found.defects.append(Defect("unreadable_file", name, reader.line_num, str(error)[:SHOWN_CHARACTERS]))

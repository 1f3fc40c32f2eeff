"""Files that a person brings → rows with where they stand: text, JSON, JSON lines, CSV, TSV, pictures, and a ZIP of these.

Nothing is unpacked to the disk, and nothing is believed: sizes are counted while they are read, names are only names.
What cannot be read is a Defect, never an exception. Knows columns by no name.
"""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pipelines.training.uploads.defects import Defect

TEXTS = (".txt", ".md")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
MOST_UNPACKED_BYTES = 500_000_000
MOST_FILES = 20_000
SHOWN_CHARACTERS = 60
FOREIGN = ("utf-16", "gb18030")  # what a file may be in that is not UTF-8: Windows' “Unicode” and Chinese Windows

File = tuple[str, bytes]


@dataclass(frozen=True)
class Row:
    """`fields` as they stand in the file; of a picture {"picture": bytes}, of a text file {"text": a paragraph}."""

    file: str
    number: int
    fields: dict[str, Any]


@dataclass
class Rows:
    """All rows in order, what kept others from being rows, and the names of captions' and pictures' files."""

    rows: list[Row] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)


def read(files: Sequence[File]) -> Rows:
    """Every row of `files`, (name, content) each, and of what is packed in them."""
    found = Rows()
    for name, data in _unpacked(files, found):
        suffix = PurePosixPath(name.lower()).suffix
        if suffix in PICTURES:
            found.rows.append(Row(name, 0, {"picture": data}))
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


def _unpacked(files: Sequence[File], found: Rows) -> Iterator[File]:
    """Each file, of a ZIP those in it. A ZIP in a ZIP stays one."""
    for name, data in files:
        if PurePosixPath(name.lower()).suffix != ".zip":
            yield name, data
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from _members(name, archive, found)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, zlib.error) as error:
            found.defects.append(Defect("unreadable_file", name, detail=str(error)[:SHOWN_CHARACTERS]))


def _members(name: str, archive: zipfile.ZipFile, found: Rows) -> Iterator[File]:
    left = MOST_UNPACKED_BYTES
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MOST_FILES:
        found.defects.append(Defect("too_large", name, detail=f"{len(members):,} > {MOST_FILES:,}"))
        return
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.name.startswith(".") or path.parts[0] == "__MACOSX":  # what an operating system puts in
            continue
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or _is_link(member):
            found.defects.append(Defect("unsafe_name", name, detail=member.filename[:SHOWN_CHARACTERS]))
            continue
        try:
            with archive.open(member) as file:  # its header may say anything about its size
                data = file.read(left + 1)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error) as error:
            found.defects.append(Defect("unreadable_file", str(path), detail=str(error)[:SHOWN_CHARACTERS]))
            continue
        if len(data) > left:
            found.defects.append(Defect("too_large", name, detail=f"> {MOST_UNPACKED_BYTES // 1_000_000} MB"))
            return
        left -= len(data)
        yield str(path), data


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
        if any("\u4e00" <= character <= "\u9fff" for character in text):
            found.defects.append(Defect("wrong_encoding", name, row, "GB 18030"))
            return text
    except UnicodeDecodeError:
        pass
    found.defects.append(Defect("wrong_encoding", name, row))
    return data.decode("utf-8", errors="replace")


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


def _read_table(name: str, text: str, delimiter: str | None, found: Rows) -> None:
    """The first line names the columns; the row of a record is the line on which it begins."""
    first = text.partition("\n")[0]
    delimiter = delimiter or max(",;\t", key=first.count)
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

"""The records of a Parquet file, by pyarrow: row group after row group, a few hundred at a time.

Sizes are counted as they come; what a header says of them is only a first look. Knows no column, but that pictures and
sounds are kept as {"bytes", "path"}, and the names of classes in the notes of the library `datasets`, as the hub has them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

RECORDS_AT_ONCE = 256
SOUND_COLUMNS = ("audio", "sound", "speech", "recording", "音频")


@dataclass(frozen=True)
class Record:
    """`media` is the picture or the sound in it."""

    fields: dict[str, Any]
    media: bytes | None = None
    is_sound: bool = False


@dataclass(frozen=True)
class Damaged:
    """A record that cannot be read."""

    reason: str


@dataclass(frozen=True)
class _Notes:
    """What the file says of its columns: the names of classes, and which columns are sounds."""

    classes: dict[str, list[str]] = field(default_factory=dict)
    sounds: frozenset[str] = frozenset()


class TooLarge(Exception):  # told of by who reads
    """There is more in it than may be read."""


def records(data: bytes, most_bytes: int) -> Iterator[Record | Damaged]:
    """Every record, in order. Raises TooLarge, and ValueError or OSError for what is no Parquet file."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > most_bytes:
            raise TooLarge
        notes, read = _notes(file.schema_arrow.metadata), 0
        for batch in file.iter_batches(RECORDS_AT_ONCE, use_threads=False):
            read += batch.nbytes
            if read > most_bytes:
                raise TooLarge
            for number in range(batch.num_rows):
                yield _record(batch.slice(number, 1), notes)
    except MemoryError:  # pyarrow's is an ArrowException, too
        raise
    except (pyarrow.ArrowException, TypeError) as error:
        raise ValueError(str(error)) from error


def _record(row: Any, notes: _Notes) -> Record | Damaged:
    try:
        fields = row.to_pylist()[0]
    except (ValueError, OverflowError) as error:  # text that is no UTF-8, a time that is none
        return Damaged(str(error))
    for name, names in notes.classes.items():
        if isinstance(place := fields.get(name), int) and -1 <= place < len(names):
            fields[name] = names[place] if place >= 0 else None  # −1: nobody has said it
    media = {name: value["bytes"] for name, value in fields.items() if _is_media(value)}
    if not media:
        return Record(fields)
    name = next(iter(media))
    rest = {one: value for one, value in fields.items() if one not in media}
    return Record(rest, media[name], name in notes.sounds or name.lower() in SOUND_COLUMNS)


def _is_media(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("bytes"), bytes)


def _notes(written: dict[bytes, bytes] | None) -> _Notes:
    try:
        features = json.loads((written or {})[b"huggingface"])["info"]["features"]
        classes = {
            str(name): [str(one) for one in about["names"]]
            for name, about in features.items()
            if isinstance(about, dict) and about.get("_type") == "ClassLabel" and isinstance(about.get("names"), list)
        }
        sounds = {name for name, about in features.items() if isinstance(about, dict) and about.get("_type") == "Audio"}
        return _Notes(classes, frozenset(sounds))
    except (KeyError, ValueError, TypeError, AttributeError):
        return _Notes()

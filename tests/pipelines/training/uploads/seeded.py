"""A made set of forty defects over all kinds of data, each in files of its own among good rows, and clean sets beside it.

The doctor is to find at least 38 of them with file and row, and to raise at most 5 % false alarms on what is clean.
"""

import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from PIL import Image

from pipelines.sound.files import to_bytes
from pipelines.training.uploads.defects import DefectKind
from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.reading import File
from pipelines.types.sound import Wave

GOOD = [f"The {place} good sentence about rivers, birds and the weather of day {place * 7}." for place in range(12)]
POEMS = [f"第{place}首:山中春雨后,夜静鸟声多{place}。" for place in range(12)]
LONG = "word " * 30_000


@dataclass(frozen=True)
class Seeded:
    """A defect that was put in: `files` make it, and it is of `kind`, in `row` of `file`."""

    name: str
    files: Callable[[], list[File]]
    kind: DefectKind
    file: str
    row: int


def jsonl(rows: list[Any], name: str = "data.jsonl") -> list[File]:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return [(name, "\n".join(lines).encode())]


def texts(*bad: Any) -> list[Any]:
    """Good rows, and the bad ones from the sixth on."""
    good: list[Any] = [{"text": text} for text in GOOD]
    return [*good[:5], *bad, *good[5:]]


def labelled(*bad: Any) -> list[Any]:
    good: list[Any] = [{"text": text, "label": "ab"[place % 2]} for place, text in enumerate(GOOD)]
    return [*good[:5], *bad, *good[5:]]


def asked(*bad: Any) -> list[Any]:
    good: list[Any] = [{"instruction": f"Say {text}", "output": text} for text in GOOD]
    return [*good[:5], *bad, *good[5:]]


def spoken(*bad: Any) -> list[Any]:
    good: list[Any] = [messages(("user", f"Say {text}"), ("assistant", text)) for text in GOOD]
    return [*good[:5], *bad, *good[5:]]


def messages(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def table(*bad: str) -> list[File]:
    rows = ["text,label", *(f'"{text}",{"ab"[place % 2]}' for place, text in enumerate(GOOD))]
    return [("data.csv", "\n".join([*rows[:6], *bad, *rows[6:]]).encode())]


def png(seed: int, side: int = 24) -> bytes:
    picture = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def packed(*bad: File, captions: str = "") -> list[File]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for place in range(12):
            archive.writestr(f"{'cat' if place % 2 else 'dog'}/{place}.png", png(place))
        for name, data in bad:
            archive.writestr(name, data)
        if captions:
            archive.writestr("metadata.jsonl", captions)
    return [("pictures.zip", file.getvalue())]


def wav(seed: int, seconds: float = 0.5, level: float = 0.3, file_format: str = "wav") -> bytes:
    """A tone of its own."""
    samples = level * numpy.sin(numpy.arange(round(seconds * 8000)) * (0.05 + seed * 0.011))
    return to_bytes(Wave(samples.astype(numpy.float32), 8000), file_format)


def heard(*bad: File, captions: Sequence[Any] | None = None) -> list[File]:
    """Recordings in two folders, in all formats; or with captions."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for place in range(12):
            suffix = ("wav", "flac", "mp3", "ogg")[place % 4]
            folder = "clips" if captions is not None else ("bark", "meow")[place % 2]
            archive.writestr(f"{folder}/{place}.{suffix}", wav(place, file_format=suffix))
        for name, data in bad:
            archive.writestr(name, data)
        if captions is not None:
            archive.writestr("clips/metadata.jsonl", "\n".join(json.dumps(row) for row in captions))
    return [("sounds.zip", file.getvalue())]


def said(*bad: Any) -> list[Any]:
    """A caption for each of the recordings, and the bad ones after them."""
    suffixes = ("wav", "flac", "mp3", "ogg")
    return [*({"file_name": f"{n}.{suffixes[n % 4]}", "text": f"tone number {n}"} for n in range(12)), *bad]


def parquet(columns: dict[str, Any], *, schema: Any = None, rows_in_group: int = 5) -> list[File]:
    """Several row groups, as the hub keeps them."""
    import pyarrow
    from pyarrow import parquet as files

    file = io.BytesIO()
    files.write_table(pyarrow.table(columns, schema=schema), file, row_group_size=rows_in_group)
    return [("data.parquet", file.getvalue())]


def columns(*bad: Any) -> dict[str, Any]:
    """Good texts, and the bad ones from the sixth on."""
    return {"text": [*GOOD[:5], *bad, *GOOD[5:]]}


def half_characters() -> list[File]:
    """A Parquet file of which the sixth text is no UTF-8."""
    import pyarrow

    raw = [text.encode() for text in columns("x")["text"]]
    raw[5] = b"caf\xe9"
    return parquet({"text": pyarrow.array(raw, pyarrow.binary()).view(pyarrow.string())})


def split_pictures(*more: File) -> list[File]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(12):
            archive.writestr(f"{'test' if number % 3 == 0 else 'train'}/{number}.png", png(number))
        for name, data in more:
            archive.writestr(name, data)
    return [("all.zip", file.getvalue())]


def liar() -> list[File]:
    """A ZIP of which directory and member say that they unpack to ten bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.txt", b"0" * 3_000_000)
    data = bytearray(file.getvalue())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    data[22:26] = (10).to_bytes(4, "little")
    return [*jsonl(texts()), ("liar.zip", bytes(data))]


def linked() -> list[File]:
    """A ZIP with a symbolic link that leads out."""
    ((name, data),) = packed()
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("dog/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return [(name, file.getvalue())]


SEEDED = [
    # JSON and its columns
    Seeded("broken JSON", lambda: jsonl(texts('{"text": "half')), "bad_json", "data.jsonl", 6),
    Seeded("a line that is a string", lambda: jsonl(texts('"only words"')), "not_an_object", "data.jsonl", 6),
    Seeded("a broken array", lambda: [("data.json", b'[{"text": "a"},\n{"text": }]')], "bad_json", "data.json", 2),
    Seeded("a missing column", lambda: jsonl(texts({"txet": "misspelt"})), "missing_column", "data.jsonl", 6),
    Seeded("a number for a text", lambda: jsonl(texts({"text": 5})), "wrong_type", "data.jsonl", 6),
    Seeded("an empty text", lambda: jsonl(texts({"text": ""})), "empty", "data.jsonl", 6),
    Seeded("HTML in a row", lambda: jsonl(texts({"text": "Rain. <script>alert(1)</script>"})), "markup", "data.jsonl", 6),
    Seeded("a very long text", lambda: jsonl(texts({"text": LONG})), "too_long", "data.jsonl", 6),
    # Tables
    Seeded("a record with a field too many", lambda: table("one,two,three"), "wrong_columns", "data.csv", 7),
    Seeded("an empty label in a table", lambda: table("which class is it?,"), "no_label", "data.csv", 7),
    Seeded("an empty value in Parquet", lambda: parquet(columns(None)), "empty", "data.parquet", 6),
    Seeded("text in Parquet that is no UTF-8", half_characters, "broken_characters", "data.parquet", 6),
    Seeded(
        "damaged Parquet", lambda: [*jsonl(texts()), ("data.parquet", parquet(columns())[0][1][:-40])],
        "unreadable_file", "data.parquet", 0,
    ),
    Seeded(
        "a copy in another row group", lambda: parquet(columns(GOOD[0])), "duplicate", "data.parquet", 6,
    ),
    # Dialogues
    Seeded("an answer without its question", lambda: jsonl(asked({"output": "yes"})), "missing_column", "data.jsonl", 6),
    Seeded("an empty answer", lambda: jsonl(asked({"instruction": "why", "output": " "})), "empty", "data.jsonl", 6),
    Seeded("two questions in a row", lambda: jsonl(spoken(messages(("user", "a"), ("user", "b")))), "wrong_roles", "data.jsonl", 6),
    # Copies and leaks
    Seeded("a copy but for spaces", lambda: jsonl(texts({"text": f"  {GOOD[1].upper()} "})), "duplicate", "data.jsonl", 6),
    Seeded("a copied picture", lambda: packed(("dog/copy.png", png(2))), "duplicate", "dog/copy.png", 0),
    Seeded("a copied sound", lambda: heard(("meow/copy.wav", wav(4))), "duplicate", "meow/copy.wav", 0),
    Seeded(
        "a row of the test file in the training file",
        lambda: jsonl(texts({"text": "Seen twice."}), "train.jsonl") + jsonl([{"text": "Seen twice."}], "test.jsonl"),
        "leak", "train.jsonl", 6,
    ),
    Seeded(
        "a leak by a column",
        lambda: jsonl(texts({"text": "Again.", "split": "train"}, {"text": "Again.", "split": "test"})),
        "leak", "data.jsonl", 6,
    ),
    Seeded("a picture on both sides", lambda: split_pictures(("train/again.png", png(3))), "leak", "train/again.png", 0),
    # Encodings
    Seeded("Latin-1 bytes", lambda: [("a.txt", "\n\n".join(GOOD).encode() + "\n\ncaf\xe9 au lait".encode("latin-1"))], "wrong_encoding", "a.txt", 25),
    Seeded("GB 18030", lambda: [("a.txt", "\n\n".join(POEMS).encode("gb18030"))], "wrong_encoding", "a.txt", 1),
    Seeded("UTF-16", lambda: [("a.csv", "text\nrow one\nrow two\n".encode("utf-16"))], "wrong_encoding", "a.csv", 0),
    Seeded("twice encoded", lambda: jsonl(texts({"text": "cafÃ© au lait"})), "garbled", "data.jsonl", 6),
    # Classes
    Seeded("no label", lambda: jsonl(labelled({"text": "which?"})), "no_label", "data.jsonl", 6),
    Seeded("a class of two", lambda: jsonl(labelled({"text": "x y", "label": "c"}, {"text": "y z", "label": "c"})), "rare_class", "data.jsonl", 6),
    Seeded(
        "a class far larger than another",
        lambda: jsonl([{"text": f"text {n}", "label": "much" if n % 25 else "little"} for n in range(125 * 2)]),
        "imbalance", "data.jsonl", 1,
    ),
    # Pictures
    Seeded("a damaged picture", lambda: packed(("dog/bad.png", png(50)[:200])), "corrupt_picture", "dog/bad.png", 0),
    Seeded("a text named .png", lambda: packed(("dog/bad.png", b"not a picture")), "corrupt_picture", "dog/bad.png", 0),
    Seeded("a picture of 4 pixels", lambda: packed(("dog/tiny.png", png(52, 4))), "tiny_picture", "dog/tiny.png", 0),
    Seeded("a caption without its picture", lambda: packed(captions='{"file_name": "99.png", "text": "a dog"}'), "no_picture", "metadata.jsonl", 1),
    # Sounds
    Seeded("a damaged sound", lambda: heard(("bark/bad.flac", wav(40, file_format="flac")[:60])), "corrupt_sound", "bark/bad.flac", 0),
    Seeded("silence", lambda: heard(("bark/still.wav", wav(1, level=0.0))), "silent_sound", "bark/still.wav", 0),
    Seeded("a caption without its sound", lambda: heard(captions=said({"file_name": "99.wav", "text": "gone"})), "no_sound", "clips/metadata.jsonl", 13),
    # Archives
    Seeded("a name that leads out", lambda: packed(("../../evil.png", png(51))), "unsafe_name", "pictures.zip", 0),
    Seeded("a link that leads out", linked, "unsafe_name", "pictures.zip", 0),
    Seeded("a ZIP that lies about its size", liar, "unreadable_file", "large.txt", 0),
]  # fmt: skip

CLEAN: dict[str, list[File]] = {
    "texts": jsonl(texts()),
    "labelled": jsonl(labelled()),
    "instructions": jsonl(asked({"instruction": "Add up.", "input": "1 and 2", "output": "3"})),
    "dialogues": jsonl(spoken(messages(("system", "Be brief."), ("user", "Hello?"), ("assistant", "Yes.")))),
    "Chinese": jsonl([{"文本": text} for text in POEMS]),
    "a table": table('"a text, with a comma\nand a line",b'),
    "paragraphs": [("book.txt", "\r\n\r\n".join(GOOD).encode("utf-8-sig"))],
    "pictures": packed(),
    "sounds": heard(),
    "sounds with captions": heard(captions=said()),
    "Parquet": parquet(columns()),
    "pictures in Parquet": parquet({"image": [{"bytes": png(n), "path": f"{n}.png"} for n in range(12)], "text": GOOD}),
    "angle brackets that are no HTML": jsonl(texts({"text": "if a < b and b > c: print(x) # vector<int> <3"})),
    "emoji and accents": jsonl([{"text": f"café no. {n} 😀 naïve Größe"} for n in range(10)]),
}


def is_found(one: Seeded) -> bool:
    """Whether the doctor names it with its file and row."""
    return (one.kind, one.file, one.row) in [(at.kind, at.file, at.row) for at in examine(one.files()).defects]


def false_alarms() -> tuple[int, int]:
    """(how many alarms clean sets raise, how many rows they have)"""
    found = [examine(files) for files in CLEAN.values()]
    return sum(len(one.defects) for one in found), sum(len(one.examples) for one in found)

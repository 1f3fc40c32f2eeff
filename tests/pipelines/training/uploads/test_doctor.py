"""Forty defects, each in a file of its own among good rows: the doctor names each by file and row; clean sets alarm nobody."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.reading import File

GOOD = [f"The {place} good sentence about rivers, birds and the weather of day {place * 7}." for place in range(12)]
POEMS = [f"第{place}首:山中春雨后,夜静鸟声多{place}。" for place in range(12)]


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


LONG = "word " * 30_000
DEFECTS: list[tuple[str, Callable[[], list[File]], str, str, int]] = [
    # what, files, kind of defect, file, row
    ("broken JSON", lambda: jsonl(texts('{"text": "half')), "bad_json", "data.jsonl", 6),
    ("JSON with a trailing comma", lambda: jsonl(texts('{"text": "a",}')), "bad_json", "data.jsonl", 6),
    ("single quotes", lambda: jsonl(texts("{'text': 'a'}")), "bad_json", "data.jsonl", 6),
    ("a line that is a string", lambda: jsonl(texts('"only words"')), "not_an_object", "data.jsonl", 6),
    ("a line that is a list", lambda: jsonl(texts("[1, 2]")), "not_an_object", "data.jsonl", 6),
    ("a broken array", lambda: [("data.json", b'[{"text": "a"},\n{"text": }]')], "bad_json", "data.json", 2),
    ("a missing column", lambda: jsonl(texts({"txet": "misspelt"})), "missing_column", "data.jsonl", 6),
    ("an answer without its question", lambda: jsonl(asked({"output": "yes"})), "missing_column", "data.jsonl", 6),
    ("a question without its answer", lambda: jsonl(asked({"instruction": "why"})), "missing_column", "data.jsonl", 6),
    ("a number for a text", lambda: jsonl(texts({"text": 5})), "wrong_type", "data.jsonl", 6),
    ("a list for a text", lambda: jsonl(texts({"text": ["a"]})), "wrong_type", "data.jsonl", 6),
    ("null for a text", lambda: jsonl(texts({"text": None})), "empty", "data.jsonl", 6),
    ("an empty text", lambda: jsonl(texts({"text": ""})), "empty", "data.jsonl", 6),
    ("a text of spaces", lambda: jsonl(texts({"text": " \n\t "})), "empty", "data.jsonl", 6),
    ("an empty answer", lambda: jsonl(asked({"instruction": "why", "output": " "})), "empty", "data.jsonl", 6),
    ("a copy", lambda: jsonl(texts({"text": GOOD[0]})), "duplicate", "data.jsonl", 6),
    ("a copy but for spaces", lambda: jsonl(texts({"text": f"  {GOOD[1].upper()} "})), "duplicate", "data.jsonl", 6),
    ("a copied dialogue", lambda: jsonl(asked(asked()[2])), "duplicate", "data.jsonl", 6),
    ("a copied picture", lambda: packed(("dog/copy.png", png(2))), "duplicate", "dog/copy.png", 0),
    (
        "a row of the test file in the training file",
        lambda: jsonl(texts({"text": "Seen twice."}), "train.jsonl") + jsonl([{"text": "Seen twice."}], "test.jsonl"),
        "leak", "train.jsonl", 6,
    ),
    (
        "a leak by a column",
        lambda: jsonl(texts({"text": "Again.", "split": "train"}, {"text": "Again.", "split": "test"})),
        "leak", "data.jsonl", 6,
    ),
    ("a very long text", lambda: jsonl(texts({"text": LONG})), "too_long", "data.jsonl", 6),
    ("Latin-1 bytes", lambda: [("a.txt", "\n\n".join(GOOD).encode() + "\n\ncaf\xe9 au lait".encode("latin-1"))], "wrong_encoding", "a.txt", 25),
    ("GB 18030", lambda: [("a.txt", "\n\n".join(POEMS).encode("gb18030"))], "wrong_encoding", "a.txt", 1),
    ("UTF-16", lambda: [("a.csv", "text\nrow one\nrow two\n".encode("utf-16"))], "wrong_encoding", "a.csv", 0),
    ("twice encoded", lambda: jsonl(texts({"text": "cafÃ© au lait"})), "garbled", "data.jsonl", 6),
    ("lost characters", lambda: jsonl(texts({"text": "a \ufffd\ufffd b"})), "garbled", "data.jsonl", 6),
    ("control characters", lambda: jsonl(texts({"text": "a\u0000b"})), "garbled", "data.jsonl", 6),
    ("a record with a field too many", lambda: table("one,two,three"), "wrong_columns", "data.csv", 7),
    ("a record with a field missing", lambda: table("only text"), "wrong_columns", "data.csv", 7),
    ("no label", lambda: jsonl(labelled({"text": "which?"})), "no_label", "data.jsonl", 6),
    ("an empty label in a table", lambda: table("which class is it?,"), "no_label", "data.csv", 7),
    ("a class of two", lambda: jsonl(labelled({"text": "x y", "label": "c"}, {"text": "y z", "label": "c"})), "rare_class", "data.jsonl", 6),
    (
        "a class far larger than another",
        lambda: jsonl([{"text": f"text {n}", "label": "much" if n % 25 else "little"} for n in range(125 * 2)]),
        "imbalance", "data.jsonl", 1,
    ),
    ("two questions in a row", lambda: jsonl(spoken(messages(("user", "a"), ("user", "b")))), "wrong_roles", "data.jsonl", 6),
    ("no answer at the end", lambda: jsonl(spoken(messages(("user", "a"), ("assistant", "b"), ("user", "c")))), "wrong_roles", "data.jsonl", 6),
    ("a damaged picture", lambda: packed(("dog/bad.png", png(50)[:200])), "corrupt_picture", "dog/bad.png", 0),
    ("a text named .png", lambda: packed(("dog/bad.png", b"not a picture")), "corrupt_picture", "dog/bad.png", 0),
    ("a caption without its picture", lambda: packed(captions='{"file_name": "99.png", "text": "a dog"}'), "no_picture", "metadata.jsonl", 1),
    ("a name that leads out", lambda: packed(("../../evil.png", png(51))), "unsafe_name", "pictures.zip", 0),
]  # fmt: skip


@pytest.mark.parametrize(("files", "kind", "file", "row"), [d[1:] for d in DEFECTS], ids=[d[0] for d in DEFECTS])
def test_a_defect_is_named_with_its_file_and_row(
    files: Callable[[], list[File]], kind: str, file: str, row: int
) -> None:
    found = examine(files())
    assert (kind, file, row) in [(one.kind, one.file, one.row) for one in found.defects]


def test_forty_defects_raise_few_other_alarms() -> None:
    """A class of two is rare, and what is left out can make another class rare: besides, one defect is one."""
    assert len(DEFECTS) == 40
    others = [one for d in DEFECTS for one in examine(d[1]()).defects if one.kind != d[2]]
    assert len(others) <= 2, others


CLEAN: dict[str, list[File]] = {
    "texts": jsonl(texts()),
    "labelled": jsonl(labelled()),
    "instructions": jsonl(asked({"instruction": "Add up.", "input": "1 and 2", "output": "3"})),
    "dialogues": jsonl(spoken(messages(("system", "Be brief."), ("user", "Hello?"), ("assistant", "Yes.")))),
    "Chinese": jsonl([{"文本": text} for text in POEMS]),
    "a table": table('"a text, with a comma\nand a line",b'),
    "paragraphs": [("book.txt", "\r\n\r\n".join(GOOD).encode("utf-8-sig"))],
    "pictures": packed(),
    "emoji and accents": jsonl([{"text": f"café no. {n} 😀 naïve Größe"} for n in range(10)]),
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_data_alarm_nobody(name: str) -> None:
    found = examine(CLEAN[name])
    assert found.defects == () and len(found.examples) >= 10


def bomb(how: int, size: int = 50_000_000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr("bomb.txt", b"0" * size)
    return file.getvalue()


def test_what_is_unpacked_is_bounded_over_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.training.uploads.reading.MOST_BYTES", 1_000_000)
    half = bomb(zipfile.ZIP_DEFLATED, 600_000)
    assert [one.kind for one in examine([("a.zip", bomb(zipfile.ZIP_DEFLATED))]).defects] == ["too_large"]
    found = examine([("a.zip", half), ("b.zip", half)])
    assert [(one.kind, one.file) for one in found.defects if one.kind == "too_large"] == [("too_large", "b.zip")]


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_whole_before_it_can_be_bounded_is_not_unpacked(how: int) -> None:
    assert [one.kind for one in examine([("bomb.zip", bomb(how))]).defects] == ["unreadable_file"]


def test_an_archive_that_lies_about_its_sizes_is_told_of() -> None:
    data = bytearray(bomb(zipfile.ZIP_DEFLATED))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")  # unpacked, says the directory …
    data[22:26] = (10).to_bytes(4, "little")  # … and the member itself
    assert {one.kind for one in examine([("a.zip", bytes(data))]).defects} == {"unreadable_file"}
    for damaged in (b"PK\x03\x04 no", bytes(data[:-30]), bytes(data[: len(data) // 2])):
        assert {one.kind for one in examine([("a.zip", damaged)]).defects} == {"unreadable_file"}


def test_odd_names_in_an_archive_do_no_harm() -> None:
    found = examine(packed((".", b"x"), ("C:/evil.png", png(60)), ("/etc/evil.png", png(61))))
    assert {one.kind for one in found.defects} <= {"unsafe_name", "unreadable_file"} and len(found.examples) == 12


def test_captions_and_labels_go_to_their_own_picture() -> None:
    rows = ["file_name,label", *(f"{number}.png,{'even' if number % 2 == 0 else 'odd'}" for number in range(1, 21))]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(1, 21):
            archive.writestr(f"all/{number}.png", png(number))
        archive.writestr("all/metadata.csv", "\n".join(rows))
    found = examine([("all.zip", file.getvalue())])
    assert found.defects == () and found.kind == "labelled pictures"
    labels = {example.row.file: example.fields["label"] for example in found.examples}
    assert labels == {f"all/{number}.png": "even" if number % 2 == 0 else "odd" for number in range(1, 21)}


def test_folders_of_a_split_are_no_classes() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(12):
            archive.writestr(f"{'test' if number % 3 == 0 else 'train'}/{number}.png", png(number))
    found = examine([("all.zip", file.getvalue())])
    assert found.kind == "pictures" and sum(example.is_held_out for example in found.examples) == 4


def test_rows_that_look_like_pictures_and_halves_of_characters_are_only_rows() -> None:
    found = examine(jsonl(texts({"picture": "cat.png"}, '{"text": "half \\ud800 of one"}')))
    assert [(one.kind, one.row) for one in found.defects] == [("missing_column", 6), ("broken_characters", 7)]


def test_two_pictures_of_one_name_are_told_of() -> None:
    found = examine([("a.png", png(1)), ("a.png", png(2))])
    assert [one.kind for one in found.defects] == ["duplicate"]


def test_a_latin_text_is_not_taken_for_chinese() -> None:
    words = "Müller kaufte für fünf Mark Brötchen, später größere."
    found = examine([("a.txt", "\n\n".join(f"{words} {n}" for n in range(10)).encode("latin-1"))])
    assert [(one.kind, one.detail) for one in found.defects if one.kind == "wrong_encoding"] == [("wrong_encoding", "")]


def test_a_long_field_of_a_table_costs_no_other_row() -> None:
    rows = ["text", *(f"row {number}" for number in range(20)), "x" * 200_000, *(f"row {n}" for n in range(20, 40))]
    found = examine([("a.csv", "\n".join(rows).encode())])
    assert len(found.examples) == 41 and [one.kind for one in found.defects] == ["too_long"]


def test_kinds_and_labels() -> None:
    found = examine(packed())
    assert found.kind == "labelled pictures" and found.labels == ("cat", "dog")
    (alpaca,) = [one for one in examine(CLEAN["instructions"]).examples if one.fields["messages"][1]["content"] == "3"]
    assert alpaca.fields["messages"][0]["content"] == "Add up.\n\n1 and 2"
    assert examine(CLEAN["dialogues"]).kind == "dialogues"
    assert [one.row.number for one in examine(CLEAN["paragraphs"]).examples][:3] == [1, 3, 5]

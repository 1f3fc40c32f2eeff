"""The doctor names each of forty seeded defects by file and row, and more; clean sets alarm nobody."""

import io
import json
import zipfile
from collections.abc import Callable

import pytest

from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.reading import File
from tests.pipelines.training.uploads.seeded import (
    CLEAN,
    GOOD,
    SEEDED,
    asked,
    false_alarms,
    heard,
    is_found,
    jsonl,
    messages,
    packed,
    parquet,
    png,
    said,
    split_pictures,
    spoken,
    table,
    texts,
    wav,
)

MORE: list[tuple[str, Callable[[], list[File]], str, str, int]] = [
    # what, files, kind of defect, file, row
    ("JSON with a trailing comma", lambda: jsonl(texts('{"text": "a",}')), "bad_json", "data.jsonl", 6),
    ("single quotes", lambda: jsonl(texts("{'text': 'a'}")), "bad_json", "data.jsonl", 6),
    ("a line that is a list", lambda: jsonl(texts("[1, 2]")), "not_an_object", "data.jsonl", 6),
    ("a question without its answer", lambda: jsonl(asked({"instruction": "why"})), "missing_column", "data.jsonl", 6),
    ("a list for a text", lambda: jsonl(texts({"text": ["a"]})), "wrong_type", "data.jsonl", 6),
    ("null for a text", lambda: jsonl(texts({"text": None})), "empty", "data.jsonl", 6),
    ("a text of spaces", lambda: jsonl(texts({"text": " \n\t "})), "empty", "data.jsonl", 6),
    ("a copy", lambda: jsonl(texts({"text": GOOD[0]})), "duplicate", "data.jsonl", 6),
    ("a copied dialogue", lambda: jsonl(asked(asked()[2])), "duplicate", "data.jsonl", 6),
    ("lost characters", lambda: jsonl(texts({"text": "a \ufffd\ufffd b"})), "garbled", "data.jsonl", 6),
    ("control characters", lambda: jsonl(texts({"text": "a\u0000b"})), "garbled", "data.jsonl", 6),
    ("a record with a field missing", lambda: table("only text"), "wrong_columns", "data.csv", 7),
    (
        "no answer at the end",
        lambda: jsonl(spoken(messages(("user", "a"), ("assistant", "b"), ("user", "c")))),
        "wrong_roles", "data.jsonl", 6,
    ),
    ("a sound of a moment", lambda: heard(("bark/x.wav", wav(1, 0.01))), "short_sound", "bark/x.wav", 0),
    ("a sound of a minute", lambda: heard(("bark/x.wav", wav(1, 60.0))), "long_sound", "bark/x.wav", 0),
    ("a text named .ogg", lambda: heard(("bark/x.ogg", b"not a sound")), "corrupt_sound", "bark/x.ogg", 0),
    ("a caption of nothing", lambda: heard(("clips/13.wav", wav(13)), captions=said({"file_name": "13.wav", "text": " "})), "no_caption", "clips/13.wav", 0),
    ("a sound without a caption", lambda: heard(("clips/13.wav", wav(13)), captions=said()), "no_caption", "clips/13.wav", 0),
    ("a number in Parquet", lambda: parquet({"text": list(range(12))}), "wrong_type", "data.parquet", 6),
]  # fmt: skip


@pytest.mark.parametrize("one", SEEDED, ids=[one.name for one in SEEDED])
def test_a_defect_is_named_with_its_file_and_row(one) -> None:
    assert is_found(one)


@pytest.mark.parametrize(("files", "kind", "file", "row"), [d[1:] for d in MORE], ids=[d[0] for d in MORE])
def test_so_are_others(files: Callable[[], list[File]], kind: str, file: str, row: int) -> None:
    assert (kind, file, row) in [(one.kind, one.file, one.row) for one in examine(files()).defects]


def test_forty_defects_raise_few_other_alarms() -> None:
    """A class of two is rare, and what is left out can make another class rare: besides, one defect is one."""
    assert len(SEEDED) == 40
    others = [one for seeded in SEEDED for one in examine(seeded.files()).defects if one.kind != seeded.kind]
    assert len(others) <= 2, others


@pytest.mark.parametrize("name", CLEAN)
def test_clean_data_alarm_nobody(name: str) -> None:
    found = examine(CLEAN[name])
    assert found.defects == () and len(found.examples) >= 10


def test_a_false_alarm_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLEAN, "not clean", jsonl(texts({"text": ""})))
    alarms, rows = false_alarms()
    assert alarms == 1 and rows > 150


def test_parquet_has_the_names_of_classes_and_pictures_with_their_words() -> None:
    import pyarrow

    notes = {"info": {"features": {"label": {"names": ["sun", "rain"], "_type": "ClassLabel"}}}}
    schema = pyarrow.schema(
        [("text", pyarrow.string()), ("label", pyarrow.int64())], metadata={"huggingface": json.dumps(notes)}
    )
    found = examine(parquet({"text": GOOD, "label": [n % 2 for n in range(12)]}, schema=schema))
    assert found.kind == "labelled texts" and found.labels == ("rain", "sun")
    drawn = examine(CLEAN["pictures in Parquet"])
    assert drawn.kind == "captioned pictures" and [one.fields["caption"] for one in drawn.examples] == GOOD
    assert [one.row.number for one in drawn.examples] == list(range(1, 13))
    spoken_of = examine(
        parquet({"audio": [{"bytes": wav(n), "path": None} for n in range(12)], "label": ["a", "b"] * 6})
    )
    assert spoken_of.kind == "labelled sounds" and len(spoken_of.examples) == 12


def test_numbers_of_pandas_are_labels_and_minus_one_of_the_hub_is_none() -> None:
    import pyarrow

    found = examine(parquet({"text": GOOD, "label": [float(n % 2) for n in range(12)]}))
    assert found.labels == ("0", "1") and found.defects == ()
    notes = {"info": {"features": {"label": {"names": ["sun", "rain"], "_type": "ClassLabel"}}}}
    schema = pyarrow.schema(
        [("text", pyarrow.string()), ("label", pyarrow.int64())], metadata={"huggingface": json.dumps(notes)}
    )
    found = examine(parquet({"text": GOOD, "label": [n % 2 for n in range(10)] + [-1, -1]}, schema=schema))
    assert found.labels == ("rain", "sun") and [(one.kind, one.row) for one in found.defects][-2:] == [
        ("no_label", 11),
        ("no_label", 12),
    ]


def test_a_class_on_one_side_of_a_split_is_told() -> None:
    rows = [[{"text": f"{side} {n}", "label": f"{'ab'[n % 2]}"} for n in range(12)] for side in ("train", "test")]
    rows[1] += [{"text": f"only held out {n}", "label": "c"} for n in range(5)]
    found = examine(jsonl(rows[0], "train.jsonl") + jsonl(rows[1], "test.jsonl"))
    assert [(one.kind, one.file, one.row, one.detail) for one in found.defects] == [
        ("one_sided_class", "test.jsonl", 13, "c")
    ]
    assert not found.defects[0].is_left_out


@pytest.mark.parametrize(
    ("text", "is_markup"),
    [
        ("List<a> x = new Vector<p>();", False), ("a <p> in a sentence about tags", False), ("x <div y", False),
        ("one<br>two", True), ("<p>a paragraph</p>", True), ('<a href="/x">there</a>', True), ("<iframe>", True),
        ("<DIV\nclass=x>", True), ("<svg onload=alert(1)>", True),
    ],
)  # fmt: skip
def test_html_is_told_from_angle_brackets(text: str, is_markup: bool) -> None:
    found = examine(jsonl(texts({"text": text})))
    assert [one.kind for one in found.defects] == (["markup"] if is_markup else [])


def test_parquet_is_bounded_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    files = parquet({"text": ["the same words again and again " * 40_000] * 200}, rows_in_group=20)
    assert len(files[0][1]) < 2_000_000
    monkeypatch.setattr("pipelines.training.uploads.reading.MOST_BYTES", 5_000_000)
    assert [(one.kind, one.file) for one in examine(files).defects] == [("too_large", "data.parquet")]


def test_sounds_have_their_folders_as_classes_or_their_captions() -> None:
    found = examine(heard())
    assert found.kind == "labelled sounds" and found.labels == ("bark", "meow") and len(found.examples) == 12
    told = examine(CLEAN["sounds with captions"])
    assert told.kind == "captioned sounds"
    assert {one.fields["caption"] for one in told.examples} == {f"tone number {n}" for n in range(12)}


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
    found = examine(split_pictures())
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

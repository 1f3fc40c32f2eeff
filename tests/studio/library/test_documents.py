"""Documents that people attach: text in the encodings they have, PDFs, and files that are not what they seem."""

import io
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, StreamObject

from pipelines.errors.requests import TooManyFiles, UnreadableDocument
from studio.library import documents
from studio.library.documents import (
    LIMIT_CHARACTERS,
    LIMIT_FILES,
    LIMIT_FILES_BYTES,
    Document,
    read_attached,
    read_document,
)

POEM = "静夜思\n床前明月光,疑是地上霜。\n举头望明月,低头思故乡。\n"


def pdf(pages: list[str], password: str | None = None, stream: StreamObject | None = None) -> bytes:
    """A PDF with a line of Helvetica on each page, or `stream` as the content of all."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for line in pages:
        page = writer.add_blank_page(200, 200)
        content = stream or DecodedStreamObject()
        if stream is None:
            content.set_data(f"BT /F1 12 Tf 20 100 Td ({line}) Tj ET".encode() if line else b"")
        page[NameObject("/Contents")] = writer._add_object(content)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    if password is not None:
        writer.encrypt(password, "owner", algorithm="RC4-128")
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


def read(tmp_path: Path, data: bytes, name: str = "notes.txt") -> Document:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return read_document(path, name)


def reason(tmp_path: Path, data: bytes, name: str = "notes.txt") -> str:
    with pytest.raises(UnreadableDocument) as caught:
        read(tmp_path, data, name)
    assert caught.value.details["name"] == name
    told = str(caught.value.details["reason"])
    assert told not in caught.value.say("zh"), "the reason has no Chinese words"
    return told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_chinese_text_in_every_encoding_people_have(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, POEM.encode(encoding)) == Document("notes.txt", POEM)


def test_utf_16_of_both_orders(tmp_path: Path) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert read(tmp_path, mark + POEM.encode(encoding)).text == POEM


def test_code_and_tables_are_text_and_line_ends_are_one_kind(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\r\n1,2\r\n", "table.csv").text == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00",
        b"\x7fELF\x02\x01\x01\x00",
        bytes(range(256)) * 4,
        b"PK\x03\x04\x14\x00\x08\x00",
        "une journée à la forêt, déjà vu".encode("latin-1"),
        "Größe, Straße, hübsch, schön".encode("latin-1"),
        POEM.encode("utf-16-le"),
        b"\xff\xfea",
        b"\x00" * 100,
    ],
)
def test_what_is_not_text_is_refused_and_never_guessed(tmp_path: Path, data: bytes) -> None:
    assert reason(tmp_path, data) == documents.BINARY


def test_an_empty_file_and_one_of_spaces(tmp_path: Path) -> None:
    assert reason(tmp_path, b"") == documents.EMPTY
    assert reason(tmp_path, b"", "paper.pdf") == documents.EMPTY
    assert reason(tmp_path, b" \n\t\n") == documents.EMPTY


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="no longer there"):
        read_document(tmp_path / "gone", "notes.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_text_is_cut_between_characters(tmp_path: Path, encoding: str, shift: int) -> None:
    text = "a" * shift + "明月" * LIMIT_CHARACTERS + "𠮷"
    document = read(tmp_path, text.encode(encoding))
    assert document.is_cut
    assert document.text == text[:LIMIT_CHARACTERS]


def test_a_text_of_just_the_limit_is_whole(tmp_path: Path) -> None:
    text = "𠮷" * LIMIT_CHARACTERS
    assert read(tmp_path, text.encode()) == Document("notes.txt", text)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_give_text_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        document = read(tmp_path_factory.getbasetemp(), data.replace(b"%PDF-", b""))
    except UnreadableDocument:
        return
    assert document.text.encode() and "\0" not in document.text


# ── PDF ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_of_a_pdf(tmp_path: Path) -> None:
    document = read(tmp_path, pdf(["The first page", "and the second"]), "paper.pdf")
    assert document == Document("paper.pdf", "The first page\n\nand the second")


def test_a_pdf_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    assert read(tmp_path, pdf(["Hello"]), "notes.txt").text == "Hello"
    assert reason(tmp_path, b"Hello", "paper.PDF") == documents.NOT_A_PDF


def test_a_pdf_that_is_locked_against_reading_or_only_against_printing(tmp_path: Path) -> None:
    assert reason(tmp_path, pdf(["Secret"], password="open sesame"), "paper.pdf") == documents.LOCKED
    assert read(tmp_path, pdf(["Public"], password=""), "paper.pdf").text == "Public"


def test_a_pdf_without_text(tmp_path: Path) -> None:
    assert reason(tmp_path, pdf(["", ""]), "scan.pdf") == documents.ONLY_IMAGES


def test_a_broken_pdf(tmp_path: Path) -> None:
    whole = pdf(["Hello"] * 3)
    assert reason(tmp_path, whole[: len(whole) // 3], "paper.pdf") == documents.DAMAGED
    assert reason(tmp_path, b"%PDF-1.7\n" + os.urandom(2000), "paper.pdf") == documents.DAMAGED


def test_a_long_pdf_is_cut(tmp_path: Path) -> None:
    document = read(tmp_path, pdf([f"page {n}" for n in range(documents.LIMIT_PAGES + 1)]), "book.pdf")
    assert document.is_cut
    assert document.text.endswith(f"page {documents.LIMIT_PAGES - 1}")
    line = "x" * 30_000
    document = read(tmp_path, pdf([line] * 10), "book.pdf")
    assert document.is_cut
    assert len(document.text) == LIMIT_CHARACTERS


def bomb(content: bytes) -> bytes:
    """A PDF of a few kilobytes whose only page unfolds to `content`."""
    stream = StreamObject()
    stream._data = zlib.compress(content)
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    return pdf(["x"], stream=stream)


@pytest.mark.parametrize("content", [b" " * 200_000_000, b"BT (x) Tj ET " * 2_000_000], ids=["unfolds", "never ends"])
def test_a_pdf_that_asks_for_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(documents, "CHILD_SECONDS", 1)
    data = bomb(content)
    assert len(data) < 300_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(tmp_path, data, "bomb.pdf") == documents.TOO_HEAVY
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < before, "the child carries the load"


def test_the_child_may_not_take_more_memory_than_it_was_given(tmp_path: Path) -> None:
    hungry = "import studio.library.documents as d; d._pdf_text = lambda path: bytearray(2 << 30); sys.exit(d._main())"
    if sys.platform == "darwin":
        pytest.skip("macOS has no limit on the memory of a process; the time limit holds there")
    assert subprocess.run([sys.executable, "-c", f"import sys; {hungry}", "x"], check=False).returncode == 2


def test_a_message_takes_a_few_files_of_a_bounded_size(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.txt" for n in range(LIMIT_FILES + 1)]
    for path in paths:
        path.write_text(path.name)
    assert read_attached(paths[:-1]) == tuple(Document(path.name, path.name) for path in paths[:-1])
    with pytest.raises(TooManyFiles, match=f"at most {LIMIT_FILES} files"):
        read_attached(paths)
    with paths[0].open("r+b") as file:
        file.truncate(LIMIT_FILES_BYTES)
    with pytest.raises(TooManyFiles, match="20 MB"):
        read_attached(paths[:2])

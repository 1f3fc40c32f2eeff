"""The text of a document that a person attaches: text files of any kind, and PDFs with selectable text.

A PDF is opened in a child process with a limit on memory and time (`python -m studio.library.documents FILE`), since a
few bytes of PDF can ask a parser for gigabytes or hours. Knows no conversation and no model.
"""

import codecs
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.requests import TooManyFiles, UnreadableDocument

LIMIT_CHARACTERS = 200_000
LIMIT_PAGES = 200
LIMIT_BYTES = 100_000_000
LIMIT_FILES = 5  # of one message
LIMIT_FILES_BYTES = 20_000_000  # of them together
CHILD_MEMORY_BYTES = 1 << 30
CHILD_SECONDS = 20

_PDF_MAGIC = b"%PDF-"
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

EMPTY = "it is empty"
BINARY = "it is not text in UTF-8, UTF-16 or GB18030"
GONE = "it is no longer there"
NOT_A_PDF = "it is not a PDF although its name says so"
LOCKED = "it is protected by a password"
ONLY_IMAGES = "its pages hold no selectable text, only images"
DAMAGED = "it is damaged"
TOO_HEAVY = "it takes too long or too much memory to read"
TOO_LARGE = "it is larger than 100 MB"


@dataclass(frozen=True)
class Document:
    """The text of a file called `name`; `is_cut` when the file goes on after LIMIT_CHARACTERS or LIMIT_PAGES."""

    name: str
    text: str
    is_cut: bool = False


def read_attached(paths: Sequence[Path]) -> tuple[Document, ...]:
    """The texts of the files of one message. Raises TooManyFiles before any is read, else as `read_document`."""
    size_bytes = sum(path.stat().st_size for path in paths if path.is_file())
    if len(paths) > LIMIT_FILES or size_bytes > LIMIT_FILES_BYTES:
        raise TooManyFiles(files=LIMIT_FILES, megabytes=LIMIT_FILES_BYTES // 1_000_000)
    return tuple(read_document(path, path.name) for path in paths)


def read_document(path: Path, name: str) -> Document:
    """The text of the file at `path`, which the person calls `name`.

    Decides by content: a PDF is one whatever it is called. Raises UnreadableDocument, which says why, for a file that
    is empty, binary, damaged, locked, too large, or made of images only.
    """
    # 1. Look at the first bytes; text beyond what can be used is never read
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(4 * LIMIT_CHARACTERS + len(codecs.BOM_UTF8))  # 4 bytes is the longest character
    except FileNotFoundError as error:
        raise UnreadableDocument(name=name, reason=GONE) from error
    if size_bytes == 0:
        raise UnreadableDocument(name=name, reason=EMPTY)
    # 2. Take the text out
    if _PDF_MAGIC in data[:1024]:
        if size_bytes > LIMIT_BYTES:
            raise UnreadableDocument(name=name, reason=TOO_LARGE)
        text, is_cut = _read_pdf(path, name)
    elif name.lower().endswith(".pdf"):
        raise UnreadableDocument(name=name, reason=NOT_A_PDF)
    else:
        is_cut = size_bytes > len(data)
        text = _decode(data, name, is_cut)
    # 3. Cut it to what a model can be asked to read
    if not text.strip():
        raise UnreadableDocument(name=name, reason=EMPTY)
    return Document(name, text[:LIMIT_CHARACTERS], is_cut or len(text) > LIMIT_CHARACTERS)


# ── text ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _decode(data: bytes, name: str, is_cut: bool) -> str:
    """`data` as text; where it `is_cut`, half a character at its end is dropped."""
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    encodings = (_MARKS[mark],) if mark else ("utf-8", "gb18030")
    for encoding in encodings:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data[len(mark) :], final=not is_cut)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and (encoding != "gb18030" or _is_chinese(text)):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise UnreadableDocument(name=name, reason=BINARY)


def _is_chinese(text: str) -> bool:
    """Whether most of what is not ASCII are everyday Chinese characters.

    GB18030 gives a meaning to most bytes, and turns Latin-1 letters or a picture into rare characters and controls.
    """
    foreign = [character for character in text if not character.isascii()]
    everyday = len("".join(foreign).encode("gb2312", "ignore")) // 2
    controls = sum(character < " " and character not in "\t\n\r\f" for character in text)
    return controls == 0 and everyday * 2 > len(foreign)


# ── PDF ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_pdf(path: Path, name: str) -> tuple[str, bool]:
    """Text and `is_cut`, by way of a child that may die of what it reads."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "studio.library.documents", str(path.resolve())],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=CHILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocument(name=name, reason=TOO_HEAVY) from error
    if child.returncode != 0:  # a parser error is status 1, the limits on memory and time are a signal or MemoryError
        raise UnreadableDocument(name=name, reason=DAMAGED if child.returncode == 1 else TOO_HEAVY)
    answer = json.loads(child.stdout)
    if answer["refusal"]:
        raise UnreadableDocument(name=name, reason=answer["refusal"])
    return answer["text"], answer["is_cut"]


def _pdf_text(path: Path) -> dict:
    """What the child tells its parent: {"text", "is_cut", "refusal"}."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):  # many are locked against printing only, with no password
            return {"refusal": LOCKED}
        pages = reader.pages
        parts: list[str] = []
        length = 0
        for page in pages[:LIMIT_PAGES]:
            parts.append(page.extract_text())
            length += len(parts[-1])
            if length > LIMIT_CHARACTERS:
                break
        is_cut = len(parts) < len(pages)
    except DependencyError:  # a cipher that is opened with a password only by a package that is not here
        return {"refusal": LOCKED}
    except LimitReachedError:
        return {"refusal": TOO_HEAVY}
    except PyPdfError:
        return {"refusal": DAMAGED}
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    text = text.encode("utf-8", "replace").decode().replace("\0", "")
    return {"text": text, "is_cut": is_cut, "refusal": None if text else ONLY_IMAGES if parts else EMPTY}


def _main() -> int:
    """The child. Status 1 (a traceback) means a PDF that the parser fell over, 2 one that asked for too much."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_SECONDS, CHILD_SECONDS))
    with suppress(ValueError):  # macOS knows this limit but refuses to set it; the time limit holds there
        resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    try:
        answer = _pdf_text(Path(sys.argv[1]))
    except (MemoryError, RecursionError):
        return 2
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(_main())

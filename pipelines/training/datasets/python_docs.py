"""The Python language reference in plain text, as Python itself brings it along (`help("if")` shows it), cut into sections."""

from collections.abc import Iterator
from pathlib import Path

from pipelines.training.data import Kind, Texts, split_texts

DATA: Kind = "texts"
LICENCE = "PSF-2.0"
SOURCE = "https://docs.python.org/3/reference"
ATTRIBUTION = "Python Software Foundation"
LANGUAGES: tuple[str, ...] = ("en",)
SECTION_CHARACTERS = 1500  # at least
SHORT_CHARACTERS = 60  # a heading or a line of a table, which may come again


def load(packages: Path) -> Texts:
    """About 380,000 characters, by the Python that runs, in sections of whole paragraphs. Needs no download.

    Chapters quote each other: a paragraph stays only where it comes first, so that none is trained on and held out.
    """
    from pydoc_data.topics import topics

    seen: set[str] = set()
    return split_texts([section for name in sorted(topics) for section in _sections(topics[name], seen)])


def _sections(chapter: str, seen: set[str]) -> Iterator[str]:
    section: list[str] = []
    for paragraph in chapter.split("\n\n"):
        if paragraph.strip() in seen:
            continue
        if len(paragraph) >= SHORT_CHARACTERS:
            seen.add(paragraph.strip())
        section.append(paragraph)
        if sum(map(len, section)) >= SECTION_CHARACTERS:
            yield "\n\n".join(section)
            section = []
    if section:
        yield "\n\n".join(section)

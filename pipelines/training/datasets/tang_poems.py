"""35,000 Tang poems in regular form, each under a line that says what it is: form, title, rhyme.

    五绝 静夜思 江阳
    床前明月光，疑是地上霜。
    举头望明月，低头思故乡。

A model that has read these can be asked for a form, a subject and a rhyme by their first line (`pipelines/writing/poem.py`).
"""

from pathlib import Path

from pipelines.evaluation.rhyme import rhyme_of_poem
from pipelines.training.data import Kind, Texts
from pipelines.training.poems import ADDRESS, Poem, read_poems
from pipelines.writing.poem import heading

DATA: Kind = "texts"
LICENCE = "MIT"
SOURCE = ADDRESS
ATTRIBUTION = "chinese-poetry"
LANGUAGES = ("zh",)


def load(packages: Path) -> Texts:
    """Raises DatasetUnavailable."""
    poems, held_out = read_poems(packages)
    return Texts(tuple(map(document, poems)), tuple(map(document, held_out)))


def document(poem: Poem) -> str:
    couplets = zip(poem.lines[::2], poem.lines[1::2], strict=True)
    text = "".join(f"{upper}，{lower}。\n" for upper, lower in couplets)
    return heading(poem.form, poem.title, rhyme_of_poem(poem.lines)) + text

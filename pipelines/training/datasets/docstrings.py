"""What six libraries of this studio say of their own functions: docstrings, each with the library it stands in as its class.

Read from the installed files, and none of them is run. A text that names one of the libraries would give itself away, so the
names are left out, and so are examples in code. Where the libraries are of other versions, the texts are others.
"""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pipelines.training.data import Kind, LabelledTexts, split_labelled_texts

DATA: Kind = "labelled texts"
LICENCE = "Apache-2.0, BSD-3-Clause, ISC, MIT-CMU"
# One address after the other.
SOURCE = (
    "https://github.com/huggingface/diffusers https://github.com/gradio-app/gradio https://github.com/librosa/librosa "
    "https://github.com/networkx/networkx https://github.com/python-pillow/Pillow https://github.com/pytorch/pytorch"
)
ATTRIBUTION = "the authors of diffusers, Gradio, librosa, NetworkX, Pillow and PyTorch"
LANGUAGES: tuple[str, ...] = ("en",)

# What each class is called, and the folder of its library that is read.
LIBRARIES = {
    "noise schedules (diffusers)": "diffusers/schedulers",
    "web pages (Gradio)": "gradio",
    "sound (librosa)": "librosa",
    "graphs (NetworkX)": "networkx",
    "pictures (Pillow)": "PIL",
    "networks (PyTorch)": "torch/nn",
}
OF_EACH = 400  # at most, spread over the library
LEAST_CHARACTERS, MOST_CHARACTERS = 80, 400
BEGINNING_CHARACTERS = 60  # two that begin alike are copies with other numbers in them
_NAMES = re.compile(r"\b(?:diffusers?|gradio|gr|librosa|networkx|nx|pillow|pil|pytorch|torch|nn)\b[.:]?", re.IGNORECASE)


def load(packages: Path) -> LabelledTexts:
    """About 1,500 texts in six classes. Needs no download."""
    return read(LIBRARIES)


def read(libraries: dict[str, str]) -> LabelledTexts:
    """Those of `libraries`: the name of the class → its folder."""
    rows = [(text, label) for label, folder in enumerate(libraries.values()) for text in _texts(folder)]
    return split_labelled_texts(rows, tuple(libraries))


def _texts(folder: str) -> list[str]:
    """Each once, in an order that never changes."""
    package, _, inner = folder.partition("/")
    spec = find_spec(package)  # nothing of it is imported
    assert spec is not None
    assert spec.origin is not None  # it stands in requirements.txt
    found: dict[str, str] = {}
    for path in sorted((Path(spec.origin).parent / inner).rglob("*.py")):
        for docstring in _docstrings(path):
            text = _plain(docstring)
            if len(text) >= LEAST_CHARACTERS:
                found.setdefault(text[:BEGINNING_CHARACTERS].lower(), text)
    texts = list(found.values())
    return [texts[place * len(texts) // OF_EACH] for place in range(OF_EACH)] if len(texts) > OF_EACH else texts


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            yield text


def _plain(docstring: str) -> str:
    """Its beginning in one line, without code and without names of libraries."""
    lines = [line for line in docstring.splitlines() if not line.lstrip().startswith((">>>", "...", "```"))]
    return " ".join(_NAMES.sub("", " ".join(lines)).split())[:MOST_CHARACTERS]

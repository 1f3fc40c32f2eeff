"""What a person gives to a model of pictures, words and sounds, and how near it puts them to each other. Knows no gradio."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from pipelines.types.classification import Likelihood
from pipelines.types.search import MOST_THINGS, EmbedRequest, EmbedResult
from studio.ui.safe import escape
from studio.ui.training.bars import bars
from studio.ui.words import say


def asking(model: str, words: str, picture: bytes, sound: bytes) -> tuple[EmbedRequest, dict[str, bytes]]:
    """The picture and the sound are the first thing, each line of `words` is another. With the files of the request."""
    lines = [line.strip() for line in words.splitlines() if line.strip()][: MOST_THINGS - 1]
    count = 1 + len(lines)
    asked = EmbedRequest(together=model, texts=("", *lines), images=("",) * count, sounds=("",) * count)
    return asked, {**({"images-0": picture} if picture else {}), **({"sounds-0": sound} if sound else {})}


def answer(asked: EmbedRequest, result: EmbedResult, lang: str) -> str:
    """Of each two kinds that were given how near they are, between what has nothing in common and what means the same."""
    given = [(kind, label, vectors[kind]) for kind, label, vectors in _given(asked, result, lang) if kind in vectors]
    found: dict[tuple[str, str], list[Likelihood]] = {}
    for (kind, name, one), (other_kind, label, other) in combinations(given, 2):
        pair = "-".join(sorted((kind, other_kind)))
        if kind == other_kind or pair not in result.likeness:
            continue
        low, high = result.likeness[pair]
        share = min(1.0, max(0.0, (float(one @ other) - low) / (high - low))) if high > low else 0.0
        found.setdefault((name, other_kind), []).append(Likelihood(label, share))
    parts = []
    for (name, _), near in found.items():
        near.sort(key=lambda one: -one.probability)
        parts.append(f'<p class="help">{escape(say("near_to", lang, name=name))}</p>{bars(near)}')
    return "".join(parts)


def _given(asked: EmbedRequest, result: EmbedResult, lang: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, what it is called, its vectors by kind) of everything, pictures first."""
    arrays = [one.arrays() for one in result.vectors]
    for kind in ("picture", "sound"):
        if arrays:
            yield kind, say(f"near_{kind}", lang), arrays[0]
    for line, vectors in zip(asked.texts[1:], arrays[1:], strict=False):
        yield "words", line, vectors

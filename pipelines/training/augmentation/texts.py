"""Texts with words that changed places or are left out (Wei & Zou 2019, arXiv 1901.11196). No word becomes another one: which
words mean the same, no list knows. Knows no trainer.

A word is what stands between spaces; in Chinese and Japanese, a character.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.training.plan import ranged

PIECES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\s+|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True)
class TextChanges:
    """Of the words of a text: how many change places with the next one, how many are left out, 0 … 1 each."""

    swap: float = ranged(0.0, 1.0, default=0.0)
    delete: float = ranged(0.0, 0.9, default=0.0)


def augmented(texts: Sequence[str], changes: TextChanges) -> list[str]:
    """The same texts changed; of each at least one word is left."""
    if not (changes.swap or changes.delete):
        return list(texts)
    return [_changed(text, changes) for text in texts]


def _changed(text: str, changes: TextChanges) -> str:
    import torch

    pieces = PIECES.findall(text)
    words = [place for place, piece in enumerate(pieces) if piece.strip()]
    if not words:
        return text
    swapped, left_out = torch.rand(2, len(words)).tolist()
    for number in range(len(words) - 1):
        if swapped[number] < changes.swap:
            one, other = words[number], words[number + 1]
            pieces[one], pieces[other] = pieces[other], pieces[one]
    gone = {place for place, chance in zip(words, left_out, strict=True) if chance < changes.delete}
    if len(gone) == len(words):
        gone.remove(words[left_out.index(max(left_out))])
    return "".join(piece for place, piece in enumerate(pieces) if place not in gone).strip()

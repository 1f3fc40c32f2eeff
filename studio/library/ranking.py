"""Which of many things are meant by a query: by their words (BM25), and by where they lie in the spaces of the models.

    shelf.put(Thing(…)) … → shelf.rank(query) → the likeliest first

Each of these gives a weight, 0 … 1, and they are joined as if they were the chances that each is right by itself. They are
not measured: how much each way of looking weighs was chosen by hand, so a weight says what comes first and nothing about how
likely it is meant. Knows no database and no model: vectors are handed to it. Source of BM25: Robertson & Zaragoza 2009, "The
Probabilistic Relevance Framework".
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import numpy

from pipelines.finding.wording import is_chinese, words
from pipelines.types.search import Vectors

SENTENCE, *SHARED = Vectors.SPACES  # the first is of sentences only, the others are one

LIMIT_CHARACTERS = 8000  # of a thing or a query: what of it is looked into
SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25
TRUST = {"text": 0.95, SENTENCE: 0.75, "shared": 0.85}  # by hand: what a full match weighs
SENTENCE_LIKENESS = (0.28, 0.8)  # by hand: cosine of sentences that have little, and nearly everything, in common
LEAST = 0.12  # by hand: what weighs less is not shown

Likeness = Mapping[str, tuple[float, float]]  # "picture-words" → the cosines that mean nothing and everything


@dataclass(frozen=True)
class Thing:
    """`vectors` by space, each of length 1; those that it has."""

    id: str
    kind: str
    text: str = ""
    vectors: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """Words to be found as they are written, and where what is meant lies."""

    text: str = ""
    vectors: Mapping[str, Any] = field(default_factory=dict)
    likeness: Likeness = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    """`weight`, 0 … 1, is only good for the order; `found_by` says by what, the strongest first: "text", "sentence",
    "words-picture" …"""

    id: str
    kind: str
    weight: float
    found_by: tuple[str, ...]


class Shelf:
    """The things of one person. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._things: dict[str, Thing] = {}
        self._terms: dict[str, dict[str, int]] = defaultdict(dict)  # term → thing → how often
        self._lengths: dict[str, int] = {}
        self._rows: dict[str, tuple[list[str], Any]] = {}  # space → (ids, matrix), made when asked for

    def __len__(self) -> int:
        return len(self._things)

    def ids(self) -> Set[str]:
        return self._things.keys()

    def put(self, thing: Thing) -> None:
        """Also in place of the one that had this id."""
        self.remove(thing.id)
        self._things[thing.id] = thing
        counted = Counter(terms(thing.text))
        self._lengths[thing.id] = counted.total()
        for term, count in counted.items():
            self._terms[term][thing.id] = count
        self._rows.clear()

    def remove(self, thing_id: str) -> None:
        thing = self._things.pop(thing_id, None)
        if thing is None:
            return
        del self._lengths[thing_id]
        for term in set(terms(thing.text)):
            holders = self._terms[term]
            del holders[thing_id]
            if not holders:
                del self._terms[term]
        self._rows.clear()

    def rank(self, query: Query, kind: str | None = None, count: int = 50) -> list[Hit]:
        """The likeliest first; only those of `kind` where one is given."""
        # 1 What each way of looking says
        said: dict[str, dict[str, float]] = {}
        if query.text.strip():
            said["text"] = self._by_text(query.text)
        if SENTENCE in query.vectors:
            said[SENTENCE] = self._near(SENTENCE, query.vectors[SENTENCE], SENTENCE_LIKENESS, TRUST[SENTENCE])
        for asked in SHARED:
            for space in SHARED if asked in query.vectors else ():
                pair = "-".join(sorted((asked, space)))
                if pair in query.likeness:
                    said[f"{asked}-{space}"] = self._near(
                        space, query.vectors[asked], query.likeness[pair], TRUST["shared"]
                    )

        # 2 Together: it is not meant only where all of them are wrong
        wrong: dict[str, float] = defaultdict(lambda: 1.0)
        for weights in said.values():
            for thing_id, weight in weights.items():
                wrong[thing_id] *= 1 - weight
        hits = [
            Hit(thing_id, self._things[thing_id].kind, 1 - doubt, _strongest(said, thing_id))
            for thing_id, doubt in wrong.items()
            if 1 - doubt >= LEAST and kind in (None, self._things[thing_id].kind)
        ]
        return sorted(hits, key=lambda hit: -hit.weight)[:count]

    def _by_text(self, text: str) -> dict[str, float]:
        """BM25 as a share of what a short text with all the words would have."""
        wanted = set(terms(text, is_query=True))
        total = len(self._things)
        mean_length = sum(self._lengths.values()) / max(total, 1) or 1.0
        scores: dict[str, float] = defaultdict(float)
        most = 0.0
        for term in wanted:
            holders = self._terms.get(term, {})
            rarity = math.log(1 + (total - len(holders) + 0.5) / (len(holders) + 0.5))
            most += rarity
            for thing_id, often in holders.items():
                length = 1 - LENGTH_SHARE + LENGTH_SHARE * self._lengths[thing_id] / mean_length
                scores[thing_id] += rarity * often * (SATURATION + 1) / (often + SATURATION * length)
        return {one: TRUST["text"] * min(1.0, score / most) for one, score in scores.items()} if most else {}

    def _near(self, space: str, vector: Any, likeness: tuple[float, float], trust: float) -> dict[str, float]:
        ids, matrix = self._matrix(space)
        if not ids or matrix.shape[1] != len(vector):
            return {}
        low, high = likeness
        shares = numpy.clip((matrix @ vector - low) / max(high - low, 1e-6), 0.0, 1.0) * trust
        return {ids[place]: float(shares[place]) for place in numpy.nonzero(shares)[0]}

    def _matrix(self, space: str) -> tuple[list[str], Any]:
        if space not in self._rows:
            held = [thing for thing in self._things.values() if space in thing.vectors]
            stacked = numpy.stack([thing.vectors[space] for thing in held]) if held else numpy.zeros((0, 0))
            self._rows[space] = [thing.id for thing in held], stacked.astype(numpy.float32)
        return self._rows[space]


def terms(text: str, *, is_query: bool = False) -> list[str]:
    """Words without the s of a plural; of Chinese pairs of characters, and single ones where they stand alone or are looked into."""
    found = []
    for word in words(text, LIMIT_CHARACTERS):
        if not is_chinese(word):
            found.append(word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word)
            continue
        found += [word[at : at + 2] for at in range(len(word) - 1)]
        if len(word) == 1 or not is_query:
            found += word
    return found


def _strongest(said: Mapping[str, Mapping[str, float]], thing_id: str) -> tuple[str, ...]:
    held = [(weights[thing_id], way) for way, weights in said.items() if thing_id in weights]
    return tuple(way for _, way in sorted(held, reverse=True))

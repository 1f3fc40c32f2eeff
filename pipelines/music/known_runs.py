"""The runs of notes that a composer was trained on, as a table of checksums, so that it copies none of them.

A run is RUN_NOTES notes by their intervals and durations, the same in every key. It is known by a CRC of 32 bits: with 300,000
of them one run in 15,000 is taken for known that is not. Knows no model.

    known_runs.npy        (n,) uint32, sorted
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.music.score import DURATIONS, END, HOLD, PITCHES

if TYPE_CHECKING:
    import numpy as np

RUN_NOTES = 12
FILE = "known_runs.npy"


class KnownRuns:
    """None are known where the table is empty."""

    def __init__(self, table: "np.ndarray") -> None:
        self._table = frozenset(table.tolist())

    def holds(self, run: Sequence[tuple[int, int]]) -> bool:
        """Whether RUN_NOTES notes, (pitch, ticks) each, stand so in a tune."""
        return len(run) == RUN_NOTES and _checksum(run) in self._table


class Trail:
    """Follows a tune word by word and remembers its last notes."""

    def __init__(self) -> None:
        self._notes: deque[tuple[int, int]] = deque(maxlen=RUN_NOTES)
        self._ticks = 0

    def follow(self, word: str) -> None:
        if word in DURATIONS:
            self._ticks = DURATIONS[word]
        elif word in PITCHES:
            self._notes.append((PITCHES[word], self._ticks))
        elif word == HOLD and self._notes:
            pitch, ticks = self._notes.pop()
            self._notes.append((pitch, ticks + self._ticks))

    def run(self, word: str = "") -> list[tuple[int, int]]:
        """The last RUN_NOTES notes or fewer, (pitch, ticks) each; with a pitch `word`, that one is the last."""
        notes = [*self._notes, (PITCHES[word], self._ticks)] if word else [*self._notes]
        return notes[-RUN_NOTES:]


def write_runs(tunes: Iterable[Sequence[str]], folder: Path) -> None:
    """The table of these tunes, each as words, into `folder`."""
    import numpy as np

    found = {checksum for tune in tunes for checksum in _checksums(tune)}
    np.save(folder / FILE, np.array(sorted(found), dtype=np.uint32), allow_pickle=False)


def read_runs(folder: Path) -> KnownRuns:
    """Empty where the folder has no table. Raises ValueError for a file that is none."""
    import numpy as np

    place = folder / FILE
    return KnownRuns(np.load(place, allow_pickle=False) if place.exists() else np.zeros(0, np.uint32))


def _checksums(tune: Sequence[str]) -> Iterator[int]:
    trail = Trail()
    for word in (*tune, END):
        run = trail.run()
        if len(run) == RUN_NOTES and (word in PITCHES or word == END):  # so nothing holds the last of them any more
            yield _checksum(run)
        trail.follow(word)


def _checksum(run: Sequence[tuple[int, int]]) -> int:
    steps = (after - before for (before, _), (after, _) in pairwise(run))
    return zlib.crc32(" ".join(map(str, (*steps, *(ticks for _, ticks in run)))).encode())

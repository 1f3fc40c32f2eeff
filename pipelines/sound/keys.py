"""Keys and their scales: names into numbers and back, and which key a melody is in. Knows no score and no sound."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors.requests import NoSuchKey

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
"""The semitones of each scale above its tonic: of minor those of the natural one."""

# How well each semitone above the tonic fits a key: the probe tones of Krumhansl & Kessler 1982, Psychological Review 89.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}

_NAME = re.compile(r"([A-Ga-g])([#♯b♭]?)\s*([A-Za-z]*)")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODE_WORDS = {"": "major", "maj": "major", "m": "minor", "min": "minor", "dor": "dorian", "mix": "mixolydian"}


@dataclass(frozen=True)
class Key:
    """`tonic`: pitch class, 0 is C."""

    tonic: int
    mode: str

    def __str__(self) -> str:
        name = TONICS[self.tonic]
        return name if self.mode == "major" else f"{name} {self.mode}"

    def holds(self, pitch: int) -> bool:
        """Whether a MIDI number belongs to the scale."""
        return (pitch - self.tonic) % 12 in MODES[self.mode]


def read_key(name: str) -> Key:
    """ "C", "F# minor", "Ebm", "A dorian" … Raises NoSuchKey."""
    found = _NAME.fullmatch(name.strip())
    word = found[3] if found else ""
    mode = "minor" if word == "m" else _MODE_WORDS.get(word.lower()[:3] if word != "M" else "")
    if not found or mode is None:
        raise NoSuchKey(key=name, known=", ".join([*TONICS, "C minor", "D dorian", "G mixolydian", "…"]))
    shift = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[found[2]]
    return Key((_LETTERS[found[1].upper()] + shift) % 12, mode)


def find_key(pitches: Sequence[int], weights: Sequence[float]) -> Key:
    """The major or minor key that explains these MIDI numbers best, each as heavy as it is long.

    Krumhansl 1990, Cognitive Foundations of Musical Pitch: the profile that correlates best with the time on each pitch class.
    """
    import numpy as np

    heard = np.zeros(12)
    np.add.at(heard, np.asarray(pitches, dtype=int) % 12, np.asarray(weights, dtype=float))
    best, best_score = Key(0, "major"), -2.0
    for mode, profile in PROFILES.items():
        for tonic in range(12):
            score = float(np.corrcoef(np.roll(profile, tonic), heard)[0, 1]) if heard.std() > 0 else -1.0
            if score > best_score:
                best, best_score = Key(tonic, mode), score
    return best

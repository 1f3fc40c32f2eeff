"""A tune of one voice as words, one word a token, for a model that composes. Knows no sound, no file format, no model.

    K:major M:6/8 up 1/8 +7 bar16 1/4 +12 1/8 +11 +9 … bar1 +7 +4 3/8 +0 <end>

K: is the mode and M: the metre. A bar begins with how many are still to come, itself counted ("bar1" is the last), an upbeat
with "up". A duration is a part of a whole note and holds for all notes up to the next one. A pitch is its distance
from the tonic in semitones, so every tune is in every key; "rest" is silence, "hold" goes on with the note before it, over
a bar line too. The durations of a bar always add up to its metre.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from pipelines.sound.keys import MODES
from pipelines.types.music import Note

TICKS_PER_WHOLE = 96  # a thirty-second has 3, a sixteenth of a triplet 4
TICKS_PER_BEAT = 24  # a quarter note
METRES = {"2/4": 48, "3/4": 72, "4/4": 96, "6/8": 72, "9/8": 108}
"""Ticks of a bar. Cut time is written as 4/4."""

MOST_BARS = 32
TICKS = (96, 72, 60, 54, 48, 42, 36, 32, 30, 27, 24, 21, 18, 16, 15, 12, 9, 8, 6, 4, 3)
LOWEST, HIGHEST = -15, 26  # semitones from the tonic
TYPICAL_SEMITONES = 7  # above the tonic is where the middle of a tune lies

UP, REST, HOLD = "up", "rest", "hold"
END, UNKNOWN = "<end>", "<unk>"


@dataclass(frozen=True)
class ScoreNote:
    """`pitch` is a MIDI number, None a rest. `is_held`: it goes on with the note before it and is not struck again."""

    pitch: int | None
    ticks: int
    is_held: bool = False


@dataclass(frozen=True)
class Bar:
    notes: tuple[ScoreNote, ...]

    @property
    def ticks(self) -> int:
        return sum(note.ticks for note in self.notes)


@dataclass(frozen=True)
class Tune:
    """`tonic`: pitch class, 0 is C. The first bar is shorter than the metre where `has_upbeat`."""

    tonic: int
    mode: str
    metre: str
    has_upbeat: bool
    bars: tuple[Bar, ...]

    @property
    def notes(self) -> tuple[ScoreNote, ...]:
        return tuple(note for bar in self.bars for note in bar.notes)


def duration_word(ticks: int) -> str:
    return str(Fraction(ticks, TICKS_PER_WHOLE))


def pitch_word(semitones: int) -> str:
    return f"{semitones:+d}"


DURATIONS = {duration_word(ticks): ticks for ticks in TICKS if ticks != TICKS_PER_WHOLE} | {"1/1": TICKS_PER_WHOLE}
PITCHES = {pitch_word(semitones): semitones for semitones in range(LOWEST, HIGHEST + 1)}
VOCABULARY = (
    UNKNOWN, END,
    *(f"K:{mode}" for mode in MODES),
    *(f"M:{metre}" for metre in METRES),
    UP, *(f"bar{number}" for number in range(MOST_BARS, 0, -1)),
    *DURATIONS, REST, HOLD, *PITCHES,
)  # fmt: skip

_WORD_OF_TICKS = {ticks: word for word, ticks in DURATIONS.items()}


def heading(mode: str, metre: str) -> list[str]:
    return [f"K:{mode}", f"M:{metre}"]


def tonic_pitch(tune: Tune) -> int:
    """The MIDI number of the tonic from which the tune's middle is `TYPICAL_SEMITONES` up, or as near to that as octaves go."""
    pitches = sorted(note.pitch for note in tune.notes if note.pitch is not None)
    middle = pitches[len(pitches) // 2] - TYPICAL_SEMITONES if pitches else 60
    return min((tune.tonic + 12 * octave for octave in range(11)), key=lambda pitch: abs(pitch - middle))


def words_of(tune: Tune, bars_to_come: int = 0, tonic: int | None = None) -> list[str]:
    """Without an END. `bars_to_come`: how many whole bars shall follow those of `tune`; `tonic`: as a MIDI number, where it is settled.

    Raises ValueError for what no word stands for: too many bars, another metre, a pitch or a duration out of bounds.
    """
    tonic = tonic_pitch(tune) if tonic is None else tonic
    whole_bars = len(tune.bars) - tune.has_upbeat + bars_to_come
    words = heading(tune.mode, tune.metre)
    ticks = 0
    for number, bar in enumerate(tune.bars):
        is_upbeat = tune.has_upbeat and number == 0
        words.append(UP if is_upbeat else f"bar{whole_bars - (number - tune.has_upbeat)}")
        for note in bar.notes:
            if note.ticks != ticks:
                ticks = note.ticks
                words.append(_WORD_OF_TICKS.get(ticks, UNKNOWN))
            if note.is_held:
                words.append(HOLD)
            else:
                words.append(REST if note.pitch is None else pitch_word(note.pitch - tonic))
    if unknown := set(words).difference(VOCABULARY) | {UNKNOWN}.intersection(words):
        raise ValueError(f"no word for {', '.join(sorted(unknown))}")
    return words


def bars_of(words: list[str], tonic: int) -> Iterator[Bar]:
    """The bars that `words` stand for, in order; `tonic` is a MIDI number. A heading is passed over."""
    notes: list[ScoreNote] = []
    ticks, pitch = 0, None
    for word in words:
        if word in DURATIONS:
            ticks = DURATIONS[word]
        elif word in PITCHES or word == REST:
            pitch = None if word == REST else tonic + PITCHES[word]
            notes.append(ScoreNote(pitch, ticks))
        elif word == HOLD:
            notes.append(ScoreNote(pitch, ticks, is_held=True))
        elif word in (END, UP) or word.startswith("bar"):
            if notes:
                yield Bar(tuple(notes))
            notes = []
    if notes:
        yield Bar(tuple(notes))


def notes_of(bars: Iterable[Bar]) -> tuple[Note, ...]:
    """What is heard: rests left out, held notes as one, the first of a bar and of each beat louder than the others."""
    heard: list[Note] = []
    now = 0
    for bar in bars:
        place = 0
        for note in bar.notes:
            if note.is_held and heard and note.pitch is not None:
                before = heard[-1]
                heard[-1] = replace(before, beats=before.beats + note.ticks / TICKS_PER_BEAT)
            elif note.pitch is not None:
                heard.append(Note(note.pitch, now / TICKS_PER_BEAT, note.ticks / TICKS_PER_BEAT, _velocity(place)))
            place += note.ticks
            now += note.ticks
    return tuple(heard)


def _velocity(place: int) -> int:
    """Of a note that begins so many ticks into its bar."""
    if place == 0:
        return 96
    return 84 if place % TICKS_PER_BEAT == 0 else 74

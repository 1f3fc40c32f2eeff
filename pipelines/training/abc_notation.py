"""Tunes in ABC notation (ABC 2.1, https://abcnotation.com/wiki/abc:standard:v2.1) as bars of notes. It knows no collection.

What an engraver and a player add is passed over: chord names, fingers, grace notes, slurs, bows. A tune is refused where
reading it would be guessing: several voices, a change of key or metre within, a bar whose notes do not add up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from pipelines.errors.requests import NoSuchKey
from pipelines.music.score import TICKS_PER_WHOLE, Bar, ScoreNote, Tune
from pipelines.sound.keys import Key, read_key

METRES = {"C": (4, 4), "C|": (2, 2)}
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # so many notes in the time of so many, where the tune does not say

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = "FCGDAEB"
_RELATIVE_MAJOR = {"major": 0, "mixolydian": 7, "dorian": 2, "minor": 9}  # on which of its notes the mode begins
_FIELD = re.compile(r"([A-Za-z]):(.*)")
_TOKEN = re.compile(
    r"""(?P<skip>"[^"]*"|![^!\s|]{1,20}!|\{[^}]*\}|[\s`.~$\\*!yh-wH-W)])
    |\((?P<tuplet>\d)(?P<rule>(:\d*){0,2})
    |(?P<slur>\()
    |(?P<bar>(?:\[?\||:|\|\])[|:\]]*)(?:\[?(?P<ending>\d))?
    |\[(?P<only_ending>\d)
    |(?P<chord>\[(?:[\^_=]*[A-Ga-g][,']*[\d/]*)+\])(?P<chord_length>[\d/]*)
    |(?P<note>[\^_=]*[A-Ga-gzx][,']*)(?P<length>\d*/*\d*)
    |(?P<tie>-)
    |(?P<broken>>+|<+)""",
    re.VERBOSE,
)
_PITCH = re.compile(r"([\^_=]*)([A-Ga-gzx])([,']*)(\d*/*\d*)")


class NotRead(ValueError):
    """Why a tune was refused."""


@dataclass
class _Reading:
    """What a tune's signs have said so far."""

    signature: dict[str, int]
    unit: Fraction
    bars: list["_RawBar"] = field(default_factory=list)
    accidentals: dict[str, int] = field(default_factory=dict)
    tuplet: tuple[int, Fraction] = (0, Fraction(1))  # notes to come in it, and what their lengths are multiplied with
    broken: Fraction | None = None  # what the next note's length is multiplied with
    is_tied: bool = False


@dataclass
class _RawBar:
    notes: list[tuple[int | None, Fraction]] = field(default_factory=list)  # pitch (None: a rest) and length
    begins_held: bool = False  # its first note goes on with the last one of the bar before
    ending: int = 0
    ends_part: bool = False

    @property
    def length(self) -> Fraction:
        return sum((length for _, length in self.notes), Fraction())


def read_tunes(text: str) -> Iterator[tuple[str, Tune | NotRead]]:
    """(title, the tune or why there is none), one after the other: tunes are divided by their X: fields."""
    for chunk in re.split(r"(?m)^X:", text.replace("\r", ""))[1:]:
        title = next(iter(re.findall(r"(?m)^T:\s*(.*)$", chunk)), "").strip()
        try:
            yield title, read_tune(chunk)
        except NotRead as reason:
            yield title, reason


def read_tune(chunk: str) -> Tune:
    """One tune, once through: of a first and a second ending the second. Raises NotRead."""
    # 1 The fields above the music
    fields: dict[str, str] = {}
    lines = [re.sub(r"(?<!\\)%.*", "", line).rstrip() for line in chunk.split("\n")[1:]]
    while lines and "K" not in fields:
        line = lines.pop(0)
        if (found := _FIELD.match(line)) and (found[1] not in fields or found[1] in "KLM"):
            fields[found[1]] = found[2].strip()
    key = _key(fields.get("K", ""))
    metre = _metre(fields.get("M", ""))
    default = Fraction(1, 16) if Fraction(*metre) < Fraction(3, 4) else Fraction(1, 8)
    try:
        unit = Fraction(fields.get("L", "") or default)
    except (ValueError, ZeroDivisionError) as error:
        raise NotRead("unit") from error

    # 2 The music, sign by sign
    reading = _Reading(_signature(key), unit, [_RawBar()])
    for line in lines:
        if found := _FIELD.match(line):
            if found[1] in "KMLV":
                raise NotRead(f"a change of {found[1]}")
            continue
        _read_line(line, reading)

    # 3 Bars that add up
    full = Fraction(*metre)
    kept = [bar for bar in reading.bars if bar.notes and bar.ending != 1]
    if any(bar.ending > 2 for bar in kept):
        raise NotRead("three endings")
    bars = [_bar(bar) for bar in _whole_bars(kept, full)]
    upbeat = bars[0].ticks if bars[0].ticks < full * TICKS_PER_WHOLE else 0
    names = "4/4" if metre == (2, 2) else f"{metre[0]}/{metre[1]}"
    return Tune(key.tonic, key.mode, names, upbeat > 0, tuple(bars))


def _key(text: str) -> Key:
    """Of a K: field, and no more in it than a key. Raises NotRead."""
    try:
        return read_key(text)
    except NoSuchKey as error:
        raise NotRead(f"the key {text!r}") from error


def _metre(text: str) -> tuple[int, int]:
    if text in METRES:
        return METRES[text]
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not int(found[2]):
        raise NotRead(f"the metre {text!r}")
    return int(found[1]), int(found[2])


def _signature(key: Key) -> dict[str, int]:
    """The sharps or flats of the major key with the same notes."""
    major = (key.tonic - _RELATIVE_MAJOR[key.mode]) % 12
    fifths = (major * 7 + 5) % 12 - 5  # −5 … 6
    return dict.fromkeys(_SHARPS[:fifths], 1) if fifths >= 0 else dict.fromkeys(_SHARPS[fifths:], -1)


# ── signs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_line(line: str, reading: _Reading) -> None:
    place = 0
    while place < len(line):
        sign = _TOKEN.match(line, place)
        if not sign:
            raise NotRead(f"the sign {line[place : place + 8]!r}")
        place = sign.end()
        if sign["tuplet"]:
            _begin_tuplet(int(sign["tuplet"]), sign["rule"], reading)
        elif sign["bar"] is not None:
            _end_bar(sign["bar"], int(sign["ending"] or 0), reading)
        elif sign["only_ending"]:
            _end_bar("|", int(sign["only_ending"]), reading)
        elif sign["tie"]:
            reading.is_tied = True
        elif sign["broken"]:
            _break_rhythm(sign["broken"], reading)
        elif sign["chord"]:
            _add(_top_of(sign["chord"], reading), sign["chord_length"], reading)
        elif sign["note"]:
            pitch = None if sign["note"][-1] in "zx" else _pitch(sign["note"], reading)
            _add(pitch, sign["length"], reading)


def _add(pitch: int | None, length: str, reading: _Reading) -> None:
    beats = reading.unit * _length(length)
    left, factor = reading.tuplet
    if left:
        beats *= factor
        reading.tuplet = left - 1, factor
    if reading.broken is not None:
        beats *= reading.broken
        reading.broken = None
    bar, is_tied, reading.is_tied = reading.bars[-1], reading.is_tied and pitch is not None, False
    before = reading.bars[-2].notes if len(reading.bars) > 1 and not bar.notes else bar.notes
    if not (is_tied and before and before[-1][0] == pitch):  # else it was a slur, whatever its sign
        bar.notes.append((pitch, beats))
    elif bar.notes:
        bar.notes[-1] = pitch, bar.notes[-1][1] + beats
    else:
        bar.begins_held = True
        bar.notes.append((pitch, beats))


def _top_of(chord: str, reading: _Reading) -> int:
    """Of a double stop the upper string carries the tune."""
    return max(_pitch("".join(parts[:3]), reading) for parts in _PITCH.findall(chord))


def _pitch(sign: str, reading: _Reading) -> int:
    """A MIDI number. An accidental holds for its letter in every octave until the bar ends."""
    found = _PITCH.match(sign)
    assert found
    marks, letter, octaves = found[1], found[2], found[3]
    name = letter.upper()
    if marks:
        reading.accidentals[name] = marks.count("^") - marks.count("_")
    shift = reading.accidentals.get(name, reading.signature.get(name, 0))
    octave = 72 if letter.islower() else 60
    return octave + _LETTERS[name] + shift + 12 * (octaves.count("'") - octaves.count(","))


def _length(text: str) -> Fraction:
    """ "" 1 · "3" 3 · "/" ½ · "//" ¼ · "3/2" 1½."""
    above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    if not slashes:
        return Fraction(int(above or 1))
    if below and not int(below):
        raise NotRead("a length")
    return Fraction(int(above or 1), int(below) if below else 2 ** len(slashes))


def _begin_tuplet(count: int, rule: str, reading: _Reading) -> None:
    """(p:q:r is p notes in the time of q, for the next r."""
    _, *more = rule.split(":") if rule else ("",)
    time = int(more[0]) if more and more[0] else TUPLETS.get(count, 0)
    notes = int(more[1]) if len(more) > 1 and more[1] else count
    if not time or not count:
        raise NotRead("a tuplet")
    reading.tuplet = notes, Fraction(time, count)


def _break_rhythm(sign: str, reading: _Reading) -> None:
    """a>b: the first half as long again, the second half as long; a<b the other way round."""
    notes = reading.bars[-1].notes
    if not notes:
        raise NotRead("a broken rhythm")
    short = Fraction(1, 2 ** len(sign))
    own, other = (2 - short, short) if sign[0] == ">" else (short, 2 - short)
    pitch, beats = notes[-1]
    notes[-1], reading.broken = (pitch, beats * own), other


def _end_bar(sign: str, ending: int, reading: _Reading) -> None:
    bar = reading.bars[-1]
    closes_repeat = sign.startswith(":")
    bar.ends_part = bar.ends_part or closes_repeat or sign.count("|") > 1 or "]" in sign or sign.endswith(":")
    following = ending or (0 if closes_repeat or bar.ends_part else bar.ending)
    if bar.notes:
        reading.bars.append(_RawBar())
    elif len(reading.bars) > 1:
        reading.bars[-2].ends_part |= bar.ends_part
    reading.bars[-1].ending = following
    reading.bars[-1].ends_part = False
    reading.accidentals = {}
    reading.tuplet = 0, Fraction(1)


# ── bars ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole_bars(bars: list[_RawBar], full: Fraction) -> list[_RawBar]:
    """Only the first may be short. Two halves of a bar on both sides of a repeat sign become one. Raises NotRead.

    Where a part ends early to leave room for an upbeat that does not come, its last note is held.
    """
    if not bars:
        raise NotRead("no music")
    whole: list[_RawBar] = []
    waiting = list(bars)
    if waiting[0].length < full:
        whole.append(waiting.pop(0))
    while waiting:
        bar = waiting.pop(0)
        if bar.length < full and waiting and bar.length + waiting[0].length == full:
            rest = waiting.pop(0)
            bar = _RawBar(bar.notes + rest.notes, bar.begins_held, ends_part=rest.ends_part)
        elif full / 2 <= bar.length < full and (bar.ends_part or not waiting):
            sung = bar.notes[:-1] if len(bar.notes) > 1 and bar.notes[-1][0] is None else bar.notes
            pitch, beats = sung[-1]
            held = pitch, beats + full - sum(length for _, length in sung)
            bar = _RawBar([*sung[:-1], held], bar.begins_held, ends_part=True)
        if bar.length != full:
            raise NotRead("a bar that does not add up")
        whole.append(bar)
    return whole


def _bar(bar: _RawBar) -> Bar:
    notes = []
    for place, (pitch, length) in enumerate(bar.notes):
        ticks = length * TICKS_PER_WHOLE
        if ticks.denominator != 1:
            raise NotRead("a note too short")
        notes.append(ScoreNote(pitch, int(ticks), is_held=bar.begins_held and place == 0))
    return Bar(tuple(notes))

"""A melody that somebody brings, as bars of a score: out of a MIDI file, or hummed. Knows no model.

Hummed notes are found by pYIN (Mauch & Dixon 2014, ICASSP); a person's own tuning and tempo are found out from the notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors.requests import MissingSound, NoMelody
from pipelines.music.midi import is_midi, read_midi
from pipelines.music.score import HIGHEST, LOWEST, METRES, TICKS, TICKS_PER_BEAT, TYPICAL_SEMITONES, Bar, ScoreNote
from pipelines.sound.files import open_sound
from pipelines.sound.keys import Key, find_key
from pipelines.types.events import IsCancelled, never
from pipelines.types.music import Note

HUMMED_SECONDS = 120.0  # at most
SAMPLING_RATE, HOP_FRAMES = 16_000, 256
LOWEST_HZ, HIGHEST_HZ = 65.0, 1050.0  # C2 to C6: voices and whistling
BLOCK_MOMENTS, MARGIN_MOMENTS = 250, 8  # of HOP_FRAMES each: 4 s
SHORTEST_SECONDS = 0.09  # of a hummed note
QUIETEST = 0.004  # RMS: below it is breath
CONSONANT = 0.25  # of the usual loudness: what is softer divides two notes
TEMPOS = range(70, 140)  # of what is hummed, quarters a minute: an octave of tempos, so that one of them fits best
GRIDS = (6, 8)  # ticks: sixteenths, or triplets of eighths where those fit much better
LONGEST_BARS = 2  # of one note or pause; what is longer is cut
MOST_BARS = 24  # of a melody that is gone on with: its end


@dataclass(frozen=True)
class Melody:
    """Notes of one voice. `tempo` in quarters a minute; `metre` is "" where nobody knows."""

    notes: tuple[Note, ...]
    tempo: int
    metre: str

    @property
    def key(self) -> Key:
        return find_key([note.pitch for note in self.notes], [note.beats for note in self.notes])


def read_melody(path: Path, tempo: int | None, is_cancelled: IsCancelled = never) -> Melody | None:
    """Of the file at `path`; `tempo`: as it was hummed, where the person says so. None when it was cancelled.

    Raises MissingSound, UnreadableSound, NoMelody.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(4)
    except OSError:
        raise MissingSound() from None
    if is_midi(beginning):
        read = read_midi(path.read_bytes(), path.name)
        return Melody(read.notes, read.tempo, {"2/2": "4/4", "C": "4/4"}.get(read.metre, read.metre))
    sound = open_sound(path, sampling_rate=SAMPLING_RATE, is_mono=True, limit_seconds=HUMMED_SECONDS)
    semitones = _pitches(sound.samples, is_cancelled)
    return None if semitones is None else _in_beats(_hummed(semitones, path.name), tempo)


def bars_of_melody(melody: Melody, metre: str, tonic: int) -> tuple[bool, tuple[Bar, ...]]:
    """(whether it begins with an upbeat, its bars, the last of which may be unfinished). Pitches that no word stands for go by octaves.

    `tonic` is a MIDI number; see `tonic_for`.
    """
    # 1 On the grid: each note until the next, except over a real pause
    full, grid = METRES[metre], _grid(melody.notes, METRES[metre])
    starts = [round(note.start_beats * TICKS_PER_BEAT / grid) * grid for note in melody.notes]
    ends = [round((note.start_beats + note.beats) * TICKS_PER_BEAT / grid) * grid for note in melody.notes]
    spans: list[tuple[int | None, int]] = []
    for place, note in enumerate(melody.notes):
        after = starts[place + 1] if place + 1 < len(starts) else max(ends[place], starts[place] + grid)
        end = after if after - ends[place] < TICKS_PER_BEAT else ends[place]
        if end > starts[place]:  # else the grid is too coarse for so short a note
            spans.append((_folded(note.pitch, tonic), min(end - starts[place], LONGEST_BARS * full)))
            if after > end:
                spans.append((None, min(after - end, LONGEST_BARS * full)))

    # 2 Into bars
    offset = starts[0] % full
    has_upbeat = offset >= full // 2
    if offset and not has_upbeat:
        spans.insert(0, (None, offset))
    bars, left, notes = list[Bar](), full - offset if has_upbeat else full, list[ScoreNote]()
    for pitch, ticks in spans:
        is_held = False
        while ticks:
            part = next(one for one in TICKS if one <= min(ticks, left) and one % grid == 0)
            notes.append(ScoreNote(pitch, part, is_held=is_held and pitch is not None))
            ticks, left, is_held = ticks - part, left - part, True
            if not left:
                bars.append(Bar(tuple(notes)))
                left, notes = full, []
    if notes:
        bars.append(Bar(tuple(notes)))

    # 3 The end of a long one
    if len(bars) - has_upbeat > MOST_BARS:
        bars, has_upbeat = bars[-MOST_BARS:], False
        first = bars[0].notes[0]
        bars[0] = Bar((replace(first, is_held=False), *bars[0].notes[1:]))
    return has_upbeat, tuple(bars)


def tonic_for(melody: Melody, key: Key) -> int:
    """The MIDI number of the tonic below the middle of the melody."""
    middle = sorted(note.pitch for note in melody.notes)[len(melody.notes) // 2] - TYPICAL_SEMITONES
    return min(range(key.tonic, 128, 12), key=lambda pitch: abs(pitch - middle))


def _folded(pitch: int, tonic: int) -> int:
    while pitch - tonic > HIGHEST:
        pitch -= 12
    while pitch - tonic < LOWEST:
        pitch += 12
    return pitch


def _grid(notes: Sequence[Note], full: int) -> int:
    """One that a bar of `full` ticks is a multiple of."""

    def error(grid: int) -> float:
        places = [note.start_beats * TICKS_PER_BEAT / grid for note in notes]
        return sum(abs(place - round(place)) * grid for place in places)

    fine, triplets = GRIDS
    return triplets if full % triplets == 0 and error(triplets) < 0.5 * error(fine) else fine


# ── humming ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pitches(samples: Any, is_cancelled: IsCancelled) -> Any:
    """(frames,) samples → (moments,) semitones as MIDI counts them, nan where no pitch is heard. None when it was cancelled.

    In blocks, so that Stop acts between them, with margins, so that no block begins with silence.
    """
    import librosa
    import numpy as np

    # 1 The pitch of every moment
    moments = -(-len(samples) // HOP_FRAMES)
    semitones = np.full(moments, np.nan)
    for begin in range(0, moments, BLOCK_MOMENTS):
        if is_cancelled():
            return None
        first = max(0, begin - MARGIN_MOMENTS)
        block = samples[first * HOP_FRAMES : (begin + BLOCK_MOMENTS + MARGIN_MOMENTS) * HOP_FRAMES]
        frequencies, is_voiced, _ = librosa.pyin(
            block, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=SAMPLING_RATE, frame_length=1024, hop_length=HOP_FRAMES
        )
        heard = np.where(is_voiced, 69 + 12 * np.log2(np.where(is_voiced, frequencies, 440.0) / 440), np.nan)
        part = heard[begin - first :][: min(BLOCK_MOMENTS, moments - begin)]
        semitones[begin : begin + len(part)] = part

    # 2 Without breath and consonants
    loudness = librosa.feature.rms(y=samples, frame_length=2 * HOP_FRAMES, hop_length=HOP_FRAMES)[0][:moments]
    is_voiced = np.isfinite(semitones)
    usual = float(np.median(loudness[is_voiced])) if is_voiced.any() else 0.0
    semitones[loudness <= max(QUIETEST, usual * CONSONANT)] = np.nan
    return semitones


def _hummed(semitones: Any, name: str) -> list[tuple[int, float, float]]:
    """(MIDI number, start, end in seconds) of every note. Raises NoMelody."""
    import numpy as np

    # 1 Is there anything?
    is_voiced = np.isfinite(semitones)
    if not is_voiced.any():
        raise NoMelody(name=name, reason="no steady pitch is heard")

    # 2 People hum between the keys: how far beside them, as the mean of an angle
    turns = np.exp(2j * np.pi * semitones[is_voiced])
    rounded = np.round(semitones - np.angle(turns.mean()) / (2 * np.pi))

    # 3 Moments of one pitch are a note; slides between two notes are too short to be one
    seconds = HOP_FRAMES / SAMPLING_RATE
    found: list[tuple[int, float, float]] = []
    begin = 0
    for place in range(1, len(rounded) + 1):
        if place < len(rounded) and rounded[place] == rounded[begin]:
            continue
        if np.isfinite(rounded[begin]) and (place - begin) * seconds >= SHORTEST_SECONDS:
            found.append((int(rounded[begin]), begin * seconds, place * seconds))
        begin = place
    if not found:
        raise NoMelody(name=name, reason="no steady pitch is heard")
    return _joined(found)


def _joined(found: Sequence[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Pieces of one pitch with a flicker between them are one note; a gap as long as a consonant divides two."""
    notes = [found[0]]
    for pitch, start, end in found[1:]:
        before = notes[-1]
        if pitch == before[0] and start - before[2] < 0.03:
            notes[-1] = pitch, before[1], end
        else:
            notes.append((pitch, start, end))
    return notes


def _in_beats(hummed: Sequence[tuple[int, float, float]], tempo: int | None) -> Melody:
    """With the tempo at which most notes begin on an eighth, where none is given."""
    first = hummed[0][1]
    starts = [start - first for _, start, _ in hummed]

    def error(tempo: int) -> float:
        eighths = [start * tempo / 30 for start in starts]
        return sum(abs(place - round(place)) for place in eighths)

    tempo = tempo or min(TEMPOS, key=error)
    beats = tempo / 60
    notes = [Note(pitch, (start - first) * beats, (end - start) * beats) for pitch, start, end in hummed]
    return Melody(tuple(notes), tempo, "")

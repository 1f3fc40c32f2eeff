"""Notes to a Standard MIDI File and back (MIDI 1.0, RP-001). Knows no key and no model."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import mido
from mido.midifiles.meta import KeySignatureError

from pipelines.errors.requests import NoMelody
from pipelines.types.music import MusicRequest, Note

TICKS_PER_BEAT = 480
MOST_BYTES = 1_000_000
DRUMS = 9  # the channel
DEFAULT_TEMPO = 120  # where a file does not say, quarters a minute


@dataclass(frozen=True)
class Read:
    """A melody of one voice. `tempo` in quarters a minute, as near as a request may ask for; `metre` is "" where the file does not say."""

    notes: tuple[Note, ...]
    tempo: int
    metre: str


def is_midi(content: bytes) -> bool:
    return content[:4] == b"MThd"


def write_midi(
    notes: Sequence[Note], tempo: int, metre: str, program: int, title: str, upbeat_beats: float = 0.0
) -> bytes:
    """One track. `program` 0 … 127 is the instrument of General MIDI; `tempo` in quarters a minute.

    An upbeat stands at the end of a first bar that is else silent, so bar lines are where they belong.
    """
    numerator, denominator = map(int, metre.split("/"))
    silence = 4 * numerator / denominator - upbeat_beats if upbeat_beats else 0.0
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=title.encode("latin-1", "replace").decode("latin-1")))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    track.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
    track.append(mido.Message("program_change", program=program))

    # Ends before beginnings where both fall on one moment, so that a repeated pitch is struck again
    events = []
    for note in notes:
        start, end = (
            round((silence + beats) * TICKS_PER_BEAT) for beats in (note.start_beats, note.start_beats + note.beats)
        )
        events += [(end, 0, mido.Message("note_off", note=note.pitch, velocity=0))]
        events += [(start, 1, mido.Message("note_on", note=note.pitch, velocity=note.velocity))]
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])
    held = io.BytesIO()
    file.save(file=held)
    return held.getvalue()


def read_midi(content: bytes, name: str) -> Read:
    """The first track that has notes; of those that sound together the highest. Raises NoMelody."""
    # 1 Is it one?
    if len(content) > MOST_BYTES:
        raise NoMelody(name=name, reason=f"the file is larger than {MOST_BYTES // 1_000_000} MB")
    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, KeySignatureError) as error:
        raise NoMelody(name=name, reason=str(error)[:120] or "the file is damaged") from error
    if file.ticks_per_beat <= 0:
        raise NoMelody(name=name, reason="it counts film frames and not beats")

    # 2 The melody
    melodies = (_top_voice(track, file.ticks_per_beat) for track in file.tracks)
    notes = next((melody for melody in melodies if melody), ())
    if not notes:
        raise NoMelody(name=name, reason="there are no notes in it")

    # 3 What the file says of it
    messages = [message for track in file.tracks for message in track]
    tempos = [message.tempo for message in messages if message.type == "set_tempo" and message.tempo]
    metres = [f"{m.numerator}/{m.denominator}" for m in messages if m.type == "time_signature"]
    lowest, highest = MusicRequest.RANGES["tempo"]
    tempo = min(max(round(mido.tempo2bpm(tempos[0])), lowest), highest) if tempos else DEFAULT_TEMPO
    return Read(notes, tempo, metres[0] if metres else "")


def _top_voice(track: mido.MidiTrack, ticks_per_beat: int) -> tuple[Note, ...]:
    # 1 Every note with its beginning and end
    found: list[Note] = []
    sounding: dict[int, tuple[int, int]] = {}
    now = 0
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
            continue
        if message.note in sounding:
            start, velocity = sounding.pop(message.note)
            if now > start:
                found.append(Note(message.note, start / ticks_per_beat, (now - start) / ticks_per_beat, velocity))
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = now, message.velocity

    # 2 One voice: the highest of those that begin together, each until the next begins
    found.sort(key=lambda note: (note.start_beats, -note.pitch))
    starts = sorted({note.start_beats for note in found})
    highest = {note.start_beats: note for note in reversed(found)}
    voice = [highest[start] for start in starts]
    cut = [
        Note(note.pitch, note.start_beats, min(note.beats, after.start_beats - note.start_beats), note.velocity)
        for note, after in pairwise(voice)
    ]
    return (*cut, *voice[-1:])

"""MIDI files: written notes come back, and what is no file or holds no melody is refused plainly."""

import io

import mido
import pytest

from pipelines.errors.requests import NoMelody
from pipelines.music.midi import is_midi, read_midi, write_midi
from pipelines.types.music import Note

NOTES = (Note(62, 0.5, 0.5, 96), Note(62, 1.0, 1.5, 80), Note(69, 3.0, 1 / 3, 70))


def test_what_was_written_is_read_again():
    content = write_midi(NOTES, 132, "6/8", 46, "D minor – “6/8”")
    read = read_midi(content, "a.mid")
    assert is_midi(content) and (read.tempo, read.metre) == (132, "6/8")
    assert [(note.pitch, note.velocity) for note in read.notes] == [(62, 96), (62, 80), (69, 70)]
    assert [note.start_beats for note in read.notes] == pytest.approx([0.5, 1.0, 3.0], abs=1 / 480)
    assert [note.beats for note in read.notes] == pytest.approx([0.5, 1.5, 1 / 3], abs=1 / 480)
    assert [m.program for m in mido.MidiFile(file=io.BytesIO(content)).tracks[0] if m.type == "program_change"] == [46]


def test_an_upbeat_ends_at_the_first_bar_line():
    read = read_midi(
        write_midi((Note(67, 0.0, 0.5), Note(72, 0.5, 3.0)), 120, "6/8", 0, "x", upbeat_beats=0.5), "a.mid"
    )
    assert [note.start_beats for note in read.notes] == [2.5, 3.0]


def test_a_tempo_that_nobody_may_ask_for_is_the_nearest_that_one_may():
    assert read_midi(write_midi(NOTES, 9, "4/4", 0, "x"), "a.mid").tempo == 30
    assert read_midi(write_midi(NOTES, 900, "4/4", 0, "x"), "a.mid").tempo == 300


def test_of_chords_the_highest_note_is_the_melody_and_drums_are_none():
    track = mido.MidiTrack()
    track.append(mido.Message("note_on", note=38, velocity=99, channel=9))
    for pitch in (60, 67, 64):
        track.append(mido.Message("note_on", note=pitch, velocity=90))
    track.append(mido.Message("note_off", note=60, time=480))
    track.append(mido.Message("note_on", note=67, velocity=0))
    track.append(mido.Message("note_off", note=64))
    held = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[mido.MidiTrack(), track]).save(file=held)
    read = read_midi(held.getvalue(), "a.mid")
    assert read.notes == (Note(67, 0.0, 1.0, 90),)
    assert (read.tempo, read.metre) == (120, "")


@pytest.mark.parametrize(
    "content",
    [b"MThd", b"MThd\0\0\0\6\0\0\0\1\1\xe0", b"RIFF....", write_midi((), 120, "4/4", 0, ""), write_midi(NOTES, 120, "4/4", 0, "x")[:40],
     b"MThd\0\0\0\6\0\0\0\1\xe7\x28" + write_midi(NOTES, 120, "4/4", 0, "x")[14:], b"MThd" + bytes(range(256)) * 40],
)  # fmt: skip
def test_what_is_no_melody_is_refused(content):
    with pytest.raises(NoMelody):
        read_midi(content, "a.mid")


def test_a_key_signature_that_does_not_exist_is_refused():
    track = b"\0\xff\x59\x02\x7f\x05" + b"\0\xff\x2f\0"
    content = write_midi(NOTES, 120, "4/4", 0, "x")[:14] + b"MTrk" + len(track).to_bytes(4, "big") + track
    with pytest.raises(NoMelody):
        read_midi(content, "a.mid")

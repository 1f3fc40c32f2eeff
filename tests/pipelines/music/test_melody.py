"""A melody that somebody brings: out of MIDI and out of a hummed recording, on the grid of a score."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors.requests import MissingSound, NoMelody, UnreadableSound
from pipelines.music.melody import MOST_BARS, Melody, bars_of_melody, read_melody, tonic_for
from pipelines.music.midi import write_midi
from pipelines.music.score import HIGHEST, LOWEST, METRES, notes_of
from pipelines.sound.files import to_bytes
from pipelines.sound.keys import Key
from pipelines.types.music import Note
from pipelines.types.sound import Wave

RATE = 16_000


def melody(*notes: tuple[int, float, float], metre: str = "4/4") -> Melody:
    return Melody(tuple(Note(*note) for note in notes), 120, metre)


def test_a_midi_file_gives_notes_tempo_and_metre(tmp_path: Path):
    path = tmp_path / "tune.bin"
    notes = [Note(pitch, place / 2, 0.5) for place, pitch in enumerate((67, 71, 74, 79, 78, 76, 74, 67))]
    path.write_bytes(write_midi(notes, 96, "3/4", 0, "x"))
    read = read_melody(path, None)
    assert (read.tempo, read.metre, read.key) == (96, "3/4", Key(7, "major"))
    assert [note.pitch for note in read.notes] == [note.pitch for note in notes]


def test_uneven_playing_is_put_on_the_grid_in_bars_that_add_up():
    played = melody((62, 0.02, 0.9), (66, 1.03, 0.8), (69, 1.97, 1.2), (62, 3.52, 2.0), (64, 5.5, 0.4))
    has_upbeat, bars = bars_of_melody(played, "4/4", 62)
    assert not has_upbeat and bars[0].ticks == METRES["4/4"] and bars[-1].ticks <= METRES["4/4"]
    assert [(note.pitch, note.start_beats, note.beats) for note in notes_of(bars)] == [
        (62, 0, 1), (66, 1, 1), (69, 2, 1.5), (62, 3.5, 2), (64, 5.5, 0.5),
    ]  # fmt: skip


def test_upbeats_pauses_triplets_and_far_pitches():
    has_upbeat, bars = bars_of_melody(melody((67, 3.0, 1.0), (72, 4.0, 4.0)), "4/4", 60)
    assert has_upbeat and [bar.ticks for bar in bars] == [24, 96]

    has_upbeat, bars = bars_of_melody(melody((60, 0.0, 0.5), (62, 3.0, 1.0)), "4/4", 60)
    assert [(note.pitch, note.ticks) for bar in bars for note in bar.notes][:2] == [(60, 12), (None, 60)]

    _, bars = bars_of_melody(melody(*((60 + place, place / 3, 1 / 3) for place in range(6))), "2/4", 60)
    assert [note.ticks for bar in bars for note in bar.notes] == [8] * 6

    for metre in METRES:  # where triplets do not fill a bar they become sixteenths
        _, bars = bars_of_melody(melody(*((60 + place, place / 3, 1 / 3) for place in range(30))), metre, 60)
        assert {bar.ticks for bar in bars[:-1]} == {METRES[metre]}

    far = melody((20, 0.0, 1.0), (127, 1.0, 1.0), (60, 2.0, 1.0))
    tonic = tonic_for(far, Key(0, "major"))
    _, bars = bars_of_melody(far, "4/4", tonic)
    assert all(LOWEST <= note.pitch - tonic <= HIGHEST for note in bars[0].notes)


def test_of_a_long_one_the_end_is_gone_on_with():
    long = melody(*((60 + place % 12, float(place), 1.0) for place in range(4 * 40)))
    has_upbeat, bars = bars_of_melody(long, "4/4", 60)
    assert (has_upbeat, len(bars)) == (False, MOST_BARS)
    assert bars[-1].notes[-1].pitch == long.notes[-1].pitch and not bars[0].notes[0].is_held


def test_a_pause_of_hours_is_cut():
    _, bars = bars_of_melody(melody((60, 0.0, 1e7), (62, 3e7, 1.0), (64, 6e7, 1.0)), "4/4", 60)
    assert len(bars) < 12


def hum(tmp_path: Path, pitches: list[float], seconds: float, pause: float = 0.06) -> Path:
    """A voice with overtones, breath and a little vibrato, with a consonant between two notes."""
    chance = np.random.default_rng(0)
    parts = []
    for pitch in pitches:
        time = np.arange(round(seconds * RATE)) / RATE
        bend = 0.15 * np.sin(2 * np.pi * 5 * time)
        phase = np.cumsum(2 * np.pi * 440 * 2 ** ((pitch + bend - 69) / 12) / RATE)
        voice = sum(np.sin(number * phase) / number**1.5 for number in range(1, 8))
        parts += [voice * np.minimum(1, np.minimum(time, time[::-1]) / 0.03), np.zeros(round(pause * RATE))]
    samples = 0.2 * np.concatenate(parts) + 0.001 * chance.standard_normal(sum(map(len, parts)))
    path = tmp_path / "hum.wav"
    path.write_bytes(to_bytes(Wave(samples.astype(np.float32), RATE)))
    return path


def test_a_hummed_melody_is_heard_though_it_is_between_the_keys(tmp_path):
    sung = [57, 59, 61, 64, 64, 61, 59, 57]
    read = read_melody(hum(tmp_path, [pitch + 0.35 for pitch in sung], 0.44), None)
    assert [note.pitch for note in read.notes] == sung
    assert read.key == Key(9, "major")
    steps = np.diff([note.start_beats for note in read.notes])
    assert np.allclose(steps * 2, np.round(steps * 2), atol=0.25) and len(set(np.round(steps * 2))) == 1


def test_silence_noise_and_what_is_no_sound_are_refused(tmp_path):
    chance = np.random.default_rng(0)
    for name, samples in (("silence", np.zeros(RATE)), ("noise", 0.1 * chance.standard_normal(RATE))):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(to_bytes(Wave(samples.astype(np.float32), RATE)))
        with pytest.raises(NoMelody):
            read_melody(path, None)
    (tmp_path / "text.mid").write_text("do re mi")
    with pytest.raises(UnreadableSound):
        read_melody(tmp_path / "text.mid", None)
    with pytest.raises(MissingSound):
        read_melody(tmp_path / "nothing.mid", None)

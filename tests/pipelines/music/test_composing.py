"""Composing with a tiny untrained model of the real class: what the rules of the house promise must hold whatever it proposes."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors.models import ModelDamaged
from pipelines.errors.requests import NoSuchInstrument, NoSuchKey, NoSuchMetre
from pipelines.families import score_transformer
from pipelines.loading.inspection.weights import check_model
from pipelines.loading.placement.devices import choose_place
from pipelines.loading.starter import ASSETS
from pipelines.music import score_model
from pipelines.music.composing import compose
from pipelines.music.known_runs import RUN_NOTES, Trail, write_runs
from pipelines.music.midi import read_midi, write_midi
from pipelines.music.score import METRES, PITCHES, TICKS_PER_BEAT, VOCABULARY, duration_word, pitch_word
from pipelines.music.score_model import ScoreConfig
from pipelines.music.synthesis.instruments import INSTRUMENTS
from pipelines.sound.files import to_bytes
from pipelines.sound.keys import read_key
from pipelines.types.events import Progress, ignore
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest, Note
from pipelines.types.sound import Wave

SPEC = ModelSpec("tiny", "Tiny", "score_transformer", ("music",), "folder", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    score_model.write(score_model.build(ScoreConfig(width=16, layers=1, heads=2, context=192)), folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return score_transformer.load(SPEC, check_model(folder, "tiny"), choose_place(), (), ignore)


def ask(**settings) -> MusicRequest:
    return MusicRequest(**{"model": "tiny", "seconds": 8.0, "seed": 3, **settings})


@pytest.mark.parametrize(
    "key, metre", [("F# minor", "3/4"), ("Bb", "6/8"), ("D dorian", "9/8"), ("A mixolydian", "2/4")]
)
def test_a_piece_keeps_key_metre_tempo_length_and_ends_on_its_tonic(model, key, metre):
    result = compose(model, SPEC, ask(key=key, metre=metre, tempo=120, seconds=12.0))
    asked, last = read_key(key), result.notes[-1]
    assert np.mean([asked.holds(note.pitch) for note in result.notes]) >= 0.9
    assert last.pitch % 12 == asked.tonic and last.beats >= 1
    ends = last.start_beats + last.beats
    upbeat = ends % (METRES[metre] / TICKS_PER_BEAT)
    assert upbeat <= METRES[metre] / TICKS_PER_BEAT / 2
    assert abs(ends / 2 - 12) <= 2 * METRES[metre] / TICKS_PER_BEAT / 2
    assert (result.request.key, result.request.metre, result.request.tempo) == (str(asked), metre, 120)
    assert result.finish_reason == "stop" and ends / 2 < result.seconds_audio < ends / 2 + 5


def test_blanks_are_filled_in_and_the_result_repeats_itself(model):
    first = compose(model, SPEC, ask())
    again = compose(model, SPEC, first.request)
    other = compose(model, SPEC, ask(seed=4))
    assert first.request.metre in METRES and first.request.instrument in INSTRUMENTS and read_key(first.request.key)
    assert first.notes == compose(model, SPEC, ask()).notes != other.notes
    assert again.request == first.request
    assert np.array_equal(first.wave.samples, compose(model, SPEC, ask()).wave.samples)
    ends = first.notes[-1].start_beats + first.notes[-1].beats
    assert ends * 60 / first.request.tempo == pytest.approx(8.0, rel=0.2)


def test_the_midi_file_is_what_is_heard(model):
    result = compose(model, SPEC, ask(key="G", metre="4/4"))
    read = read_midi(result.midi, "x")
    assert [note.pitch for note in read.notes] == [note.pitch for note in result.notes]
    assert (read.tempo, read.metre) == (result.request.tempo, "4/4")


def test_a_long_piece_is_a_set_of_tunes_longer_than_the_model_can_see(model):
    result = compose(model, SPEC, ask(seconds=120.0, tempo=160, key="D", metre="2/4"))
    ends = result.notes[-1].start_beats + result.notes[-1].beats
    assert ends * 60 / 160 == pytest.approx(120, abs=3)
    assert result.seconds_audio > 119


def test_a_given_melody_is_gone_on_with(model, tmp_path):
    given = [Note(pitch, float(place), 1.0) for place, pitch in enumerate((67, 71, 74, 72, 71, 69, 66, 67))]
    path = tmp_path / "given.mid"
    path.write_bytes(write_midi(given, 132, "4/4", 0, "x"))
    result = compose(model, SPEC, ask(melody=str(path)))
    assert [(note.pitch, note.start_beats, note.beats) for note in result.notes[:8]] == [
        (note.pitch, note.start_beats, note.beats) for note in given
    ]
    assert len(result.notes) > 8
    assert (result.request.key, result.request.metre, result.request.tempo) == ("G", "4/4", 132)


def test_no_run_of_notes_that_was_trained_on_is_written_again(folder, model, tmp_path):
    free = compose(model, SPEC, ask(key="D", metre="4/4", seconds=16.0))
    words, ticks = [], 0
    for note in free.notes:
        now = round(note.beats * TICKS_PER_BEAT)
        words += [duration_word(now)] * (now != ticks) + [pitch_word(note.pitch - 62)]
        ticks = now
    words = [word for word in words if word in VOCABULARY]
    runs = [run for run in _runs(words) if len(run) == RUN_NOTES]
    assert runs
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_runs([words], tmp_path)
    wary = score_transformer.load(SPEC, check_model(tmp_path, "tiny"), choose_place(), (), ignore)
    assert wary.known_runs.holds(runs[0])
    held_back = compose(wary, SPEC, ask(key="D", metre="4/4", seconds=16.0))
    assert held_back.notes[: RUN_NOTES - 1] == free.notes[: RUN_NOTES - 1] and held_back.notes != free.notes


def _runs(words):
    trail = Trail()
    for word in words:
        if word in PITCHES:
            yield trail.run(word)
        trail.follow(word)


def test_it_says_how_far_it_is_and_stops_when_asked(model):
    events, stop = [], threading.Event()

    def note(event):
        events.append(event)
        if len(events) == 3:
            stop.set()

    started = time.perf_counter()
    result = compose(model, SPEC, ask(seconds=600.0, tempo=300), note, stop.is_set)
    assert time.perf_counter() - started < 5
    assert result.finish_reason == "cancelled" and result.wave is None and result.notes
    assert all(isinstance(event, Progress) and event.unit == "notes" and event.done <= event.total for event in events)
    assert compose(model, SPEC, ask(), is_cancelled=lambda: True).finish_reason == "cancelled"


def test_it_stops_while_it_listens_to_a_melody(model, tmp_path):
    path = tmp_path / "hum.wav"
    path.write_bytes(to_bytes(Wave(np.zeros(60 * 16_000, np.float32), 16_000)))
    result = compose(model, SPEC, ask(melody=str(path)), is_cancelled=lambda: True)
    assert result.finish_reason == "cancelled" and not result.notes


@pytest.mark.parametrize(
    "wrong, error",
    [({"key": "H"}, NoSuchKey), ({"metre": "7/8"}, NoSuchMetre), ({"instrument": "kazoo"}, NoSuchInstrument)],
)
def test_what_cannot_be_is_refused(model, wrong, error):
    with pytest.raises(error):
        compose(model, SPEC, ask(**wrong))


def test_the_starter_composes_half_a_minute_and_copies_nothing():
    folder = ASSETS / "starters" / "fiddle-tunes"
    starter = score_transformer.load(SPEC, check_model(folder, "fiddle-tunes"), choose_place(), (), ignore)
    result = compose(starter, SPEC, MusicRequest("fiddle-tunes", key="E minor", metre="6/8", seed=1))
    assert len(result.notes) > 60 and 29 < result.seconds_audio < 36
    assert np.mean([read_key("E minor").holds(note.pitch) for note in result.notes]) >= 0.9
    notes = [(note.pitch, round(note.beats * TICKS_PER_BEAT)) for note in result.notes]
    runs = [notes[place : place + RUN_NOTES] for place in range(len(notes) - RUN_NOTES + 1)]
    assert not [run for run in runs if starter.known_runs.holds(run)]
    assert all((folder / name).stat().st_size < 10_000_000 for name in ("model.safetensors", "known_runs.npy"))
    assert (folder / "LICENSE").exists()


def test_a_model_of_other_words_is_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocabulary": config["vocabulary"][::-1]}))
    with pytest.raises(ModelDamaged, match="other words"):
        score_transformer.load(SPEC, check_model(tmp_path, "tiny"), choose_place(), (), ignore)

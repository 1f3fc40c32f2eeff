"""The synthesiser: in tune, never clipping, never silent, the same again; and the piano roll."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.music.piano_roll import DARK, LIGHT, draw_roll
from pipelines.music.synthesis.instruments import INSTRUMENTS
from pipelines.music.synthesis.render import SAMPLING_RATE, render
from pipelines.types.music import Note

ROOT = Path(__file__).parents[3]
PIECE = tuple(Note(60 + 2 * (place % 8), place / 2, 0.5, 96 if place % 4 == 0 else 74) for place in range(16))


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_is_in_tune_and_neither_clips_nor_falls_silent(name):
    wave = render(PIECE, 120, name)
    assert wave.samples.shape == (len(wave.samples), 2) and wave.samples.dtype == np.float32
    assert 0.3 < np.abs(wave.samples).max() < 0.9
    assert 0.05 < np.sqrt((wave.samples**2).mean()) < 0.201, "none drowns the others"
    moments = wave.samples[: 4 * SAMPLING_RATE].reshape(-1, SAMPLING_RATE // 5, 2)
    assert np.sqrt((moments**2).mean(axis=(1, 2))).min() > 0.01
    assert np.abs(wave.samples[-SAMPLING_RATE // 20 :]).max() < 0.01, "it has died away"
    for pitch in (57, 69, 81):
        played = render((Note(pitch, 0, 2.0),), 120, name).samples.mean(axis=1)[4410 : 4410 + SAMPLING_RATE // 2]
        wanted = 440 * 2 ** ((pitch - 69) / 12)
        spectrum = np.abs(np.fft.rfft(played * np.hanning(len(played)), n=2**19))
        frequencies = np.fft.rfftfreq(2**19, 1 / SAMPLING_RATE)
        near = (frequencies > wanted * 0.94) & (frequencies < wanted * 1.06)
        found = frequencies[near][spectrum[near].argmax()]
        assert abs(1200 * np.log2(found / wanted)) < 5, f"{pitch}: {found:.1f} Hz"


def test_the_same_notes_sound_the_same_and_a_louder_note_is_louder():
    assert np.array_equal(render(PIECE, 120, "harp").samples, render(PIECE, 120, "harp").samples)
    soft, loud = (Note(69, 0, 1.0, 40), Note(69, 2.0, 1.0, 120))
    samples = render((soft, loud), 120, "piano").samples
    half = SAMPLING_RATE // 2
    assert np.abs(samples[2 * half : 3 * half]).max() > 2 * np.abs(samples[:half]).max()


def test_no_notes_are_silence_and_the_extremes_of_pitch_are_played():
    assert not np.abs(render((), 120, "").samples).any()
    for name in INSTRUMENTS:
        samples = render((Note(21, 0, 0.5), Note(108, 0.5, 0.5), Note(127, 1, 0.5)), 120, name).samples
        assert np.isfinite(samples).all() and np.abs(samples).max() > 0.1


def test_the_list_of_instruments_needs_no_model_library():
    code = (
        "import sys\nfrom pipelines.music.synthesis.instruments import INSTRUMENTS\nfrom pipelines.music.piano_roll import draw_roll\n"
        "print(sorted({'torch', 'transformers', 'librosa', 'scipy'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("is_dark, colours", [(False, LIGHT), (True, DARK)])
def test_a_piano_roll_shows_every_note_where_it_is(is_dark, colours):
    picture = draw_roll((Note(60, 0.0, 1.0, 127), Note(67, 2.0, 2.0, 127)), is_dark=is_dark)
    pixels = np.asarray(picture)
    rows, columns = np.nonzero((pixels == colours.note).all(axis=2))
    assert tuple(pixels[1, 1]) == colours.paper or tuple(pixels[1, 1]) == colours.black_key
    assert len(set(rows[columns < columns.mean()])) and rows[columns.argmax()] < rows[columns.argmin()], "higher is up"
    assert draw_roll(()).width > 50
    assert draw_roll(tuple(Note(60, float(place), 1.0) for place in range(3000))).width <= 8100

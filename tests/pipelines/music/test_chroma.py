"""The tune of a sound: the pitch classes that are heard, and by the source's formula."""

import numpy
import pytest
from transformers.audio_utils import chroma_filter_bank

from pipelines.music.chroma import Chroma
from pipelines.music.performing import PLAINEST
from pipelines.music.synthesis.render import render
from pipelines.sound.files import resample
from pipelines.types.music import Note

RATE, FFT_FRAMES, HOP_FRAMES = 32_000, 16_384, 4096  # as of facebook/musicgen-melody


@pytest.fixture(scope="module")
def chroma() -> Chroma:
    return Chroma(RATE, FFT_FRAMES, HOP_FRAMES, 12)


def sine(hertz: float, seconds: float) -> numpy.ndarray:
    return (0.5 * numpy.sin(2 * numpy.pi * hertz * numpy.arange(int(RATE * seconds)) / RATE)).astype(numpy.float32)


@pytest.mark.parametrize("midi", [57, 60, 69, 70, 71])
def test_a_pure_tone_is_its_pitch_class_all_the_way(chroma, midi):
    rows = chroma.strongest(sine(440 * 2 ** ((midi - 69) / 12), 2.0))
    assert rows.shape == (1 + 2 * RATE // HOP_FRAMES, 12)
    assert (rows.argmax(dim=1) == midi % 12).all() and (rows.sum(dim=1) == 1).all()


def test_every_row_is_the_strongest_by_the_sources_formula(chroma):
    chance = numpy.random.default_rng(0)
    tune = numpy.concatenate([sine(440 * 2 ** ((midi - 69) / 12), 0.5) for midi in (60, 64, 67, 71, 50)])
    samples = (tune + chance.normal(0, 0.2, len(tune))).astype(numpy.float32)

    # torchaudio's Spectrogram: centred by reflection, Hann, divided by the window's norm, squared; then the filters
    around = numpy.pad(samples.astype(numpy.float64), FFT_FRAMES // 2, mode="reflect")
    window = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(FFT_FRAMES) / FFT_FRAMES)
    starts = range(0, len(around) - FFT_FRAMES + 1, HOP_FRAMES)
    spectrum = numpy.stack([numpy.fft.rfft(around[start : start + FFT_FRAMES] * window) for start in starts])
    power = numpy.abs(spectrum / numpy.sqrt((window**2).sum())) ** 2
    raw = power @ chroma_filter_bank(FFT_FRAMES, 12, RATE).T
    expected = (raw / numpy.maximum(raw.max(axis=1, keepdims=True), 1e-6)).argmax(axis=1)

    found = chroma.strongest(samples).argmax(dim=1).numpy()
    numpy.testing.assert_array_equal(found, expected)
    assert set(found[:4]) == {0} and len(set(found)) >= 4


def test_midi_that_is_followed_keeps_its_tune(chroma):
    scale = (60, 62, 64, 65, 67, 69, 71, 72)
    played = render([Note(pitch, place, 1.0) for place, pitch in enumerate(scale)], 60, PLAINEST)
    found = chroma.strongest(resample(played.samples.mean(axis=1), played.sampling_rate, RATE)).argmax(dim=1)
    middles = [round((place + 0.5) * RATE / HOP_FRAMES) for place in range(len(scale))]
    assert found[middles].tolist() == [pitch % 12 for pitch in scale]


@pytest.mark.parametrize(
    ("fft_frames", "hop_frames"), [(0, 0), (1, 1), (512, 1024), (10**12, 10**12), (512, -1), (16_384, 12)]
)
def test_windows_that_are_none_are_refused(fft_frames, hop_frames):
    with pytest.raises(ValueError, match="windows"):
        Chroma(RATE, fft_frames, hop_frames, 12)

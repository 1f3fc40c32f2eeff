"""Sounds that people bring: opened whatever they are called, or refused in plain words."""

import struct
from pathlib import Path

import numpy
import pytest
import soundfile

from pipelines.errors.requests import MissingSound, UnreadableSound
from pipelines.sound.files import FORMATS, open_sound, to_bytes
from pipelines.types.sound import Wave


def tone(sampling_rate: int, seconds: float = 1.0, channels: int = 1) -> numpy.ndarray:
    times = numpy.arange(int(sampling_rate * seconds)) / sampling_rate
    sine = 0.5 * numpy.sin(2 * numpy.pi * 440 * times).astype(numpy.float32)
    return sine if channels == 1 else numpy.stack([sine] * channels, axis=1)


@pytest.mark.parametrize("file_format", FORMATS)
def test_written_and_read_again(tmp_path, file_format):
    path = tmp_path / "sound.bin"
    path.write_bytes(to_bytes(Wave(tone(24_000), 24_000), file_format))
    wave = open_sound(path)
    assert wave.sampling_rate == 24_000 and wave.samples.dtype == numpy.float32
    assert wave.seconds == pytest.approx(1.0, abs=0.1)
    assert abs(wave.samples).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (192_000, 8), (11_025, 6)])
def test_any_rate_and_number_of_channels(tmp_path, rate, channels):
    path = tmp_path / "sound.wav"
    soundfile.write(path, tone(rate, channels=channels), rate)
    wave = open_sound(path, sampling_rate=16_000, is_mono=True)
    assert wave.samples.shape == (pytest.approx(16_000, abs=2),) and wave.sampling_rate == 16_000
    spectrum = numpy.abs(numpy.fft.rfft(wave.samples[:16_000]))
    assert spectrum.argmax() == pytest.approx(440, abs=1)
    whole = open_sound(path)
    assert whole.samples.ndim == (2 if channels == 2 else 1) and whole.sampling_rate == rate


@pytest.mark.parametrize("kind", ["empty", "text", "half a FLAC", "no frames", "NaN"])
def test_what_is_no_sound_is_refused(tmp_path, kind):
    path = tmp_path / "take.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no sound" * 100)
    elif kind == "half a FLAC":
        data = to_bytes(Wave(numpy.random.default_rng(0).uniform(-1, 1, 48_000).astype(numpy.float32), 24_000), "flac")
        path.write_bytes(data[: len(data) // 2])
    elif kind == "no frames":
        soundfile.write(path, numpy.zeros(0, numpy.float32), 16_000)
    else:
        soundfile.write(path, numpy.full(100, numpy.nan, numpy.float32), 16_000, subtype="FLOAT")
    with pytest.raises(UnreadableSound) as caught:
        open_sound(path)
    assert "take.wav" in caught.value.say("en") and "{" not in caught.value.say("zh")


def test_one_that_is_too_long_is_refused_before_it_is_in_memory(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, numpy.zeros(8_000 * 20, numpy.int16), 8_000)
    with pytest.raises(UnreadableSound, match="longer"):
        open_sound(path, limit_seconds=10)


def test_a_header_that_lies_gives_what_is_there(tmp_path):
    data = bytearray(to_bytes(Wave(tone(8_000), 8_000)))
    place = data.index(b"data")
    data[place + 4 : place + 8] = struct.pack("<I", 0xFFFFFF00)
    data[4:8] = struct.pack("<I", 0xFFFFFFF0)
    path = tmp_path / "liar.wav"
    path.write_bytes(data)
    assert open_sound(path).seconds == pytest.approx(1.0, abs=0.01)


def test_too_loud_is_clipped(tmp_path):
    path = tmp_path / "loud.wav"
    soundfile.write(path, 3 * tone(8_000), 8_000, subtype="FLOAT")
    assert abs(open_sound(path).samples).max() == 1.0
    assert soundfile.read(path)[0].max() > 1.4


def test_one_that_is_not_there():
    with pytest.raises(MissingSound):
        open_sound(Path("/no/such/file.wav"))


def test_more_than_the_formats_and_the_memory_take_is_refused(tmp_path):
    path = tmp_path / "bats.wav"
    soundfile.write(path, tone(384_000, 0.1), 384_000)
    with pytest.raises(UnreadableSound, match="192 kHz") as caught:
        open_sound(path, sampling_rate=16_000)
    assert "高于 192 kHz" in caught.value.say("zh")
    soundfile.write(path, tone(96_000, 1.5, channels=2), 96_000)
    with pytest.raises(UnreadableSound, match="minutes of stereo at 48 kHz"):
        open_sound(path, limit_samples=96_000 * 2)
    assert open_sound(path, is_mono=True, limit_samples=96_000 * 2).seconds == pytest.approx(1.5)

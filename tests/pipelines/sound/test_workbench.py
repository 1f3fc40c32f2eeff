"""The workbench measures known sounds as they are, changes them as asked, and refuses the rest in plain words."""

import tracemalloc
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from pipelines.errors.requests import MissingSound, SettingOutOfRange, SoundTooLong, UnreadableSound
from pipelines.sound.beside import beside
from pipelines.sound.files import open_sound
from pipelines.sound.stretching import stretched
from pipelines.sound.workbench import WorkbenchPipeline
from pipelines.sound.workbench import edited as change
from pipelines.types.crossing import from_json, to_json
from pipelines.types.events import never
from pipelines.types.workbench import WorkbenchRequest, WorkbenchResult

RATE = 24_000


def tone(hertz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> Any:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def saved(folder: Path, samples: Any, name: str = "given.wav", rate: int = RATE) -> str:
    soundfile.write(folder / name, samples, rate)
    return str(folder / name)


def done(**asked: Any) -> WorkbenchResult:
    return WorkbenchPipeline().generate(WorkbenchRequest(**asked))


def edited(**asked: Any) -> Any:
    wave = done(task="edit-sound", **asked).wave
    assert wave is not None
    return wave


def test_a_tone_is_measured_as_it_is(tmp_path: Path) -> None:
    """BS.1770: a 997 Hz sine at −18 dBFS peak in one channel is −21.0 LUFS."""
    steps: list[int] = []
    request = WorkbenchRequest(audio=saved(tmp_path, tone(997, 5, 10 ** (-18 / 20), 48_000), rate=48_000))
    result = WorkbenchPipeline().generate(request, lambda event: steps.append(event.done))
    one = result.measures
    assert (one.seconds, one.sampling_rate, one.channels, one.clipped) == (5.0, 48_000, 1, 0)
    assert one.peak == pytest.approx(-18.0, abs=0.05) and one.rms == pytest.approx(-21.01, abs=0.05)
    assert one.loudness == pytest.approx(-21.0, abs=0.3)
    assert result.wave is None and steps == [1, 2, 3, 4]
    sung = done(audio=saved(tmp_path, tone(220, 3)))
    assert sung.measures.pitch == pytest.approx(220, rel=0.01)
    assert sung.measures.peak == pytest.approx(-6.02, abs=0.05)


def test_the_tempo_and_the_key_of_a_tune_are_found(tmp_path: Path) -> None:
    """Quavers at 120 beats a minute through A minor."""
    fade = np.exp(-6 * np.arange(RATE // 4) / RATE).astype(np.float32)
    scale = [0, 3, 7, 12, 7, 3, 0, -5, 0, 2, 3, 5, 7, 3, 2, 0] * 4
    tune = np.concatenate([tone(220 * 2 ** (step / 12), 0.25) * fade for step in scale])
    one = done(audio=saved(tmp_path, tune)).measures
    assert one.tempo is not None and min(abs(one.tempo / 120 - ratio) for ratio in (0.5, 1, 2)) < 0.05
    assert one.key == "A minor" and one.key_fit > 0.5


def test_the_pictures_are_drawn_with_a_clear_background(tmp_path: Path) -> None:
    for data in done(audio=saved(tmp_path, tone(440, 2))).pictures:
        with Image.open(BytesIO(data)) as image:
            assert image.format == "PNG" and image.width == 1280
            assert image.getpixel((2, image.height - 2)) == (0, 0, 0, 0)
            assert len(image.convert("RGB").getcolors(1 << 20) or ()) >= 3


def test_silence_and_a_click_are_no_trouble(tmp_path: Path) -> None:
    one = done(audio=saved(tmp_path, np.zeros(RATE, np.float32))).measures
    assert (one.peak, one.loudness, one.tempo, one.key, one.pitch) == (-120.0, None, None, "", None)
    short = done(audio=saved(tmp_path, np.array([0.5], np.float32)))
    assert short.measures.loudness is None and len(short.pictures) == 2


def test_each_change_does_what_it_says(tmp_path: Path) -> None:
    given = saved(tmp_path, np.concatenate([tone(300, 1, 0.1), tone(600, 1, 0.4)]))
    trimmed = edited(audio=given, start=1.0, end=1.5)
    assert trimmed.seconds == 0.5 and np.abs(trimmed.samples).max() == pytest.approx(0.4, abs=0.01)
    assert edited(audio=given, speed=2.0).seconds == pytest.approx(1.0, abs=0.02)
    higher = done(task="edit-sound", audio=saved(tmp_path, tone(220, 2)), semitones=12)
    assert higher.measures.pitch == pytest.approx(440, rel=0.02) and higher.measures.seconds == pytest.approx(2.0)
    faded = edited(audio=given, fade_in=0.5, fade_out=0.5).samples
    assert np.abs(faded[:200]).max() < 0.01 and np.abs(faded[-200:]).max() < 0.01
    peak = done(task="edit-sound", audio=given, level="peak").measures.peak
    assert peak == pytest.approx(-1.0, abs=0.05)
    loud = done(task="edit-sound", audio=saved(tmp_path, tone(997, 3, 0.05)), level="loudness").measures
    assert loud.loudness == pytest.approx(-16.0, abs=0.3)


def test_two_sounds_are_mixed_whatever_their_rates_and_channels(tmp_path: Path) -> None:
    stereo = np.stack([tone(500, 1, 0.3, 48_000)] * 2, axis=1)
    other = saved(tmp_path, stereo, "other.flac", 48_000)
    mixed = edited(audio=saved(tmp_path, tone(200, 1, 0.9)), other=other, other_at=0.5, other_gain=6.0)
    assert mixed.samples.shape == (int(1.5 * RATE), 2) and mixed.sampling_rate == RATE
    assert np.abs(mixed.samples).max() <= 1.0
    spectrum = np.abs(np.fft.rfft(mixed.samples[-RATE // 2 :, 0]))
    assert np.fft.rfftfreq(RATE // 2, 1 / RATE)[spectrum.argmax()] == pytest.approx(500, abs=3)


def test_what_cannot_be_done_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("these are words")
    (tmp_path / "nothing.wav").write_bytes(b"")
    good = saved(tmp_path, tone(440, 1))
    with pytest.raises(MissingSound):
        done()
    for name in ("words.wav", "nothing.wav"):
        with pytest.raises(UnreadableSound, match=name):
            done(audio=str(tmp_path / name))
    with pytest.raises(UnreadableSound, match="longer than 20 minutes"):
        done(audio=saved(tmp_path, np.zeros(8000 * 1300, np.int16), "long.flac", 8000))
    for asked in ({"start": 5.0}, {"start": 0.5, "end": 0.5}, {"speed": 9.0}, {"fade_in": -1.0}, {"end": float("nan")}):
        with pytest.raises(SettingOutOfRange):
            done(task="edit-sound", audio=good, **asked)


def test_a_stop_is_heard(tmp_path: Path) -> None:
    request = WorkbenchRequest(task="edit-sound", audio=saved(tmp_path, tone(440, 1)))
    stopped = WorkbenchPipeline().generate(request, is_cancelled=lambda: True)
    assert stopped.finish_reason == "cancelled" and stopped.wave is None and stopped.pictures == ()
    assert stopped.measures is None and from_json("result", to_json(stopped)) == stopped


def test_a_stop_is_heard_in_the_middle_of_a_change(tmp_path: Path) -> None:
    steps: list[int] = []
    asked = 0

    def is_cancelled() -> bool:
        nonlocal asked
        asked += bool(steps)
        return asked > 3

    request = WorkbenchRequest(task="edit-sound", audio=saved(tmp_path, tone(440, 60)), speed=0.5)
    stopped = WorkbenchPipeline().generate(request, lambda event: steps.append(event.done), is_cancelled)
    assert stopped.finish_reason == "cancelled" and steps == [1] and asked <= 6


def test_a_stop_is_heard_while_a_file_is_opened(tmp_path: Path) -> None:
    looks: list[int] = []
    request = WorkbenchRequest(audio=saved(tmp_path, tone(440, 60)))
    stopped = WorkbenchPipeline().generate(request, is_cancelled=lambda: (looks.append(1), len(looks) > 2)[1])
    assert stopped.finish_reason == "cancelled" and len(looks) == 3, "it was not read to its end"


def test_a_stop_does_not_wait_for_a_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released = Event(), Event()

    def measure(*_: object) -> None:
        begun.set()
        released.wait(60)

    monkeypatch.setattr("pipelines.sound.workbench.measure", measure)
    request = WorkbenchRequest(audio=saved(tmp_path, tone(440, 1)))
    stopped = WorkbenchPipeline().generate(request, is_cancelled=begun.is_set)
    assert stopped.finish_reason == "cancelled" and not released.is_set()
    released.set()


def test_work_beside_tells_what_it_finds_and_what_went_wrong() -> None:
    assert beside(lambda: 7, never) == 7
    for error in (ValueError("no"), TimeoutError("its own")):
        with pytest.raises(type(error), match=str(error)):
            beside(partial(_fail, error), never)


def _fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.3, 4.0])
def test_a_stretched_sound_is_that_of_the_whole_phase_vocoder(speed: float) -> None:
    import librosa

    noise = 0.02 * np.random.default_rng(0).normal(size=4 * RATE).astype(np.float32)
    sound = tone(300, 4) + noise
    expected = librosa.effects.time_stretch(sound.astype(np.float64), rate=speed)
    made = stretched(sound, speed, never)
    assert made.shape == expected.shape and np.abs(made - expected).max() < 1e-4


def test_a_change_takes_little_more_than_its_sound(tmp_path: Path) -> None:
    """All spectra at once took ten times as much."""
    given = saved(tmp_path, np.stack([tone(300, 10, rate=48_000)] * 2, axis=1), rate=48_000)
    edited(audio=given, end=0.1, speed=0.5)  # imports
    wave, asked = open_sound(Path(given)), WorkbenchRequest(audio=given, speed=0.25)
    tracemalloc.start()
    made = change(wave, asked, never)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made is not None and made.seconds == 40.0
    assert peak < 4 * made.samples.nbytes


def test_what_would_become_too_long_is_refused_with_its_limit(tmp_path: Path) -> None:
    given = saved(tmp_path, np.zeros(8000 * 1000, np.int16), "long.flac", 8000)  # 17 minutes, 1.4 as stereo at 48 kHz
    for asked in ({"speed": 0.25, "semitones": 24.0}, {"semitones": 24.0, "speed": 0.5}):
        with pytest.raises(SoundTooLong, match="limit is 10"):
            done(task="edit-sound", audio=given, **asked)
    high = saved(tmp_path, tone(440, 0.1, rate=192_000), "high.wav", 192_000)
    with pytest.raises(SoundTooLong, match="limit is 20"):
        done(task="edit-sound", audio=high, other=given, other_at=199.0)

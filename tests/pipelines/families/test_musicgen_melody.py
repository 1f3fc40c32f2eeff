"""MusicGen Melody through the pipeline: a tiny model of the real class, which follows the tune of a recording."""

from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from pipelines.audio import AudioPipeline
from pipelines.errors.models import ModelDamaged
from pipelines.errors.requests import NoMelody, UnreadableSound
from pipelines.families.musicgen_melody import MusicGenMelody
from pipelines.music.midi import write_midi
from pipelines.sound.files import to_bytes
from pipelines.types.events import Progress, ignore, never
from pipelines.types.music import MusicRequest, Note
from pipelines.types.sound import Wave
from tests.pipelines.tiny_sounds import save_musicgen_melody

ASKED = MusicRequest("follower", prompt="a slow waltz", seconds=2.0, seed=3)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("melodies") / "models"


@pytest.fixture(scope="module")
def audio(models: Path) -> AudioPipeline:
    save_musicgen_melody(models / "follower")
    return AudioPipeline.on_this_machine(models, cache_folder=models.parent / "cache", device="cpu")


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MusicGenMelody, "longest_seconds", 4.0)
    monkeypatch.setattr("pipelines.music.performing.HEARD_SECONDS", 1.0)


def recording(path: Path, hertz: float, sampling_rate: int = 1600, channels: int = 1) -> str:
    """Four seconds of one tone."""
    tone = 0.5 * numpy.sin(2 * numpy.pi * hertz * numpy.arange(4 * sampling_rate) / sampling_rate).astype(numpy.float32)
    path.write_bytes(to_bytes(Wave(tone if channels == 1 else numpy.stack([tone] * channels, axis=1), sampling_rate)))
    return str(path)


def test_a_melody_is_followed_and_the_seed_decides_the_rest(audio, tmp_path):
    assert (audio.catalog.find("follower").family, audio.catalog.find("follower").tasks) == (
        "musicgen_melody",
        ("music",),
    )
    asked = replace(ASKED, melody=recording(tmp_path / "a.wav", 220.0))
    one = audio.generate(asked)
    assert one.finish_reason == "stop" and one.notes == () and one.wave.sampling_rate == 1600
    assert one.seconds_audio == pytest.approx(2.0, abs=0.01)  # the melody does not stand at the beginning
    numpy.testing.assert_array_equal(one.wave.samples, audio.generate(asked).wave.samples)
    others = (
        replace(asked, seed=4),
        replace(asked, prompt="waltz"),
        replace(asked, melody=recording(tmp_path / "d.wav", 293.66)),
        replace(asked, melody=""),  # the words alone
    )
    for other in others:
        made = audio.generate(other)
        assert made.finish_reason == "stop" and (made.wave.samples != one.wave.samples).any()


def test_recordings_of_any_rate_and_midi_are_the_same_tune(audio, tmp_path):
    """All of them are A, in whatever octave and on whatever instrument."""
    wanted = audio.generate(replace(ASKED, melody=recording(tmp_path / "a.wav", 220.0))).wave.samples
    for rate, channels, hertz in ((8000, 1, 220.0), (192_000, 2, 220.0), (44_100, 1, 440.0)):
        given = recording(tmp_path / "other.wav", hertz, rate, channels)
        numpy.testing.assert_array_equal(audio.generate(replace(ASKED, melody=given)).wave.samples, wanted)
    (tmp_path / "a.mid").write_bytes(write_midi([Note(57, 0.0, 8.0)], 120, "4/4", 0, "A"))
    numpy.testing.assert_array_equal(
        audio.generate(replace(ASKED, melody=str(tmp_path / "a.mid"))).wave.samples, wanted
    )


def test_a_piece_longer_than_a_part_goes_on_from_what_is_there(audio, tmp_path):
    events: list = []
    asked = replace(ASKED, melody=recording(tmp_path / "a.wav", 220.0), seconds=6.0)
    one = audio.generate(asked, events.append)
    assert one.seconds_audio == pytest.approx(6.0, abs=0.01)
    told = [event.done for event in events if isinstance(event, Progress)]
    assert told == sorted(told) and told[-1] == 6
    numpy.testing.assert_array_equal(one.wave.samples, audio.generate(asked).wave.samples)
    nothing, heard = numpy.zeros(0, numpy.float32), one.wave.samples[:1600]
    with audio.lease(audio.catalog.find("follower"), (), ignore) as model:
        after, alone = (
            model.perform("a waltz", begun, nothing, 2.0, ASKED, ignore, never) for begun in (heard, nothing)
        )
    assert len(after) == len(alone) == 3200 and (after != alone).any(), "what is there was heard"


def test_stop_in_the_middle_and_both_channels(models, audio, tmp_path):
    save_musicgen_melody(models / "both", channels=2)
    steps: list = []
    asked = replace(ASKED, model="both", melody=recording(tmp_path / "a.wav", 220.0), seconds=20.0)
    stopped = audio.generate(asked, steps.append, lambda: len(steps) > 30)
    assert stopped.finish_reason == "cancelled" and stopped.wave is None and len(steps) < 40
    assert audio.generate(replace(asked, seconds=5.0)).seconds_audio == pytest.approx(5.0, abs=0.06)


def test_what_is_no_melody_is_told(audio, tmp_path):
    (tmp_path / "silent.wav").write_bytes(to_bytes(Wave(numpy.zeros(1600, numpy.float32), 1600)))
    with pytest.raises(NoMelody):
        audio.generate(replace(ASKED, melody=str(tmp_path / "silent.wav")))
    (tmp_path / "text.wav").write_text("la la la")
    with pytest.raises(UnreadableSound):
        audio.generate(replace(ASKED, melody=str(tmp_path / "text.wav")))


@pytest.mark.parametrize("settings", ["[]", "{", '{"n_fft": 0}', '{"n_fft": 1e400}'])
def test_damaged_settings_are_told(models, audio, settings):
    folder = models / "damaged"
    if not folder.is_dir():
        save_musicgen_melody(folder)
    (folder / "preprocessor_config.json").write_text(settings)
    with pytest.raises(ModelDamaged):
        audio.generate(replace(ASKED, model="damaged"))

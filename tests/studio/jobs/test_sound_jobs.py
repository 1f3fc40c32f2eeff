"""Sounds from a request to the library: pieces on the way, files of any format, and nothing of what is private."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipelines.base import open_catalog
from pipelines.errors.access import NotFound
from pipelines.errors.requests import MissingSound, UnreadableSound
from pipelines.provenance import recipe
from pipelines.sound.files import open_sound, to_bytes
from pipelines.types.music import MusicRequest, MusicResult, Note
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import Sentence, SpeechRequest, SpeechResult
from pipelines.types.transcription import TranscribeRequest, TranscribeResult
from pipelines.types.workbench import WorkbenchRequest
from studio.jobs.folder import End, JobFolder
from studio.jobs.keep import Keep
from studio.jobs.records import PRIVATE_GRACE_SECONDS
from studio.library.creations import Creations
from studio.services import Services
from studio.settings import Settings
from tests.studio.jobs.conftest import ANN, BO, watch

WAVE = Wave((0.3 * np.sin(np.arange(24_000) * 0.05)).astype(np.float32), 24_000)
MP3, FLAC = to_bytes(WAVE, "mp3"), to_bytes(WAVE, "flac")
SPEECH = SpeechRequest("kokoro-82m", "Hello there.")


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    creations = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield creations
    creations.close()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("studio") / "home"
    services = Services(Settings(home=home, cache=Settings.from_environment([]).cache))
    services.start()
    yield services
    services.close()


def spoken() -> SpeechResult:
    return SpeechResult("kokoro-82m", SPEECH, "stop", 1.0, 0.5, 0.2, (Sentence("Hello there.", 0, 1),), wave=WAVE)


def test_every_piece_is_there_until_a_while_after_the_end(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, ANN, SPEECH)
    with folder.writer() as events:
        for number in range(3):
            events(Heard(number, f"Sentence {number}.", number, 1.0, wav=b"RIFF%d" % number))
    told = [line for line in folder.reader().read() if line["kind"] == "heard"]
    assert [line["file"] for line in told] == ["sound-0.wav", "sound-1.wav", "sound-2.wav"]
    folder.finish(End("done", spoken(), None, 1.0, 2.0))
    assert [folder.piece(line["file"]) for line in told] == [b"RIFF0", b"RIFF1", b"RIFF2"]
    for name in ("sound-9.wav", "../request.json", "request.json", "sound-0.wav/../request.json"):
        assert folder.piece(name) is None
    folder.drop_pieces()
    assert folder.piece("sound-0.wav") is None


def test_the_files_of_a_request_are_named_by_what_they_hold(tmp_path: Path) -> None:
    request = WorkbenchRequest(task="edit-sound", audio="anything", other="../x")
    folder = JobFolder.create(tmp_path, ANN, request, files={"audio": MP3, "other": FLAC})
    paths = folder.with_paths(request)
    assert (Path(paths.audio).name, Path(paths.other).name) == ("audio.mp3", "other.flac")
    assert folder.files(request) == {"audio": MP3, "other": FLAC}


def test_speech_is_kept_as_flac_with_its_recipe(tmp_path: Path, creations: Creations) -> None:
    folder = JobFolder.create(tmp_path / "jobs", ANN, SPEECH)
    (made,) = Keep(creations, open_catalog(None))(folder.spec(), folder, spoken())
    path = creations.path(ANN, made)
    assert path.suffix == ".flac" and recipe.read(path)["request"]["text"] == "Hello there."
    assert recipe.read(path)["model"]["licence"] == "Apache-2.0"
    creations.index(ANN, made)
    assert creations.list(ANN, "hello", kind="sound").total == 1
    for file_format in ("wav", "mp3", "ogg"):
        data = creations.converted(ANN, made, file_format)
        assert recipe.request_of(recipe.read(data)) == SPEECH
    with pytest.raises(NotFound):
        creations.converted(ANN, made, "webp")
    with pytest.raises(NotFound):
        creations.converted(BO, made, "mp3")
    creations.delete(ANN, made)
    assert not list(path.parent.iterdir())


def test_music_keeps_its_notes_and_what_it_went_on_from(tmp_path: Path, creations: Creations) -> None:
    request = MusicRequest("kokoro-82m", key="D", metre="4/4", melody="x", seed=1)
    folder = JobFolder.create(tmp_path / "jobs", ANN, request, files={"melody": b"MThd1234"})
    result = MusicResult("kokoro-82m", request, "stop", (Note(62, 0.0, 1.0),), 1.0, 1.0, wave=WAVE, midi=b"MThd5678")
    (made,) = Keep(creations, open_catalog(None))(folder.spec(), folder, result)
    assert creations.path(ANN, made, "midi").read_bytes() == b"MThd5678"
    assert creations.path(ANN, made, "melody").name.endswith(".melody.mid")
    assert creations.get(ANN, made).title == "D 4/4"


def test_a_transcript_is_text_with_its_times_and_its_recording(tmp_path: Path, creations: Creations) -> None:
    request = TranscribeRequest("whisper-base", audio="x")
    folder = JobFolder.create(tmp_path / "jobs", ANN, request, files={"audio": MP3})
    segments = (Sentence(" Good morning.", 0.0, 1.5),)
    result = TranscribeResult("whisper-base", "stop", "Good morning.", segments, "en", 0.9, 1.5, 1.0)
    (made,) = Keep(creations, open_catalog(None))(folder.spec(), folder, result)
    assert creations.text(ANN, made) == "Good morning." and creations.get(ANN, made).title == "Good morning."
    assert creations.path(ANN, made, "audio").read_bytes() == MP3
    assert "00:00:01,500" in creations.converted(ANN, made, "srt").decode()


def test_what_is_private_or_empty_is_not_in_the_library(tmp_path: Path, creations: Creations) -> None:
    keep = Keep(creations, open_catalog(None))
    folder = JobFolder.create(tmp_path / "jobs", ANN, SPEECH, keep=False)
    assert keep(folder.spec(), folder, spoken()) == ()
    assert list(folder.sounds()) == ["sound.flac"] and not (tmp_path / "library").exists()
    silent = JobFolder.create(tmp_path / "jobs", ANN, SPEECH)
    stopped = SpeechResult("kokoro-82m", SPEECH, "cancelled", 0.0, 0.5, 0.0, wave=None)
    assert keep(silent.spec(), silent, stopped) == ()


def test_an_edit_goes_through_the_worker_into_the_library(services: Services) -> None:
    first = services.jobs.submit(ANN, WorkbenchRequest(task="edit-sound", speed=2.0), files={"audio": MP3})
    end = watch(services.jobs, ANN, first.id, 120.0)[-1].data
    (made,) = end.creation_ids
    assert end.state == "done" and end.result.request.audio == "audio.mp3"
    assert open_sound(services.creations.path(ANN, made)).seconds == pytest.approx(0.52, abs=0.05)
    assert services.creations.parts(ANN, made, ["audio", "other"]) == {"audio": MP3}
    assert len(services.jobs.folder(ANN, first.id).pictures()) == 2
    look = services.jobs.submit(ANN, WorkbenchRequest(), files={"audio": FLAC}, parents=[made])
    end = watch(services.jobs, ANN, look.id, 120.0)[-1].data
    assert end.creation_ids == () and end.result.measures.sampling_rate == 24_000


def test_bad_sounds_are_refused_and_nothing_is_kept(services: Services) -> None:
    before = services.creations.list(ANN).total
    with pytest.raises(MissingSound):
        services.jobs.submit(ANN, WorkbenchRequest(audio="/etc/passwd"))
    job = services.jobs.submit(ANN, WorkbenchRequest(), files={"audio": b"words"})
    assert isinstance(watch(services.jobs, ANN, job.id, 120.0)[-1].data.error, UnreadableSound)
    assert services.creations.list(ANN).total == before


def test_a_private_edit_can_be_heard_for_a_moment_and_leaves_nothing(services: Services) -> None:
    before = services.creations.list(ANN).total
    job = services.jobs.submit(ANN, WorkbenchRequest(task="edit-sound"), keep=False, files={"audio": FLAC})
    assert watch(services.jobs, ANN, job.id, 120.0)[-1].data.creation_ids == ()
    assert services.jobs.folder(ANN, job.id).sounds()["sound.flac"].startswith(b"fLaC")
    folder, deadline = services.settings.home / "jobs" / job.id, time.monotonic() + PRIVATE_GRACE_SECONDS + 10
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert services.creations.list(ANN).total == before

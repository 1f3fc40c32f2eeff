"""The endpoints for sound, called by a client against a real server: files come and go, bad calls are said plainly."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from pipelines.provenance import recipe
from studio.identity import Identity
from studio.jobs.folder import End
from studio.ui.audio.endpoints import AudioEndpoints
from tests.browser.hear import tone
from tests.server import StudioServer


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    server = StudioServer(tmp_path_factory.mktemp("studio") / "home").start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def client(studio: StudioServer) -> Client:
    token = Identity(studio.home).api_token(Identity.new_visitor())
    return Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)


def refusal(client: Client, **asked: Any) -> str:
    with pytest.raises(AppError) as refused:
        client.predict(**asked)
    said = str(refused.value)
    assert "Traceback" not in said and "upstream" not in said and "pydantic" not in said
    return said


def test_what_is_spoken_is_written_down_again(client: Client) -> None:
    spoken = client.predict(
        "The train leaves at nine.", "jf_gongitsune", 1.1, "en", file_format="mp3", api_name="/speak"
    )
    found = recipe.read(Path(spoken))
    assert Path(spoken).suffix == ".mp3" and found["request"]["text"] == "The train leaves at nine."
    assert [found["request"][name] for name in ("voice", "speed", "language")] == ["jf_gongitsune", 1.1, "en"]
    heard = client.predict(handle_file(spoken), "en", api_name="/transcribe")
    assert "train leaves at" in heard["text"].lower()
    assert heard["segments"][0]["end_seconds"] > 0.5 and heard["language"] == "en"


def test_a_piece_comes_as_sound_and_as_notes(client: Client) -> None:
    sound, notes = client.predict("", 5.0, "A minor", 120, 3, api_name="/compose")
    asked = recipe.read(Path(sound))["request"]
    assert [asked[name] for name in ("key", "tempo", "seed")] == ["A minor", 120, 3]
    assert soundfile.info(sound).duration > 3
    assert Path(notes).read_bytes().startswith(b"MThd")


def test_a_sound_is_changed_and_converted(client: Client, tmp_path: Path) -> None:
    given = handle_file(tone(tmp_path / "tone.wav"))
    made = client.predict(audio=given, start=0.5, speed=2.0, level="peak", file_format="ogg", api_name="/edit_sound")
    info = soundfile.info(made)
    assert info.format == "OGG" and info.duration == pytest.approx(0.75, abs=0.05)
    both = client.predict(audio=given, other=given, other_at=1.0, api_name="/edit_sound")
    assert soundfile.info(both).duration == pytest.approx(3.0, abs=0.01) and recipe.read(Path(both))


def test_bad_calls_are_refused_plainly(client: Client, tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("words")
    words, good = handle_file(tmp_path / "words.wav"), handle_file(tone(tmp_path / "tone.flac"))
    for said, asked in {
        "There is nothing to work on": {"text": " ", "api_name": "/speak"},
        "has no voice “nobody”": {"text": "Hello.", "voice": "nobody", "api_name": "/speak"},
        "“speed” is 9": {"text": "Hello.", "speed": 9.0, "api_name": "/speak"},
        "file_format: ": {"text": "Hello.", "file_format": "exe", "api_name": "/speak"},
        "no model called": {"text": "Hello.", "model": "no such model", "api_name": "/speak"},
        "only with the right to it": {
            "text": "Hello.",
            "reference": good,
            "reference_text": "Hi.",
            "api_name": "/speak",
        },
        "words.wav cannot be read as sound": {"audio": words, "api_name": "/transcribe"},
        "cannot do this task": {"audio": good, "model": "kokoro-82m", "api_name": "/transcribe"},
        "“start” is 5": {"audio": good, "start": 5.0, "api_name": "/edit_sound"},
        "“semitones” is 99": {"audio": good, "semitones": 99.0, "api_name": "/edit_sound"},
    }.items():
        assert said in refusal(client, **asked), said


@pytest.mark.parametrize("audio", ["/etc/passwd", {"path": "/etc/passwd"}, None, 5])
def test_only_what_was_uploaded_is_read(client: Client, audio: Any) -> None:
    said = ""
    try:
        client.predict(audio=audio, api_name="/edit_sound")
    except Exception as error:  # noqa: BLE001  (gradio refuses some of these by errors of its own)
        said = str(error)
    assert said and "root:" not in said


def test_a_file_is_converted_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In it, everybody would wait."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def converted(owner: str, creation_id: str, file_format: str) -> bytes:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return b"sound"

    async def ended(*_: object) -> tuple[str, End]:
        return "ann", End("done", None, None, 1.0, 2.0, ("made",))

    endpoints = AudioEndpoints(SimpleNamespace(creations=SimpleNamespace(converted=converted)))  # type: ignore[arg-type]
    monkeypatch.setattr(endpoints, "_ended", ended)
    made = asyncio.run(endpoints.speak(None, "Hello.", model="kokoro-82m", file_format="mp3"))  # type: ignore[arg-type]
    assert Path(made["path"]).read_bytes() == b"sound"  # type: ignore[index]

"""What the Audio tab shows: honest lines, and nothing of what others wrote but its characters."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pipelines.base import find_families
from pipelines.errors.requests import UnreadableSound
from pipelines.sound.files import to_bytes
from pipelines.types.events import Progress, Token
from pipelines.types.music import MusicRequest, MusicResult, Note
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import Sentence, SpeechRequest, SpeechResult
from pipelines.types.transcription import TranscribeResult
from pipelines.types.workbench import Measures
from studio.jobs.job import Job, JobEvent
from studio.ui.audio import boxes, files, speak, view
from studio.ui.stream import Live, fold
from studio.ui.working import Working

EVIL = "\"><img src=x onerror=alert(1)>'"
SPEECH = SpeechRequest("m", "Hello.")
WAVE = Wave(np.zeros(8000, np.float32), 8000)


def after(*events: JobEvent) -> Live:
    live = Live()
    for event in events:
        live = fold(live, event)
    return live


def working(live: Live) -> Working:
    return Working(Job("j" * 32, "ann", SPEECH, "running", True, 90.0, 100.0), live)


def test_sentences_are_counted_from_the_one_that_is_made() -> None:
    events = [JobEvent("progress", 100.0 + done, Progress(done, 4, "sentences")) for done in (0, 1)]
    assert view.working_line(working(after(*events)), "en", 101.0) == "sentence 2 of 4 · 3.0 s left"
    assert view.working_line(working(after(*events)), "zh", 101.0) == "第 2 / 4 句 · 还需 3.0 秒"


def test_pieces_and_text_of_sound_gather_and_its_progress_stays() -> None:
    live = after(
        JobEvent("heard", 1.0, Heard(0, EVIL, 0.0, 1.0, "sound-0.wav")),
        JobEvent("heard", 2.0, Heard(1, "Two.", 1.0, 1.0, "sound-1.wav")),
    )
    stage = view.working_stage(working(live), "en")
    assert 'data-count="2"' in stage and "<img" not in stage and "&lt;img" in stage
    heard = after(
        JobEvent("progress", 1.0, Progress(30, 60, "seconds")), JobEvent("token", 2.0, Token("And then")),
    )  # fmt: skip
    assert view.working_line(working(heard), "en", 2.0) == "30 of 60 s"
    assert "And then" in view.working_stage(working(heard), "en")


def test_facts_say_what_is_known_and_nothing_else() -> None:
    spoken = SpeechResult("m", SPEECH, "cancelled", 10.0, 5.0, 0.8, (Sentence("Hello.", 0.0, 1.0),))
    line = view.speech_facts(spoken, "Kokoro", "en")
    assert line == "Kokoro · 10 s of sound · first heard after 0.8 s · 5.0 s · 2.0 × real time · stopped"
    silent = TranscribeResult("m", "stop", "", (), "", 0.0, 5.0, 0.0)
    assert view.transcript_facts(silent, "Whisper", "en") == "Whisper · 5.0 s of sound · 0.0 s"
    known = TranscribeResult("m", "stop", "喂", (), "zh", 0.93, 5.0, 2.5)
    assert "中文（93%）" in view.transcript_facts(known, "Whisper", "zh")
    piece = MusicResult("m", MusicRequest("m", key="A minor", metre="4/4", tempo=90, seed=7), "stop", (), 30.0, 3.0)
    assert view.music_facts(piece, "Tunes", "zh").startswith("Tunes · A 小调 · 4/4 · 90 拍/分 · 音频 30 秒")


def test_measures_leave_out_what_was_not_found() -> None:
    bare = Measures(1.0, 8000, 1, -120.0, -120.0, None, None, "", 0.0, None, 0)
    assert view.measures(bare, "en").count("<dt>") == 3
    rich = Measures(1.0, 8000, 1, -1.0, -20.0, -18.0, 120.0, "A minor", 0.8, 220.0, 3)
    assert all(word in view.measures(rich, "en") for word in ("-18.0 LUFS", "A minor", "3 samples"))


def test_words_of_others_are_only_characters() -> None:
    one = (Sentence(EVIL, 0.0, 1.0),)
    shown = [
        view.sound_stage(view.Sound(f"media/{EVIL}", EVIL), EVIL, one, "en"),
        view.transcript_stage("media/x", one, "en"),
        view.sound_actions(view.Sound("media/x", EVIL, EVIL), "en", is_starred=False),
        view.text_actions(EVIL, "en", is_starred=True),
    ]
    assert not any("<img" in html for html in shown)


def test_a_piano_roll_has_a_bar_for_each_note() -> None:
    notes = (Note(60, 0.0, 1.0, 100), Note(64, 1.0, 2.0, 40))
    roll = view.piano_roll(notes, 1.5, 120, "en")
    assert roll.count("<rect") == 2 and 'data-beats="3.000"' in roll
    assert view.piano_roll((), 1.0, None, "en") == ""


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("7.5", 7.5), ("1:07.5", 67.5), ("1：00", 60.0), ("a", -1.0), ("-3", -1.0), ("1:2:3:4", -1.0)]
)  # fmt: skip
def test_times_are_read_as_people_write_them(text: str, value: float | None) -> None:
    assert boxes.seconds(text) == value


def test_whole_numbers_are_read_or_out_of_range() -> None:
    assert [boxes.whole(text) for text in ("", " 42 ", "4.2", "x", None)] == [None, 42, -1, -1, None]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"these are words", "it is no sound"),
        (b"\0\0\0 ftypisom" + b"\0" * 100, "it is a film"),
        (b"\x1aE\xdf\xa3" + b"\0" * 100, "it is a film"),
        (b"MThd\0\0\0\6", "it is no sound"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "it is damaged"),
        (to_bytes(WAVE, "flac"), "longer than 0 minutes"),
    ],
)
def test_what_is_no_sound_is_refused_by_its_own_name(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "talk.mp3").write_bytes(data)
    with pytest.raises(UnreadableSound, match=f"talk.mp3 .*{reason}"):
        files.sound(str(tmp_path / "talk.mp3"), limit_seconds=0.5)


def test_a_recording_of_ten_hours_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A file of half a gigabyte, most of which is a hole."""
    seconds, rate = 36_000, 8_000
    header = bytearray(to_bytes(Wave(np.zeros(rate, np.float32), rate))[:44])
    header[40:44] = (seconds * rate * 2).to_bytes(4, "little")
    with (tmp_path / "night.wav").open("wb") as file:
        file.write(header)
        file.truncate(44 + seconds * rate * 2)
    tracemalloc.start()
    with pytest.raises(UnreadableSound, match=r"night\.wav .*longer than 120 minutes"):
        files.sound(str(tmp_path / "night.wav"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1e6


def test_a_sound_is_taken_whatever_its_name_says(tmp_path: Path) -> None:
    for file_format in ("flac", "wav", "mp3", "ogg"):
        (tmp_path / "talk.xyz").write_bytes(to_bytes(WAVE, file_format))
        given = files.sound(str(tmp_path / "talk.xyz"))
        assert given is not None and given.data == (tmp_path / "talk.xyz").read_bytes()
    (tmp_path / "tune.mid").write_bytes(b"MThd\0\0\0\6")
    assert files.sound(str(tmp_path / "tune.mid"), takes_midi=True) is not None
    assert files.sound(None) is None


def test_the_box_for_a_voice_is_shown_for_the_families_that_take_one() -> None:
    assert {name for name, family in find_families().items() if getattr(family, "IMITATES", False)} == speak.IMITATORS

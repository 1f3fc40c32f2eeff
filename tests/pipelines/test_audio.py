"""Speech and transcription through the pipeline, with the real starter models: what is said is heard again."""

import time
from pathlib import Path

import numpy
import pytest

from pipelines.audio import AudioPipeline
from pipelines.errors.requests import (
    EmptyPrompt,
    MissingSound,
    NoRightToVoice,
    NoSuchLanguage,
    NoSuchVoice,
    NothingToSay,
    NoVoiceTaken,
    PromptTooLong,
    RightWithoutVoice,
    UnreadableSound,
    WordsOfVoiceMissing,
)
from pipelines.sound.files import open_sound, to_bytes
from pipelines.types.events import Event, Progress, Token
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import SpeechRequest
from pipelines.types.transcription import TranscribeRequest

SPEAKER, LISTENER = "kokoro-82m", "whisper-base"


@pytest.fixture(scope="module")
def audio(kokoro_folder: Path, whisper_folder: Path) -> AudioPipeline:
    return AudioPipeline.on_this_machine(device="cpu")


def words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()


def test_what_is_said_is_heard_again(audio, tmp_path):
    events: list[Event] = []
    text = "Good morning, everybody. The train leaves at 7:45 from platform 12!\n我们一起去公园吧。"
    spoken = audio.generate(SpeechRequest(SPEAKER, text, voice="jf_alpha:2 jm_kumo:1"), events.append)

    # Every sentence could be heard at once, and together they are the whole
    heard = [event for event in events if isinstance(event, Heard)]
    assert [event.text for event in heard] == [sentence.text for sentence in spoken.sentences]
    assert len(heard) == 3 and [event.number for event in heard] == [0, 1, 2]
    assert heard[1].start_seconds == pytest.approx(heard[0].seconds, abs=1e-6)
    assert sum(event.seconds for event in heard) == pytest.approx(spoken.seconds_audio, abs=0.01)
    (tmp_path / "first.wav").write_bytes(heard[0].wav)
    assert open_sound(tmp_path / "first.wav").seconds == pytest.approx(heard[0].seconds, abs=0.01)
    assert [event.done for event in events if isinstance(event, Progress)] == [0, 1, 2, 3]
    assert spoken.finish_reason == "stop" and spoken.wave.sampling_rate == 24_000
    assert abs(spoken.wave.samples).max() <= 1.0

    # English
    at = int(spoken.sentences[2].start_seconds * 24_000)
    english, chinese = tmp_path / "english.wav", tmp_path / "chinese.flac"
    english.write_bytes(to_bytes(Wave(spoken.wave.samples[:at], 24_000)))
    chinese.write_bytes(to_bytes(Wave(spoken.wave.samples[at:], 24_000), "flac"))
    events.clear()
    written = audio.generate(TranscribeRequest(LISTENER, audio=str(english)), events.append)
    assert written.language == "en" and written.language_probability > 0.5
    wanted = {"good", "morning", "everybody", "train", "leaves", "platform", "12"}
    assert len(wanted & set(words(written.text))) >= 6, written.text
    assert "".join(event.text for event in events if isinstance(event, Token)).strip() == written.text
    assert all(part.start_seconds < part.end_seconds <= written.seconds_audio for part in written.segments)

    # Chinese, and into English
    written = audio.generate(TranscribeRequest(LISTENER, audio=str(chinese)))
    assert written.language == "zh"
    assert len(set("我们一起去公园吧") & set(written.text)) >= 5, written.text
    translated = audio.generate(TranscribeRequest(LISTENER, "translate-speech", audio=str(chinese), language="zh"))
    assert "park" in translated.text.lower(), translated.text


def test_a_faster_voice_and_another_one(audio):
    def seconds(**how: object) -> float:
        return audio.generate(SpeechRequest(SPEAKER, "Good morning, everybody.", **how)).seconds_audio

    assert seconds(speed=1.5) < 0.8 * seconds() < 0.8 * seconds(speed=0.7)
    one = audio.generate(SpeechRequest(SPEAKER, "Hello.")).wave.samples
    other = audio.generate(SpeechRequest(SPEAKER, "Hello.", voice="jm_kumo")).wave.samples
    assert len(one) != len(other) or not numpy.allclose(one, other)


def test_stop_ends_a_long_sentence_within_a_second(audio):
    text = "One two three four five six seven eight nine ten eleven twelve, and so on and on " * 30
    pressed: list[float] = []

    def stop(event: Event) -> None:
        if isinstance(event, Heard):
            pressed.append(time.perf_counter() + 0.3)

    result = audio.generate(
        SpeechRequest(SPEAKER, text), stop, lambda: bool(pressed) and time.perf_counter() > pressed[0]
    )
    assert time.perf_counter() - pressed[0] < 1.0
    assert result.finish_reason == "cancelled" and result.wave is not None
    assert 1 <= len(result.sentences) < 10


def test_stop_ends_listening_within_a_second(audio, tmp_path):
    path = tmp_path / "noise.wav"
    noise = numpy.random.default_rng(0).uniform(-0.3, 0.3, 16_000 * 60).astype(numpy.float32)
    path.write_bytes(to_bytes(Wave(noise, 16_000)))
    polls: list[float] = []
    is_listening: list[Event] = []

    def is_cancelled() -> bool:
        """Pressed while the first window is decoded."""
        if any(isinstance(event, Progress) for event in is_listening):
            polls.append(time.perf_counter())
        return len(polls) >= 3

    asked = TranscribeRequest(LISTENER, audio=str(path), language="en")
    result = audio.generate(asked, is_listening.append, is_cancelled)
    assert time.perf_counter() - polls[2] < 1.0
    assert result.finish_reason == "cancelled" and result.segments == ()


def test_nobody_speaks_in_silence(audio, tmp_path):
    path = tmp_path / "silence.wav"
    path.write_bytes(to_bytes(Wave(numpy.zeros(16_000 * 35, numpy.float32), 16_000)))
    events: list[Event] = []
    result = audio.generate(TranscribeRequest(LISTENER, audio=str(path)), events.append)
    assert (result.text, result.segments, result.language) == ("", (), "")
    assert [event.done for event in events if isinstance(event, Progress)] == [0, 30, 35]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"text": " "}, EmptyPrompt),
        ({"text": "😀🎉 !!!"}, NothingToSay),
        ({"text": "안녕하세요. Привет."}, NothingToSay),
        ({"text": "a" * 100_000}, PromptTooLong),
        ({"voice": "nobody"}, NoSuchVoice),
        ({"voice": "jf_alpha:x"}, NoSuchVoice),
        ({"voice": "jf_alpha:-1"}, NoSuchVoice),
        ({"language": "xx"}, NoSuchLanguage),
        ({"reference": "me.wav", "reference_text": "hello", "has_right_to_voice": True}, NoVoiceTaken),
        ({"reference": "me.wav", "reference_text": "hello"}, NoRightToVoice),
        ({"has_right_to_voice": True}, RightWithoutVoice),
        ({"reference": "me.wav", "has_right_to_voice": True}, WordsOfVoiceMissing),
    ],
)
def test_what_cannot_be_said_is_refused(audio, how, error):
    with pytest.raises(error) as caught:
        audio.generate(SpeechRequest(SPEAKER, **{"text": "Hello.", **how}))
    assert "{" not in caught.value.say("zh") + caught.value.say("en")


def test_what_cannot_be_heard_is_refused(audio, tmp_path):
    with pytest.raises(MissingSound):
        audio.generate(TranscribeRequest(LISTENER))
    (tmp_path / "fake.mp3").write_text("la la la " * 1000)
    with pytest.raises(UnreadableSound):
        audio.generate(TranscribeRequest(LISTENER, audio=str(tmp_path / "fake.mp3")))
    (tmp_path / "sound.wav").write_bytes(to_bytes(Wave(numpy.full(16_000, 0.1, numpy.float32), 16_000)))
    with pytest.raises(NoSuchLanguage):
        audio.generate(TranscribeRequest(LISTENER, audio=str(tmp_path / "sound.wav"), language="xx"))


def test_the_row_names_the_voices_and_languages(audio):
    spec = audio.catalog.find(SPEAKER)
    with audio.lease(spec, (), lambda event: None) as model:
        assert spec.voices == model.voices and spec.languages == model.languages
    spec = audio.catalog.find(LISTENER)
    with audio.lease(spec, (), lambda event: None) as model:
        assert set(spec.languages) <= set(model.languages) and len(model.languages) == 99

"""Subtitles out of what was heard: times as players read them, and nothing in the words that ends a cue."""

import json

from pipelines.types.speech import Sentence
from pipelines.types.transcription import TranscribeResult
from studio.library import transcripts

RESULT = TranscribeResult(
    "whisper-base", "stop", "Hello. <b>3 --> 4</b>",
    (Sentence(" Hello.", 0.0, 1.5), Sentence("<b>3 --> 4</b>\n\n& more", 3661.0, 3662.3456)), "en", 0.9, 3663.0, 10.0,
)  # fmt: skip
KEPT = transcripts.segments_of(RESULT)


def test_srt() -> None:
    assert transcripts.convert(KEPT, {}, "srt").decode() == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n01:01:01,000 --> 01:01:02,346\n<b>3 → 4</b>\n& more\n"
    )


def test_vtt() -> None:
    text = transcripts.convert(KEPT, {}, "vtt").decode()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n")
    assert text.endswith("&lt;b&gt;3 → 4&lt;/b&gt;\n&amp; more\n")


def test_json_and_text() -> None:
    data = json.loads(transcripts.convert(KEPT, {"schema": 1}, "json"))
    assert data["segments"][1]["end_seconds"] == 3662.3456 and data["language"] == "en"
    assert data["recipe"] == {"schema": 1} and data["text"].startswith("Hello.")
    assert transcripts.convert(KEPT, {}, "txt").decode().splitlines()[0] == "Hello."

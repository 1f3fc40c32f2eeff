"""What was heard in a recording, as files with its times: SRT, WebVTT, JSON, plain text. Knows no library.

Segments are kept as JSON: {"language", "language_probability", "segments": [{"text", "start_seconds", "end_seconds"}]}.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from pipelines.speech.subtitles import srt, vtt
from pipelines.types.speech import Sentence
from pipelines.types.transcription import TranscribeResult

FORMATS = ("srt", "vtt", "json", "txt")


def segments_of(result: TranscribeResult) -> bytes:
    """The JSON that is kept of a transcription."""
    return segments_json(result.segments, result.language, result.language_probability)


def segments_json(segments: Sequence[Sentence], language: str = "", language_probability: float = 0.0) -> bytes:
    """The JSON that is kept of what is said in a sound or a film."""
    data = {
        "language": language,
        "language_probability": language_probability,
        "segments": [asdict(segment) for segment in segments],
    }
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")


def convert(kept: bytes, recipe: dict, file_format: str) -> bytes:
    """What `segments_of` wrote, as "srt", "vtt", "json" or "txt"; the JSON has the recipe in it."""
    data = json.loads(kept)
    segments = [Sentence(**segment) for segment in data["segments"]]
    if file_format == "json":
        text = " ".join(segment.text.strip() for segment in segments)
        whole = {"text": text, **data, "recipe": recipe}
        return json.dumps(whole, ensure_ascii=False, indent=1).encode()
    if file_format == "srt":
        return srt(segments).encode()
    if file_format == "vtt":
        return vtt(segments).encode()
    return ("\n".join(segment.text.strip() for segment in segments) + "\n").encode()

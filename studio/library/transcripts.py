"""What was heard in a recording, as files with its times: SRT, WebVTT, JSON, plain text. Knows no library.

Segments are kept as JSON: {"language", "language_probability", "segments": [{"text", "start_seconds", "end_seconds"}]}.
Sources: https://www.w3.org/TR/webvtt1/, SubRip as VLC reads it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from pipelines.types.speech import Sentence
from pipelines.types.transcription import TranscribeResult

FORMATS = ("srt", "vtt", "json", "txt")


def segments_of(result: TranscribeResult) -> bytes:
    """The JSON that is kept of a transcription."""
    data = {
        "language": result.language,
        "language_probability": result.language_probability,
        "segments": [asdict(segment) for segment in result.segments],
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
        return _srt(segments).encode()
    if file_format == "vtt":
        return _vtt(segments).encode()
    return ("\n".join(segment.text.strip() for segment in segments) + "\n").encode()


def _srt(segments: Sequence[Sentence]) -> str:
    cues = []
    for number, one in enumerate(segments, 1):
        times = f"{_time(one.start_seconds, ',')} --> {_time(one.end_seconds, ',')}"
        cues.append(f"{number}\n{times}\n{_lines(one.text)}\n")
    return "\n".join(cues)


def _vtt(segments: Sequence[Sentence]) -> str:
    cues = ["WEBVTT\n"]
    for one in segments:
        text = _lines(one.text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        cues.append(f"{_time(one.start_seconds, '.')} --> {_time(one.end_seconds, '.')}\n{text}\n")
    return "\n".join(cues)


def _lines(text: str) -> str:
    """Without empty lines, which would end a cue, and without the arrow that makes a line one of times."""
    return "\n".join(filter(None, map(str.strip, text.splitlines()))).replace("-->", "→")


def _time(seconds: float, point: str) -> str:
    """00:01:02,345."""
    milliseconds = round(max(seconds, 0.0) * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"

"""Sentences with their times as subtitle files: SRT and WebVTT. Knows no library and no film.

Sources: https://www.w3.org/TR/webvtt1/, SubRip as VLC reads it.
"""

from collections.abc import Sequence

from pipelines.types.speech import Sentence


def srt(sentences: Sequence[Sentence]) -> str:
    cues = []
    for number, one in enumerate(sentences, 1):
        times = f"{_time(one.start_seconds, ',')} --> {_time(one.end_seconds, ',')}"
        cues.append(f"{number}\n{times}\n{_lines(one.text)}\n")
    return "\n".join(cues)


def vtt(sentences: Sequence[Sentence]) -> str:
    cues = ["WEBVTT\n"]
    for one in sentences:
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

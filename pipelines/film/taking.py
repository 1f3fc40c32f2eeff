"""Pictures out of a film, by the ffmpeg program: numbered steps. What somebody brought is looked at before it is decoded.

A file is read as what its first bytes say, never as what it is called, and never as a list that names other files. Knows no model.
"""

import re
import subprocess
import time
from pathlib import Path
from typing import Literal

from pipelines.errors.film import (
    FfmpegFailed,
    FilmPicturesTooLarge,
    FilmTooLongToRead,
    TooManyPictures,
    UnreadableFilm,
)
from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.types.clip import MOST_PICTURES, FramesRequest, FramesResult
from pipelines.types.events import IsCancelled, OnEvent, Progress

LIMIT_SECONDS = 3 * 3600.0
LIMIT_PIXELS = 36_000_000  # of one picture: 8K has 33 million
LIMIT_SIDE = 16_384
LONGEST_SIDE = 1920  # of what is taken
PATIENCE_SECONDS = 60.0  # for one picture
POLL_SECONDS = 0.05
# ffmpeg tells what a file says of itself in between, four spaces in and before a colon ("    title           : …"): no line of its own
DURATION = re.compile(r"(?m)^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
TIME = re.compile(r"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)")
VIDEO = re.compile(r"(?m)^\s+Stream #\d+:\d+[^\n]*: Video: [^\n]*?[ ,](\d{1,9})x(\d{1,9})[ ,\n]")
RATE = re.compile(r"(?m)^\s+Stream #\d+:\d+[^\n]*: Video: [^\n]*?(\d+(?:\.\d+)?) (?:fps|tbr)")
A_LITTLE_SECONDS = 0.002
TOO_MANY = re.compile(r"[Pp]icture size (\d{1,9})x(\d{1,9}) exceeds")  # ffmpeg has looked at LIMIT_PIXELS itself
SMALLER = f"scale=w='min(iw,{LONGEST_SIDE})':h='min(ih,{LONGEST_SIDE})':force_original_aspect_ratio=decrease"


def take_frames(request: FramesRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> FramesResult:
    """Raises NoFfmpeg, FfmpegFailed, UnreadableFilm or TooManyPictures."""
    started = time.perf_counter()

    # 1 What it is
    path = Path(request.film)
    reader = _Reader(path, request.title_text or path.name, is_cancelled)
    seconds_film = reader.measure()

    # 2 When
    times = _times(request, seconds_film)

    # 3 One picture after the other; beyond the last frame there is none
    images: list[bytes] = []
    found: list[float] = []
    for number, at in enumerate(times):
        on_event(Progress(number, len(times), "frames"))
        image = reader.picture(at)
        if is_cancelled():
            break
        if image:
            images.append(image)
            found.append(at)
    if not images and not is_cancelled():
        raise UnreadableFilm(name=reader.name, reason="it holds no pictures")
    on_event(Progress(len(times), len(times), "frames"))
    reason: Literal["stop", "cancelled"] = "cancelled" if is_cancelled() else "stop"
    seconds = time.perf_counter() - started
    return FramesResult(request, reason, seconds_film, tuple(found), seconds, images=tuple(images))


def format_of(data: bytes) -> str:
    """ffmpeg's name of the kind of film that `data` begins as; "" for what is none."""
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return "mov"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    return "avi" if data.startswith(b"RIFF") and data[8:12] == b"AVI " else ""


def _times(request: FramesRequest, seconds_film: float) -> list[float]:
    """Seconds from the beginning. Raises TooManyPictures."""
    if request.count is not None:
        return [(number + 0.5) * seconds_film / request.count for number in range(request.count)]
    count = max(1, int(seconds_film / request.every_seconds - 1e-6) + 1)
    if count > MOST_PICTURES:
        raise TooManyPictures(count=count, limit=MOST_PICTURES)
    return [number * request.every_seconds for number in range(count)]


class _Reader:
    """Runs ffmpeg over one file, with bounds. `name` is what its person calls it."""

    def __init__(self, path: Path, name: str, is_cancelled: IsCancelled) -> None:
        """Raises UnreadableFilm for what does not begin as a film does, and NoFfmpeg."""
        self.name = name
        self._seconds_a_frame = 0.0
        self._is_cancelled = is_cancelled
        try:
            with path.open("rb") as file:
                beginning = file.read(16)
        except OSError as error:
            raise UnreadableFilm(name=name, reason=error.strerror or str(error)) from error
        if not beginning:
            raise UnreadableFilm(name=name, reason="it is empty")
        kind = format_of(beginning)
        if not kind:
            raise UnreadableFilm(name=name, reason="it is no film, whatever its name says")
        bounds = ("-protocol_whitelist", "file", "-threads", "1", "-max_pixels", str(LIMIT_PIXELS))
        self._begin = [find_ffmpeg(), "-hide_banner", "-nostdin"]
        self._input = [*bounds, "-f", kind, "-i", str(path)]

    def measure(self) -> float:
        """How long the film is, in seconds. Raises UnreadableFilm."""
        # 1 By its header
        _, said = self._run([*self._begin, *self._input])
        seen = TOO_MANY.search(said) or VIDEO.search(said)
        if seen is None:
            reason = "it is damaged" if "Invalid data" in said or "moov atom" in said else "it holds no pictures"
            raise UnreadableFilm(name=self.name, reason=reason)
        width, height = int(seen[1]), int(seen[2])
        if width * height > LIMIT_PIXELS or max(width, height) > LIMIT_SIDE:
            raise FilmPicturesTooLarge(name=self.name, width=width, height=height)
        long, rate = DURATION.search(said), RATE.search(said)
        self._seconds_a_frame = 1 / float(rate[1]) if rate and float(rate[1]) > 0 else 0.0

        # 2 One that was recorded as it went says no length: its packets are counted
        if long is None:
            _, said = self._run([*self._begin, *self._input, "-map", "0:v:0", "-c", "copy", "-f", "null", "-"])
            told = list(TIME.finditer(said))
            long = told[-1] if told else None
        if long is None:
            raise UnreadableFilm(name=self.name, reason="it holds no pictures")
        seconds = int(long[1]) * 3600 + int(long[2]) * 60 + float(long[3])
        if seconds > LIMIT_SECONDS:
            raise FilmTooLongToRead(name=self.name, hours=seconds / 3600, limit=LIMIT_SECONDS / 3600)
        return seconds

    def picture(self, at: float) -> bytes:
        """The frame that is seen at `at` seconds, as a PNG file; b"" where there is none."""
        # ffmpeg goes to the first frame that begins then or later; the one that is seen began before
        begin = max(0.0, at - self._seconds_a_frame + A_LITTLE_SECONDS) if self._seconds_a_frame else at
        taken = ("-map", "0:v:0", "-frames:v", "1", "-vf", SMALLER, "-f", "image2pipe", "-c:v", "png", "-")
        data, _ = self._run([*self._begin, "-loglevel", "error", "-ss", f"{begin:.3f}", *self._input, *taken])
        return data

    def _run(self, command: list[str]) -> tuple[bytes, str]:
        """What it wrote, and what it said. Raises FfmpegFailed where it cannot be started, UnreadableFilm where it takes too long."""
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise FfmpegFailed(reason=str(error.strerror or error)) from error
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while True:
                try:
                    data, said = process.communicate(timeout=POLL_SECONDS)
                    return data, said.decode("utf-8", "replace")
                except subprocess.TimeoutExpired:
                    if self._is_cancelled():
                        return b"", ""
                    if time.monotonic() > until:
                        raise UnreadableFilm(name=self.name, reason="reading it takes too long") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

"""The ffmpeg program, as a process of its own: where it is, and an encoder that is fed frame by frame. Knows no story.

It is found by the package imageio-ffmpeg, which brings one along, else on the PATH. Nothing of it runs in this process.
"""

import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.errors.film import FfmpegFailed, NoFfmpeg
from pipelines.types.events import IsCancelled

FRAMES_PER_SECOND = 25
LAST_WORDS_CHARACTERS = 200
FRAME_SECONDS = 60.0  # one frame takes milliseconds: a program that does not take it in this time hangs
FINISH_SECONDS = 300.0
POLL_SECONDS = 0.2
# Plays everywhere: H.264 High with 4:2:0, AAC, timed text, what a player needs first at the front of the file.
VIDEO = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
AUDIO = ("-c:a", "aac", "-b:a", "160k")


def find_ffmpeg() -> str:
    """The path of the program. Raises NoFfmpeg."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # the package, or a program for this machine in it, is missing
        found = shutil.which("ffmpeg")
    if found is None:
        raise NoFfmpeg()
    return found


class Encoder:
    """Writes `folder/film.mp4` from frames (RGB, width × height × 3 bytes each), `sound` (WAV, None: silent) and `subtitles` (SRT,
    None: none).

    A context: whoever leaves it by an error leaves no process behind.
    """

    def __init__(
        self,
        folder: Path,
        size: tuple[int, int],
        sound: Path | None = None,
        subtitles: Path | None = None,
        language: str = "eng",
        *,
        frame_rate: float = FRAMES_PER_SECOND,
    ) -> None:
        """`size` is even. `language` is an ISO 639-2 code. Raises NoFfmpeg or FfmpegFailed."""
        self.film = folder / "film.mp4"
        self._words = folder / "words.txt"  # a pipe that nobody reads could fill
        width, height = size
        frames = (
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(frame_rate),
            "-i",
            "-",
        )
        command = [find_ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *frames]
        command += [word for file in (sound, subtitles) if file for word in ("-i", str(file))]
        streams: list[tuple[str, tuple[str, ...]]] = [("a", AUDIO)] if sound else []
        streams += [("s", ("-c:s", "mov_text"))] if subtitles else []
        maps, tongue = ["-map", "0:v"], []
        for number, (kind, how) in enumerate(streams, 1):
            maps += ["-map", f"{number}:{kind}", *how]
            tongue += [f"-metadata:s:{kind}:0", f"language={language}"]
        command += [*maps, *VIDEO, *tongue, str(self.film)]
        try:
            with self._words.open("wb") as words:
                self._process = subprocess.Popen(
                    command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, cwd=folder
                )
        except OSError as error:
            raise FfmpegFailed(reason=str(error.strerror or error)) from error
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._taking = selectors.DefaultSelector()
        self._taking.register(self._process.stdin, selectors.EVENT_WRITE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._taking.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def write(self, frame: bytes, is_cancelled: IsCancelled) -> bool:
        """Whether the program took it; False where it was cancelled meanwhile. Raises FfmpegFailed, also where nothing takes it."""
        assert self._process.stdin is not None
        left, until = memoryview(frame), time.monotonic() + FRAME_SECONDS
        try:
            while left:  # a full pipe that nobody reads would hold up whoever writes, without end
                if self._taking.select(POLL_SECONDS):
                    left = left[os.write(self._process.stdin.fileno(), left) :]
                elif is_cancelled():
                    return False
                elif time.monotonic() > until:
                    raise self._failed()
        except OSError as error:  # it has gone: what it said says why
            raise self._failed() from error
        return True

    def finish(self, is_cancelled: IsCancelled) -> bytes:
        """The whole film; b"" where it was cancelled. Raises FfmpegFailed."""
        assert self._process.stdin is not None
        self._taking.close()
        self._process.stdin.close()
        until = time.monotonic() + FINISH_SECONDS
        while (code := self._process.poll()) is None and time.monotonic() < until:
            if is_cancelled():
                return b""
            time.sleep(POLL_SECONDS)
        if code != 0 or not self.film.is_file():
            raise self._failed()
        return self.film.read_bytes()

    def _failed(self) -> FfmpegFailed:
        said = self._words.read_text("utf-8", "replace").strip().splitlines()
        return FfmpegFailed(reason=(said[-1] if said else "no reason was given")[-LAST_WORDS_CHARACTERS:])

"""A film out of pictures, narrations and music: numbered steps. Knows no model."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pipelines.film.camera import frames, still
from pipelines.film.ffmpeg import FRAMES_PER_SECOND, Encoder
from pipelines.film.soundtrack import mix
from pipelines.film.timeline import lay_out
from pipelines.pictures.files import open_picture
from pipelines.sound.files import open_sound, to_bytes
from pipelines.speech.sentences import HAS_WIDE
from pipelines.speech.subtitles import srt
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.film import LIMIT_SECONDS, FilmRequest, FilmResult
from pipelines.types.sound import Wave

TELL_EVERY_FRAMES = 10
# ffmpeg reads "<b>", "{\an8}" and "\n" in SRT as markup, and what it does not know as nothing: a word joiner makes them words
PLAIN = {ord(sign): sign + "\u2060" for sign in "<{\\"}


def make_film(request: FilmRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> FilmResult:
    """Raises NoFfmpeg, FfmpegFailed, FilmTooLong, and what is wrong with a picture or a sound."""
    started = time.perf_counter()

    # 1 What is heard and seen, and when
    narrations = [_sound(name) for name in request.narrations]
    timeline = lay_out(request.cuts, [said.seconds if said else 0.0 for said in narrations])
    size = (request.width, request.height)
    stills = [
        still(open_picture(Path(name), Path(name).name), size, number) for number, name in enumerate(request.pictures)
    ]
    stopped = FilmResult(request, "cancelled", 0.0, 0.0)
    if is_cancelled():
        return replace(stopped, seconds=time.perf_counter() - started)
    sound = mix(timeline, narrations, _sound(request.music))

    with tempfile.TemporaryDirectory(prefix="film-") as scratch:
        # 2 The sound and the subtitles, as files for the encoder
        folder = Path(scratch)
        (folder / "sound.wav").write_bytes(to_bytes(sound))
        said_there = folder / "said.srt" if timeline.sentences else None
        if said_there:
            said_there.write_text(srt(timeline.sentences).translate(PLAIN), "utf-8")
        is_wide = any(HAS_WIDE.search(one.text) for one in timeline.sentences)

        # 3 Frame by frame
        total = round(timeline.seconds * FRAMES_PER_SECOND)
        with Encoder(folder, size, folder / "sound.wav", said_there, "zho" if is_wide else "eng") as encoder:
            for done, frame in enumerate(frames(stills, timeline)):
                if done % TELL_EVERY_FRAMES == 0:
                    on_event(Progress(done, total, "frames"))
                    if is_cancelled():
                        return replace(stopped, seconds=time.perf_counter() - started)
                if not encoder.write(frame.tobytes(), is_cancelled):
                    return replace(stopped, seconds=time.perf_counter() - started)

            # 4 The whole of it
            film = encoder.finish(is_cancelled)
    if not film:
        return replace(stopped, seconds=time.perf_counter() - started)
    on_event(Progress(total, total, "frames"))
    seconds = time.perf_counter() - started
    poster = stills[0].at(0.0)
    return FilmResult(request, "stop", timeline.seconds, seconds, timeline.sentences, film=film, poster=poster)


def _sound(name: str) -> Wave | None:
    return open_sound(Path(name), limit_seconds=LIMIT_SECONDS) if name else None

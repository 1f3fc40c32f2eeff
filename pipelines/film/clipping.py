"""Pictures one after the other as a film, without a model: numbered steps."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from pipelines.film.camera import Size, fitted
from pipelines.film.ffmpeg import Encoder
from pipelines.film.flow import Between
from pipelines.pictures.files import open_picture
from pipelines.types.clip import ClipRequest, ClipResult
from pipelines.types.events import IsCancelled, OnEvent, Progress

TELL_EVERY_FRAMES = 5
LONGEST_SIDE, SHORTEST_SIDE = 1920, 16


def make_clip(request: ClipRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> ClipResult:
    """Raises NoFfmpeg, FfmpegFailed, and what is wrong with a picture."""
    started = time.perf_counter()

    # 1 How large
    first = _open(request, 0)
    width, height = size_of(first, request.width, request.height)
    request = replace(request, width=width, height=height)
    total = round(request.seconds_film * request.frame_rate)
    stopped = ClipResult(request, "cancelled", 0, 0.0, 0.0)

    # 2 Frame by frame; two pictures at a time are in memory
    with (
        tempfile.TemporaryDirectory(prefix="film-") as scratch,
        Encoder(Path(scratch), (width, height), frame_rate=request.frame_rate) as encoder,
    ):
        for done, frame in enumerate(_frames(request, (width, height), total)):
            if done % TELL_EVERY_FRAMES == 0:
                on_event(Progress(done, total, "frames"))
                if is_cancelled():
                    return replace(stopped, seconds=time.perf_counter() - started)
            if not encoder.write(frame.tobytes(), is_cancelled):
                return replace(stopped, seconds=time.perf_counter() - started)

        # 3 The whole of it
        film = encoder.finish(is_cancelled)
    seconds = time.perf_counter() - started
    if not film:
        return replace(stopped, seconds=seconds)
    on_event(Progress(total, total, "frames"))
    return ClipResult(request, "stop", total, total / request.frame_rate, seconds, film=film, poster=first)


def size_of(picture: Image.Image, width: int | None, height: int | None) -> Size:
    """As asked; what is not asked in the picture's proportions. Even, as the encoder wants it, and not too large."""
    ratio = picture.width / picture.height
    if width is None and height is None:
        scale = min(1.0, LONGEST_SIDE / max(picture.size))
        width, height = round(picture.width * scale), round(picture.height * scale)
    wide = width if width is not None else round((height or 0) * ratio)
    high = height if height is not None else round(wide / ratio)
    return _even(wide), _even(high)


def _frames(request: ClipRequest, size: Size, total: int) -> Iterator[Image.Image]:
    """All of them, in order: picture n stands from n · (seconds + join) for `seconds`, then goes over into the next."""
    stands, goes, last = request.seconds, request.seconds_join, len(request.pictures) - 1
    shown = [fitted(_open(request, 0), size)]  # picture `number`, and the next one once it is needed
    number, between = 0, None
    for frame in range(total):
        # two pictures that are joined without standing are both seen whole: the first frame is one, the last the other
        at = frame / request.frame_rate if stands or total < 2 else frame * request.seconds_film / (total - 1)
        while number < last and at >= (number + 1) * (stands + goes) and (stands or at < request.seconds_film):
            shown = shown[1:] or [fitted(_open(request, number + 1), size)]
            number, between = number + 1, None
        into = at - number * (stands + goes) - stands
        if number == last or into < 0 or not goes:
            yield shown[0]
            continue
        share = min(1.0, into / goes)
        if len(shown) < 2:
            shown.append(fitted(_open(request, number + 1), size))
        if request.join == "fade":
            yield Image.blend(shown[0], shown[1], share)
        else:
            between = between or Between(shown[0], shown[1])
            yield between.at(share)


def _open(request: ClipRequest, number: int) -> Image.Image:
    path = Path(request.pictures[number])
    return open_picture(path, path.name)


def _even(side: int) -> int:
    return max(SHORTEST_SIDE, min(LONGEST_SIDE, side // 2 * 2))

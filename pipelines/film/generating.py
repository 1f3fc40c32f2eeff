"""A film by a video model: numbered steps. Knows no model family."""

import secrets
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from pipelines.diffusion.previews import Glimpses
from pipelines.errors.memory import OutOfMemory
from pipelines.errors.requests import EmptyPrompt
from pipelines.film.ffmpeg import Encoder
from pipelines.loading.placement.devices import is_out_of_memory
from pipelines.pictures.fitting import fit, round_to
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.image import Look, OnStep
from pipelines.types.model import ImageDefaults, ModelSpec
from pipelines.types.video import Shot, VideoRequest, VideoResult


class FilmingModel(Protocol):
    """What a family gives for films. See `VideoModel` of pipelines/families/video.py."""

    defaults: ImageDefaults
    side_multiple: int
    frame_multiple: int
    most_frames: int

    def film(self, shot: Shot, on_step: OnStep) -> list[Any]: ...


class Stopped(Exception):
    """Whoever wanted the film has pressed Stop. Internal: it ends a film within a step."""


def generate_film(
    model: FilmingModel,
    spec: ModelSpec,
    device: str,
    request: VideoRequest,
    picture: Any,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> VideoResult:
    """`picture` is where it begins (RGB), or None. Raises EmptyPrompt, OutOfMemory, DrawingRefused, NoFfmpeg or FfmpegFailed."""
    started = time.perf_counter()

    # 1 The blanks as they suit the model
    request = _settled(request, spec, model, picture)
    size = (request.width or 0, request.height or 0)
    rate, done_steps, unread = model.defaults.frame_rate, 0, ""
    glimpses = Glimpses(on_event)

    def on_step(done: int, total: int, look: Look) -> None:
        nonlocal done_steps
        done_steps = done
        on_event(Progress(done, total, "steps"))
        glimpses.show(done, total, look)
        if is_cancelled():
            raise Stopped

    def take_unread(words: str) -> None:
        nonlocal unread
        unread = words

    # 2 The frames
    def result(reason: Any, frames: int, **more: Any) -> VideoResult:
        seconds = time.perf_counter() - started
        return VideoResult(spec.id, request, reason, frames, rate, done_steps, seconds, unread=unread, **more)

    first = picture.resize(size, Image.Resampling.LANCZOS) if picture is not None else None
    try:
        if is_cancelled():
            raise Stopped
        frames = model.film(Shot(request, first, take_unread), on_step)
    except Stopped:
        return result("cancelled", 0)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(model=spec.name, device=device) from error

    # 3 The film
    film = _encoded(frames, rate, is_cancelled)
    return result("stop", len(frames), film=film, poster=frames[0]) if film else result("cancelled", 0)


def _settled(request: VideoRequest, spec: ModelSpec, model: FilmingModel, picture: Any) -> VideoRequest:
    """Raises EmptyPrompt. A film of a picture has its shape, and about as many pixels as suit the model."""
    if picture is None and not request.prompt.strip():
        raise EmptyPrompt()
    defaults = spec.defaults if spec.defaults is not None and spec.defaults.frame_rate else model.defaults
    width, height = request.width or defaults.width, request.height or defaults.height
    if picture is not None and request.width is None and request.height is None:
        width, height = fit(picture.size, defaults.width * defaults.height, model.side_multiple)
    frames = max(1, request.frames or defaults.frames)
    frames = min(frames, model.most_frames or frames)
    return replace(
        request,
        width=round_to(width, model.side_multiple),
        height=round_to(height, model.side_multiple),
        frames=round((frames - 1) / model.frame_multiple) * model.frame_multiple + 1,
        steps=request.steps or defaults.steps,
        guidance_scale=defaults.guidance_scale if request.guidance_scale is None else request.guidance_scale,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
    )


def _encoded(frames: list[Any], rate: float, is_cancelled: IsCancelled) -> bytes:
    """An MP4 file; b"" where it was stopped."""
    with (
        tempfile.TemporaryDirectory(prefix="film-") as scratch,
        Encoder(Path(scratch), frames[0].size, frame_rate=rate) as encoder,
    ):
        for frame in frames:
            if is_cancelled() or not encoder.write(frame.tobytes(), is_cancelled):
                return b""
        return encoder.finish(is_cancelled)

"""What takes more than one kind of thing: a picture is put into words, pictures and sounds become a film, words one that moves.

    pipeline = MultimodalPipeline.on_this_machine()
    result = pipeline.generate(CaptionRequest("icon-names", image="fox.png"))
    result = pipeline.generate(FilmRequest((Cut(seconds=3.0),), pictures=("fox.png",), narrations=("fox.flac",)))
    result = pipeline.generate(VideoRequest("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", prompt="a fox runs"))

`generate` is the whole path, as numbered steps; what each kind of request does stands in a room of its own.
"""

import time
from dataclasses import replace
from pathlib import Path

from pipelines.base import Pipeline
from pipelines.film.clipping import make_clip
from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.film.generating import generate_film
from pipelines.film.making import make_film
from pipelines.film.taking import take_frames
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.pictures.files import open_picture
from pipelines.seeing.describing import describe
from pipelines.types.caption import CaptionRequest, CaptionResult
from pipelines.types.clip import ClipRequest, ClipResult, FramesRequest, FramesResult
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.film import FilmRequest, FilmResult
from pipelines.types.video import VideoRequest, VideoResult

Asked = CaptionRequest | VideoRequest | FilmRequest | ClipRequest | FramesRequest
Answer = CaptionResult | VideoResult | FilmResult | ClipResult | FramesResult


class MultimodalPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(self, request: Asked, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never) -> Answer:
        """What `request` asks for. When `is_cancelled` turns true the result has finish_reason "cancelled".

        Raises the errors of `pipelines.errors`.
        """
        # 1 Is it a request that can be answered?
        request.check()

        # 2 What needs no model
        match request:
            case FilmRequest():
                return make_film(request, on_event, is_cancelled)
            case ClipRequest():
                return make_clip(request, on_event, is_cancelled)
            case FramesRequest():
                return take_frames(request, on_event, is_cancelled)
            case VideoRequest():
                return self._film(request, on_event, is_cancelled)

        # 3 The picture, before seconds go into a model
        spec = self.catalog.check(request)
        picture = open_picture(Path(request.image))

        # 4 The model, for as long as it is needed, and what it says
        started = time.perf_counter()
        try:
            with self.lease(spec, (), on_event, is_cancelled) as model:
                seconds_load = time.perf_counter() - started
                result = describe(model, spec, request, picture, on_event, is_cancelled)
        except LoadCancelled:
            return CaptionResult(spec.id, "cancelled", "", seconds_load=time.perf_counter() - started)
        return replace(result, seconds_load=seconds_load)

    def _film(self, request: VideoRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> VideoResult:
        """A film by a model."""
        # 1 Whatever would be missing at the end, before minutes go into a model
        spec = self.catalog.check(request)
        picture = open_picture(Path(request.image)) if request.image else None
        find_ffmpeg()

        # 2 The model, for as long as it is needed
        started = time.perf_counter()
        try:
            with self.lease(spec, (), on_event, is_cancelled) as model:
                seconds_load = time.perf_counter() - started
                result = generate_film(model, spec, self.place.label, request, picture, on_event, is_cancelled)
        except LoadCancelled:
            return VideoResult(spec.id, request, "cancelled", 0, 0.0, 0, 0.0, time.perf_counter() - started)
        return replace(result, seconds_load=seconds_load)

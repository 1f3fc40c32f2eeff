"""What takes more than one kind of thing: a picture is put into words, pictures and sounds become a film.

    pipeline = MultimodalPipeline.on_this_machine()
    result = pipeline.generate(CaptionRequest("icon-names", image="fox.png"))
    result = pipeline.generate(FilmRequest((Cut(seconds=3.0),), pictures=("fox.png",), narrations=("fox.flac",)))

`generate` is the whole path, as numbered steps; what each kind of request does stands in a room of its own.
"""

import time
from dataclasses import replace
from pathlib import Path

from pipelines.base import Pipeline
from pipelines.film.making import make_film
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.pictures import open_picture
from pipelines.seeing.describing import describe
from pipelines.types.caption import CaptionRequest, CaptionResult
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.film import FilmRequest, FilmResult


class MultimodalPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: CaptionRequest | FilmRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> CaptionResult | FilmResult:
        """What `request` asks for. When `is_cancelled` turns true the result has finish_reason "cancelled".

        Raises the errors of `pipelines.errors`.
        """
        # 1 Is it a request that can be answered?
        request.check()

        # 2 A film needs no model
        if isinstance(request, FilmRequest):
            return make_film(request, on_event, is_cancelled)

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

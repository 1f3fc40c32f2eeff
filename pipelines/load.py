"""A model into memory before anybody asks it something, and kept there where that is wanted.

pipeline = LoadPipeline.on_this_machine()
result = pipeline.generate(LoadRequest(model="smollm2-135m-instruct", is_pinned=True))
"""

import time

from pipelines.base import Pipeline
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.load import LoadRequest, LoadResult


class LoadPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: LoadRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> LoadResult:
        """What the model takes in memory. Raises the errors of `pipelines.errors`."""
        # 1 Which model
        request.check()
        spec = self.catalog.check(request)

        # 2 Into memory; pinned before the lease ends, so that nothing drops it in between
        started = time.perf_counter()
        try:
            with self.lease(spec, (), on_event, is_cancelled) as model:
                if request.is_pinned:
                    self.pin(spec.id, True)
                size = model.size_bytes
        except LoadCancelled:
            return LoadResult(spec.id, 0, time.perf_counter() - started, "cancelled")
        return LoadResult(spec.id, size, time.perf_counter() - started)

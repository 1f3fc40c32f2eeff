"""A model's files onto this machine, before anybody asks it something.

    pipeline = DownloadPipeline.on_this_machine()
    result = pipeline.generate(DownloadRequest(model="Qwen/Qwen3-0.6B"))

Stopped, it leaves what it has, and the same request goes on from there. It loads nothing and knows no model family.
"""

import time
from dataclasses import replace

from pipelines.base import Pipeline
from pipelines.errors.models import UnsafeModel
from pipelines.loading.hub.cache import bytes_here, bytes_on_disk, remove
from pipelines.loading.inspection.weights import check_model
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.types.download import DownloadRequest, DownloadResult
from pipelines.types.events import Event, IsCancelled, OnEvent, ignore, never
from pipelines.types.model import ModelSpec


class DownloadPipeline(Pipeline):
    """Safe to use from several threads at once: of two that want one model, one fetches and the other waits."""

    def generate(
        self, request: DownloadRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> DownloadResult:
        """What is here afterwards; the bytes go to `on_event` on the way, about four times a second.

        When `is_cancelled` turns true, what has come so far stays, with finish_reason "cancelled". Raises the errors of
        `Hub.snapshot`, UnsupportedModel for a class that nothing here serves, NotAllowed, and StarterUnavailable.
        """
        # 1 Which model, at which revision
        request.check()
        spec = self.catalog.check(request)
        if request.revision != "main":
            spec = replace(spec, revision=request.revision)
        started = time.perf_counter()
        before = self._bytes_here(spec)
        was_here = self.catalog.is_on_disk(spec)

        # 2 Its files
        def tell(event: Event) -> None:
            if is_cancelled():
                raise LoadCancelled
            on_event(event)

        try:
            folder = self._fetch(spec, tell)
        except LoadCancelled:
            done, _ = bytes_here(spec)
            seconds = time.perf_counter() - started
            return DownloadResult(spec.id, spec.revision, done, max(done - before, 0), seconds, "cancelled")

        # 3 Whole and harmless, and something here can run it: said now, and not when it is first asked
        try:
            weights = check_model(folder, spec.name)
        except UnsafeModel:
            if spec.source == "hub" and not was_here:  # what another program fetched is not ours to delete
                remove(spec)
            raise
        self.catalog.family_of(weights, spec.name)

        # 4 With what it took
        size = self._bytes_here(spec)
        commit = folder.name if spec.source == "hub" else spec.revision
        return DownloadResult(spec.id, commit, size, max(size - before, 0), time.perf_counter() - started)

    def _bytes_here(self, spec: ModelSpec) -> int:
        """What of the model lies on this machine's disk."""
        if spec.source == "hub":
            return bytes_on_disk(spec)
        return spec.size_bytes if self.catalog.is_on_disk(spec) else 0

"""An adapter into the weights of its base: a model of its own, which needs neither of them.

    pipeline = MergePipeline.on_this_machine(models_folder)
    result = pipeline.generate(MergeRequest(model="smollm2-135m-instruct", adapter="pirate"))

It knows no model family. The numbers are those that the merged model works with on this device.
"""

import json
import shutil
import tempfile
import time
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from pipelines.base import Pipeline
from pipelines.errors.models import AdapterMismatch
from pipelines.errors.training import CannotMerge
from pipelines.loading.lock import only_one
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.training.card import write_facts
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.merge import MergeRequest, MergeResult
from pipelines.version import VERSION


class MergePipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: MergeRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> MergeResult:
        """Raises CannotMerge, and the errors of loading the base with the adapter."""
        started = time.perf_counter()
        try:
            return MergeResult(self._merge(request, on_event, is_cancelled), time.perf_counter() - started)
        except LoadCancelled:
            return MergeResult("", time.perf_counter() - started, "cancelled")

    def _merge(self, request: MergeRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> str:
        """The name of the model that came of it."""
        # 1 Which two
        spec = self.catalog.find(request.model)
        place = self.catalog.local_path(request.adapter)
        if place is None or request.adapter not in self.catalog.adapters_of(request.model):
            raise CannotMerge(adapter=request.adapter, reason=f"it was not trained here over {spec.name}")
        facts = json.loads((place / "model.json").read_text(encoding="utf-8"))

        # 2 One at a time, so that what lies about is of one that was killed
        models = place.parent
        with only_one(models / ".merging.lock", lambda: _refuse_if(is_cancelled)):
            for left in models.glob(".merging-*"):
                shutil.rmtree(left, ignore_errors=True)
            scratch = Path(tempfile.mkdtemp(prefix=".merging-", dir=models))
            try:
                # 3 Both in memory as one, and from there into a folder beside the adapter
                with self.lease(spec, (Adapter(request.adapter),), on_event, is_cancelled) as model:
                    if not hasattr(model, "write"):
                        raise CannotMerge(adapter=request.adapter, reason="only those of language models are merged")
                    model.write(scratch)
                write_facts(scratch, _merged(facts, request))
                name = _publish(scratch, models, f"{request.adapter}-merged")
            except AdapterMismatch as error:
                raise CannotMerge(adapter=request.adapter, reason=str(error.details["reason"])) from error
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return name


def _refuse_if(is_cancelled: IsCancelled) -> None:
    if is_cancelled():
        raise LoadCancelled


def _merged(facts: dict[str, Any], request: MergeRequest) -> dict[str, Any]:
    """Of the adapter, but for what is no longer true."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    changed = {"version": VERSION, "created": now, "name": f"{facts['name'] or request.adapter} merged"}
    kept = {key: value for key, value in facts.items() if key != "is_adapter"}
    return {**kept, **changed, "merged_from": request.adapter}


def _publish(folder: Path, models: Path, wanted: str) -> str:
    """By one rename, so that what stands there is whole; a number follows where there is such a model already."""
    folder.chmod(0o755)  # as a scratch folder it was for its owner only
    for name in chain([wanted], (f"{wanted}-{number}" for number in count(2))):
        if not (models / name).exists() and not (models / f"{name}.json").exists():
            folder.rename(models / name)
            return name
    raise AssertionError("there is always another number")

"""One go at a training run, from the request to a model in the catalog: the same for a script and for the studio.

    runs/<run id>/
      run.json                the request and every setting, written first: who goes on with the run goes by it
      data.json               the SHA-256 of the data that it began with
      checkpoints/step-…/     see checkpoints.py
      metrics.jsonl           one line a step, every step at most once
      samples/step-….png|.txt what the model made then
      model/                  the finished model while it is being written; then it moves to models/<name>/

Whoever calls holds the run: this file takes no lock. It knows no network; that is the trainer's.
"""

import errno
import json
import re
import shutil
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pipelines.base import open_catalog
from pipelines.errors.training import DataChanged
from pipelines.loading.memory.measure import free_bytes, store_of
from pipelines.loading.placement.devices import choose_place, wait_asleep
from pipelines.loading.starter import default_cache_folder
from pipelines.training import metrics
from pipelines.training.base_model import BaseModel, find_base
from pipelines.training.data import Data, fingerprint
from pipelines.training.files import make_durable, write_whole
from pipelines.training.loop import Commands, train
from pipelines.training.order import order_of
from pipelines.training.size import within
from pipelines.training.trainer import Sample, flat
from pipelines.types.crossing import from_json, to_json
from pipelines.types.events import OnEvent, ignore
from pipelines.types.training import Metrics, Sampled, TrainRequest, TrainResult
from pipelines.version import VERSION


class Uninterrupted:
    """The commands of nobody."""

    def is_stopping(self) -> Literal["", "save", "cancel"]:
        return ""

    def wants_checkpoint(self) -> bool:
        return False

    def wants_sample(self) -> bool:
        return False


def run(
    request: TrainRequest, folder: Path, on_event: OnEvent = ignore, commands: Commands | None = None
) -> TrainResult:
    """Start the run in `folder`, or go on with the one that is there; a finished model comes to stand in ../../models.

    Raises the errors of `pipelines.errors.training`, SettingOutOfRange, and those of fetching data and base.
    """
    wait_asleep()
    import torch

    # 1 What is to be done: as it was asked first, where the run goes on
    device = choose_place().device
    own = folder.parents[1] / "datasets"
    order = _read_order(folder, own)
    if order is None:
        order = _Order.of(request, device, own)
        order.write(folder)

    # 2 The data, and what needs no learning
    trainer, dataset = order.trainer, order.dataset
    data = dataset.load(default_cache_folder() / "packages")
    order.check_data(folder, data)
    baseline = {f"baseline_{name}": value for name, value in trainer.baseline(data, order.settings).items()}

    # 3 The networks, from the same random weights every time
    base = find_base(order.request.model, folder.parents[1] / "models", on_event) if trainer.NEEDS_MODEL else None
    torch.manual_seed(order.settings.plan.seed)
    with nullcontext() if trainer.NEEDS_MODEL else within(free_bytes(store_of(device))):
        course = trainer.start(order.settings, data, device, base)

    # 4 The steps
    book = _Book(folder, order.settings.plan.steps, baseline, on_event)
    reached = train(course, order.settings.plan, folder / "checkpoints", book, commands or Uninterrupted())
    result = TrainResult(
        trainer=order.request.trainer,
        name=order.request.name,
        run=folder.name,
        step=reached.step,
        seconds=reached.seconds,
        finish_reason=reached.reason,
        metrics={**reached.values, **baseline},
    )
    if reached.reason != "stop":
        return result

    # 5 The model, whole, with its facts, where models are found
    facts = course.export(_empty(folder / "model"))
    order.describe(folder / "model", result, facts, base)
    return replace(result, model=_publish(folder, folder.parents[1] / "models", order.request))


# ── what was asked ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Order:
    request: TrainRequest
    trainer: ModuleType
    dataset: Any
    settings: Any

    @classmethod
    def of(cls, request: TrainRequest, device: str, own: Path) -> "_Order":
        """Raises UnknownTrainer, UnknownDataset, WrongData, NoBaseModel, and what wrong settings raise."""
        preset: Literal["cpu", "gpu"] = request.preset or ("cpu" if device == "cpu" else "gpu")
        request = replace(request, preset=preset)
        return cls(request, *order_of(request, own))

    def write(self, folder: Path) -> None:
        """All settings and not only those that were asked for: a later version may have other presets."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "schema": 1,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "request": to_json(self.request),
            "settings": flat(self.settings),
        }
        write_whole(folder / "run.json", json.dumps(data, indent=1, ensure_ascii=False))

    def check_data(self, folder: Path, data: Data) -> None:
        """Remember what the run begins with; who goes on with it goes on with the same. Raises DataChanged."""
        path, found = folder / "data.json", {"sha256": fingerprint(data)}
        if not path.exists():
            write_whole(path, json.dumps(found))
        elif json.loads(path.read_text(encoding="utf-8")) != found:
            raise DataChanged(dataset=self.request.dataset)

    def describe(self, model: Path, result: TrainResult, facts: dict[str, Any], base: "BaseModel | None") -> None:
        """model.json, the last file of a model: what it is and where it comes from."""
        data = {
            "schema": 1,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "name": self.request.name,
            "trainer": self.request.trainer,
            "dataset": self.request.dataset,
            "source": self.dataset.SOURCE,
            "licence": base.licence if base else self.dataset.LICENCE,
            "data_licence": self.dataset.LICENCE,
            "attribution": self.dataset.ATTRIBUTION,
            "languages": list(self.dataset.LANGUAGES),
            "base": self.request.model,
            "run": result.run,
            "steps": result.step,
            "seconds": round(result.seconds, 1),
            "metric": self.trainer.METRIC,
            "metrics": result.metrics,
            "settings": flat(self.settings),
            **facts,
        }
        for file in model.rglob("*"):
            make_durable(file)
        write_whole(model / "model.json", json.dumps(data, indent=1, ensure_ascii=False))


def _read_order(folder: Path, own: Path) -> _Order | None:
    if not (folder / "run.json").exists():
        return None
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return _Order.of(replace(from_json("request", data["request"]), settings=data["settings"]), "cpu", own)


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Book:
    """Keeps metrics and samples in the run's folder, and tells of them."""

    def __init__(self, folder: Path, total: int, baseline: dict[str, float], on_event: OnEvent) -> None:
        self._path = folder / "metrics.jsonl"
        self._samples = folder / "samples"
        self._total, self._baseline, self._on_event = total, baseline, on_event

    def begun(self, after: int | None) -> None:
        last = -1 if after is None else after
        metrics.forget_after(self._path, last)
        for path in self._samples.glob("step-*"):
            if int(path.stem.removeprefix("step-")) > last:
                path.unlink()

    def measured(self, step: int, values: dict[str, float]) -> None:
        values = {**values, **self._baseline} if step == 0 else values
        metrics.append_metrics(self._path, {"step": step, **values})
        self._on_event(Metrics(step, self._total, values))

    def sampled(self, step: int, sample: Sample) -> None:
        self._samples.mkdir(exist_ok=True)
        path = self._samples / f"step-{step:08d}"
        if sample.picture is None:
            write_whole(path.with_suffix(".txt"), "\n".join(sample.texts) + "\n")
            self._on_event(Sampled(step, texts=sample.texts))
            return
        part = path.with_suffix(".part")
        sample.picture.save(part, "PNG")
        part.replace(path.with_suffix(".png"))
        self._on_event(Sampled(step, file=f"{path.name}.png", texts=sample.texts))

    def before_checkpoint(self) -> None:
        if self._path.exists():
            make_durable(self._path)


# ── the finished model ────────────────────────────────────────────────────────────────────────────────────────────────


def _publish(folder: Path, models: Path, request: TrainRequest) -> str:
    """Move the finished model to where the catalog looks; by one rename, so that what stands there is whole. Its name there.

    The name is the person's, else that of trainer and data; a number follows where another model has it already.
    """
    models.mkdir(parents=True, exist_ok=True)
    taken = {row.id for row in open_catalog().rows()}
    words = re.sub(r"[^\w-]+", "-", request.name or f"{request.trainer}-{request.dataset}").strip("-_").lower()
    wanted = words[:60] or request.trainer
    for name in chain([wanted], (f"{wanted}-{number}" for number in count(2))):
        place = models / name
        if name in taken or (models / f"{name}.json").exists():
            continue
        if _is_of(place, folder.name):  # of an earlier go at its end
            place.rename(_empty(folder / "replaced") / "model")
        try:
            (folder / "model").rename(place)
            shutil.rmtree(folder / "replaced", ignore_errors=True)
            return name
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
    raise AssertionError("there is always another number")


def _is_of(model: Path, run_id: str) -> bool:
    """Whether the model at this place is one of this run, from an earlier go at its end."""
    try:
        return bool(json.loads((model / "model.json").read_text(encoding="utf-8"))["run"] == run_id)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

"""One go at a training run, from the request to a model in the catalog: the same for a script and for the studio.

    runs/<run id>/
      run.json                the request and every setting, written first: who goes on with the run goes by it
      data.json               what it began with, data and base, by hash (pins.py)
      checkpoints/step-…/     see checkpoints.py
      metrics.jsonl           one line a step, every step at most once
      samples/step-….png|.txt what the model made then
      scores.json             of a finished run: its metric for each held-out example, of those kept for the end where there are some
      model/                  the finished model while it is being written; then it moves to models/<name>/

Whoever calls holds the run: this file takes no lock. It knows no network; that is the trainer's.
"""

import errno
import json
import re
import shutil
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pipelines.base import open_catalog
from pipelines.errors.training import OtherProcesses
from pipelines.loading.memory.measure import free_bytes, store_of
from pipelines.loading.placement.devices import choose_place, wait_asleep
from pipelines.loading.starter import default_cache_folder
from pipelines.training import metrics
from pipelines.training.base_model import BaseModel, find_base
from pipelines.training.card import write_facts
from pipelines.training.data import Data
from pipelines.training.files import make_durable, write_whole
from pipelines.training.loop import Commands, train
from pipelines.training.order import order_of
from pipelines.training.patience import Goal
from pipelines.training.pins import Pins, check_pins
from pipelines.training.ranks import Ranks, joined
from pipelines.training.size import within
from pipelines.training.splitting import split
from pipelines.training.trainer import Course, Sample, accumulates, flat, takes_model
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
    device = choose_place().device
    with joined(device) as ranks:
        return _go(request, folder, on_event, commands or Uninterrupted(), device, ranks)


def _go(
    request: TrainRequest, folder: Path, on_event: OnEvent, commands: Commands, device: str, ranks: Ranks
) -> TrainResult:
    # 1 What is to be done: as it was asked first, where the run goes on
    own = folder.parents[1] / "datasets"
    order = _order(request, folder, own, device, ranks)

    # 2 The data, and what needs no learning
    trainer = order.trainer
    with ranks.first_alone():
        whole = order.dataset.load(default_cache_folder() / "packages")
    data, test = split(whole, order.settings.plan, order.request.dataset)
    baseline = order.baseline(data) if ranks.is_main else {}

    # 3 The networks, from the same random weights every time
    chosen = order.request.model if takes_model(trainer) else ""
    with ranks.first_alone():
        base = find_base(chosen, folder.parents[1] / "models", on_event) if chosen else None
    pinned = _pin(folder / "data.json", Pins.of(data, test, base), order.request, ranks)
    mine = order.part(ranks)
    course = mine.start(data, device, base)

    # 4 The steps
    book = _Book(folder, order.settings.plan.steps, baseline, on_event)
    goal = Goal(trainer.METRIC, trainer.IS_BETTER == "higher")
    reached = train(course, mine.settings.plan, folder / "checkpoints", book, commands, goal, ranks)
    result = TrainResult(
        trainer=order.request.trainer,
        name=order.request.name,
        run=folder.name,
        step=reached.step,
        seconds=reached.seconds,
        finish_reason=reached.reason,
        metrics={**reached.values, **baseline},
    )
    if reached.reason != "stop" or not order.request.keeps_model or not ranks.is_main:
        return result

    # 5 How it does on each held-out example; then the model, whole, with its facts, where models are found
    _write_scores(folder / "scores.json", trainer.METRIC, course)
    facts = course.export(_empty(folder / "model"))
    facts |= {"data_sha256": pinned.sha256, "base_sha256": pinned.base_sha256, "batches": order.batches}
    order.describe(folder / "model", result, facts, base)
    models = folder.parents[1] / "models"
    result = replace(result, model=_publish(folder, models, order.request))

    # 6 How it does on what was kept for the end: last, because it takes a second network, and what it raises costs no model
    if test is not None:
        course.optimisers.clear()
        result = replace(result, metrics={**result.metrics, **order.tested(course, test, device, base, folder)})
        order.describe(models / result.model, result, facts, base)
    return result


# ── what was asked ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Order:
    request: TrainRequest
    trainer: ModuleType
    dataset: Any
    settings: Any
    batches: int  # of a step, whoever draws them: as many as were accumulated at its start, and one for each process at least

    @classmethod
    def of(cls, request: TrainRequest, device: str, own: Path) -> "_Order":
        """Raises UnknownTrainer, UnknownDataset, WrongData, NoBaseModel, and what wrong settings raise."""
        preset: Literal["cpu", "gpu"] = request.preset or ("cpu" if device == "cpu" else "gpu")
        request = replace(request, preset=preset)
        order = order_of(request, own)
        return cls(request, *order, order.settings.plan.accumulation)

    def write(self, folder: Path) -> None:
        """All settings and not only those that were asked for: a later version may have other presets."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "schema": 1,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "request": to_json(self.request),
            "settings": flat(self.settings),
            "batches": self.batches,
        }
        write_whole(folder / "run.json", json.dumps(data, indent=1, ensure_ascii=False))

    def part(self, ranks: Ranks) -> "_Order":
        """What one of several processes does of it: of the batches that make a step it draws its share. Raises OtherProcesses."""
        each, rest = divmod(self.batches, ranks.size)
        if rest or (each > 1 and not accumulates(self.trainer)):
            raise OtherProcesses(batches=self.batches, processes=ranks.size)
        plan = replace(self.settings.plan, accumulation=each)
        return replace(self, settings=replace(self.settings, plan=plan))

    def baseline(self, data: Data) -> dict[str, float]:
        return {f"baseline_{name}": value for name, value in self.trainer.baseline(data, self.settings).items()}

    def start(self, data: Data, device: str, base: "BaseModel | None") -> Course:
        """The networks, from the same random weights every time."""
        import torch

        torch.manual_seed(self.settings.plan.seed)
        with nullcontext() if base is not None else within(free_bytes(store_of(device))):
            return self.trainer.start(self.settings, data, device, base)

    def tested(
        self, course: Course, test: Data, device: str, base: "BaseModel | None", folder: Path
    ) -> dict[str, float]:
        """The metrics of trained networks on what was kept for the end, as "test_<name>"; their scores are those that stay."""
        import torch

        other = self.start(test, device, base)
        for name, network in other.networks.items():
            network.load_state_dict(course.networks[name].state_dict())
            network.eval()
        torch.manual_seed(self.settings.plan.seed)
        with torch.no_grad():
            found = {f"test_{name}": value for name, value in other.evaluate().items()}
        torch.manual_seed(self.settings.plan.seed)
        _write_scores(folder / "scores.json", self.trainer.METRIC, other)
        return found

    def describe(self, model: Path, result: TrainResult, facts: dict[str, Any], base: "BaseModel | None") -> None:
        """Its card, and model.json, the last file of a model: what it is and where it comes from."""
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
        write_facts(model, data)


def _order(request: TrainRequest, folder: Path, own: Path, device: str, ranks: Ranks) -> _Order:
    """As the main process has it."""
    order = _read_order(folder, own) if ranks.is_main else None
    if order is None and ranks.is_main:
        order = _Order.of(request, device, own)
        order = replace(order, batches=ranks.size * ranks.parts(order.batches))
        order.write(folder)
    known = (replace(order.request, settings=flat(order.settings)), order.batches) if order else (request, 1)
    told, batches = ranks.shared(known)
    return order or replace(_Order.of(told, device, own), batches=batches)


def _pin(path: Path, found: Pins, request: TrainRequest, ranks: Ranks) -> Pins:
    """Raises DataChanged and BaseChanged, also where this machine's are others than the main one's."""
    pinned = ranks.shared(check_pins(path, found, request) if ranks.is_main else found)
    found.check(pinned, request)
    return pinned


def _read_order(folder: Path, own: Path) -> _Order | None:
    if not (folder / "run.json").exists():
        return None
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    order = _Order.of(replace(from_json("request", data["request"]), settings=data["settings"]), "cpu", own)
    return replace(order, batches=data.get("batches", order.batches))


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


def _write_scores(path: Path, metric: str, course: Any) -> None:
    """As evaluations are made: the networks hold their averaged weights."""
    import torch

    if hasattr(course, "held_out_scores"):
        with torch.no_grad():
            scores = course.held_out_scores()
        write_whole(path, json.dumps({"metric": metric, **asdict(scores)}))


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

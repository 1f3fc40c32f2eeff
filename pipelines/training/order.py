"""What a request for a training means: which trainer, which data set, and every setting. Needs no torch: a server asks before
the run waits for its turn, and the run itself asks again."""

from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pipelines.errors.training import CannotAccumulate, NoBaseModel, UnknownDataset, UnknownTrainer, WrongData
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import accumulates, changed, find_trainers
from pipelines.training.uploads.own import OWN_ID, USUAL_SIDE, OwnData
from pipelines.types.training import TrainRequest


class Order(NamedTuple):
    trainer: ModuleType
    dataset: Any  # a module of datasets/, or an OwnData
    settings: Any


def order_of(request: TrainRequest, own: Path | None = None) -> Order:
    """Without a preset the one for the CPU. `own` is where people's data sets lie; whose one is, is not asked here.

    Raises UnknownTrainer, UnknownDataset, WrongData, NoBaseModel, and what wrong settings raise.
    """
    request.check()
    trainers = find_trainers()
    if request.trainer not in trainers:
        raise UnknownTrainer(trainer=request.trainer, known=", ".join(trainers))
    trainer = trainers[request.trainer]
    datasets = find_datasets() | _own(request.dataset, own, getattr(trainer, "MOST_SIDE", USUAL_SIDE))
    fitting = [name for name, dataset in datasets.items() if serves(dataset, trainer)]
    if request.dataset not in datasets:
        raise UnknownDataset(dataset=request.dataset, known=", ".join(fitting))
    if request.dataset not in fitting:
        raise WrongData(trainer=request.trainer, dataset=request.dataset, known=", ".join(fitting))
    if trainer.NEEDS_MODEL and not request.model:
        raise NoBaseModel(trainer=request.trainer)
    settings = changed(request.trainer, trainer.PRESETS[request.preset or "cpu"], request.settings)
    if settings.plan.accumulation > 1 and not accumulates(trainer):
        raise CannotAccumulate(trainer=request.trainer)
    return Order(trainer, datasets[request.dataset], settings)


def _own(name: str, folder: Path | None, most_side: int) -> dict[str, Any]:
    """The one that is asked for, where it is a person's."""
    if folder is None or not OWN_ID.fullmatch(name):
        return {}
    try:
        return {name: OwnData(folder / name, most_side)}
    except (OSError, ValueError, KeyError):
        return {}

"""What a request for a training means: which trainer, which data set, and every setting. Needs no torch: a server asks before
the run waits for its turn, and the run itself asks again."""

from types import ModuleType
from typing import Any, NamedTuple

from pipelines.errors.training import NoBaseModel, UnknownDataset, UnknownTrainer, WrongData
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import changed, find_trainers
from pipelines.types.training import TrainRequest


class Order(NamedTuple):
    trainer: ModuleType
    dataset: ModuleType
    settings: Any


def order_of(request: TrainRequest) -> Order:
    """Without a preset the one for the CPU. Raises UnknownTrainer, UnknownDataset, WrongData, NoBaseModel, and what wrong settings raise."""
    request.check()
    trainers, datasets = find_trainers(), find_datasets()
    if request.trainer not in trainers:
        raise UnknownTrainer(trainer=request.trainer, known=", ".join(trainers))
    trainer = trainers[request.trainer]
    fitting = [name for name, dataset in datasets.items() if serves(dataset, trainer.DATA)]
    if request.dataset not in datasets:
        raise UnknownDataset(dataset=request.dataset, known=", ".join(fitting))
    if request.dataset not in fitting:
        raise WrongData(trainer=request.trainer, dataset=request.dataset, known=", ".join(fitting))
    if trainer.NEEDS_MODEL and not request.model:
        raise NoBaseModel(trainer=request.trainer)
    settings = changed(request.trainer, trainer.PRESETS[request.preset or "cpu"], request.settings)
    return Order(trainer, datasets[request.dataset], settings)

"""A data set divided anew: what is trained on, what is measured on meanwhile, what is kept for the end.

    test         so much of all is kept back first, by `split_seed` alone: the same in every fold and for every validation
    folds        the rest in so many parts as even as they can be; part number `fold` is measured on, the others trained on
    validation   without folds: so much of the rest is measured on; 0: as the data set says it

Where there are labels, every class is divided alike (stratified). The same seed divides the same data the same way.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, NamedTuple

from pipelines.errors.training import CannotBeSplit, NoSuchFold
from pipelines.training.data import Data, Dialogues, LabelledTexts, Pictures, Sounds, Texts
from pipelines.training.plan import Plan
from pipelines.types.training import Setting

LEAST = 2  # examples of each part


class Parts(NamedTuple):
    """`data` to train and to measure on; `test` is the same to train on, with what was kept for the end to measure on."""

    data: Data
    test: Data | None


def folds(plan: Plan) -> list[dict[str, Setting]]:
    """The settings of each of the runs that a k-fold of this plan is."""
    return [{"plan.folds": plan.folds, "plan.fold": fold} for fold in range(plan.folds)]


def split(data: Data, plan: Plan, name: str) -> Parts:
    """`name` is what the data set is called. Raises CannotBeSplit, NoSuchFold."""
    if not (plan.validation or plan.test or plan.folds):
        return Parts(data, None)
    if plan.folds == 1 or (plan.folds and plan.fold >= plan.folds):
        raise NoSuchFold(fold=plan.fold, folds=plan.folds)
    if type(data) not in _COLUMNS:
        raise CannotBeSplit(dataset=name, reason="its parts belong together")
    table = _Table.of(data)

    # 1 What is kept for the end
    random = Random(plan.split_seed)
    places = list(range(len(table)))
    test = table.drawn(places, plan.test, random)
    rest = sorted(set(places) - set(test))

    # 2 What is measured on meanwhile
    if plan.folds:
        held_out = table.fold(rest, plan.folds, plan.fold, random)
    elif plan.validation:
        held_out = table.drawn(rest, plan.validation / (1 - plan.test), random)
    else:
        held_out = [place for place in rest if place >= table.trained]
    train = sorted(set(rest) - set(held_out))
    if min(len(train), len(held_out)) < LEAST or (plan.test and len(test) < LEAST):
        raise CannotBeSplit(dataset=name, reason=f"it has only {len(table)} examples")
    return Parts(table.parts(train, held_out), table.parts(train, test) if plan.test else None)


# Which fields of each kind of data stand beside each other: (to train on, held out). The first are the examples.
_COLUMNS: dict[type, tuple[tuple[str, str], ...]] = {
    Pictures: (("pictures", "held_out"), ("labels", "held_out_labels"), ("captions", "held_out_captions")),
    Sounds: (("sounds", "held_out"), ("labels", "held_out_labels"), ("captions", "held_out_captions")),
    Texts: (("texts", "held_out"),),
    LabelledTexts: (("texts", "held_out"), ("labels", "held_out_labels")),
    Dialogues: (("dialogues", "held_out"),),
}


@dataclass(frozen=True)
class _Table:
    """All examples of a data set: what was trained on (so many: `trained`), then what was held out; their classes, 0 for all where
    there are none."""

    data: Any
    trained: int
    classes: Sequence[int]

    @classmethod
    def of(cls, data: Any) -> "_Table":
        (train, held_out), *_ = _COLUMNS[type(data)]
        count = len(getattr(data, train)), len(getattr(data, held_out))
        labels = [*_numbers(getattr(data, "labels", ())), *_numbers(getattr(data, "held_out_labels", ()))]
        return cls(data, count[0], labels or [0] * sum(count))

    def __len__(self) -> int:
        return len(self.classes)

    def drawn(self, places: Sequence[int], share: float, random: Random) -> list[int]:
        """`share` of these, of every class alike: what a class has too much or too little of, the next one evens out."""
        chosen: list[int] = []
        wanted = 0.0
        for of_class in self._by_class(places, random):
            wanted += share * len(of_class)
            count = min(len(of_class), max(0, round(wanted) - len(chosen)))
            chosen += of_class[:count]
        return sorted(chosen)

    def fold(self, places: Sequence[int], folds: int, fold: int, random: Random) -> list[int]:
        """Part number `fold`; every class is dealt out in turn, the next one from where the last one ended."""
        dealt = [place for of_class in self._by_class(places, random) for place in of_class]
        return sorted(dealt[fold::folds])

    def _by_class(self, places: Sequence[int], random: Random) -> list[list[int]]:
        """Shuffled within each class."""
        classes: dict[int, list[int]] = defaultdict(list)
        for place in places:
            classes[self.classes[place]].append(place)
        for of_class in classes.values():
            random.shuffle(of_class)
        return [classes[label] for label in sorted(classes)]

    def parts(self, train: list[int], held_out: list[int]) -> Any:
        """The data with these to train on and those held out."""
        new: dict[str, Any] = {}
        for first, second in _COLUMNS[type(self.data)]:
            new[first] = self._taken(first, second, train)
            new[second] = self._taken(first, second, held_out)
        assert set(new) <= {field.name for field in fields(self.data)}
        return replace(self.data, **new)

    def _taken(self, first: str, second: str, places: list[int]) -> Any:
        one, other = getattr(self.data, first), getattr(self.data, second)
        if not len(one) + len(other):  # a column that there is not
            return one
        if isinstance(one, tuple):
            both = (*one, *other)
            return tuple(both[place] for place in places)
        import torch

        return torch.cat([one, other])[places]


def _numbers(labels: Any) -> list[int]:
    return list(labels) if isinstance(labels, tuple) else labels.tolist()

"""How well classes are told apart: a table of what was taken for what, accuracy, and macro-F1, in which each class counts the same."""

from collections.abc import Sequence

Confusion = list[list[int]]  # examples by (right class, what it was taken for)


def confusion(right: Sequence[int], said: Sequence[int], classes: int) -> Confusion:
    """Of as many answers as there are examples, both places among `classes`."""
    table = [[0] * classes for _ in range(classes)]
    for one, other in zip(right, said, strict=True):
        table[one][other] += 1
    return table


def accuracy(table: Confusion) -> float:
    """The share that was told right, 0 … 1."""
    return sum(row[place] for place, row in enumerate(table)) / max(1, sum(map(sum, table)))


def macro_f1(table: Confusion) -> float:
    """The mean over the classes of 2·hits / (examples of it + what was taken for it); one that is in neither is left out."""
    scores = []
    for place, row in enumerate(table):
        both = sum(row) + sum(other[place] for other in table)
        if both:
            scores.append(2 * row[place] / both)
    return sum(scores) / max(1, len(scores))

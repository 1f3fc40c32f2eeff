"""What came from what: the creations behind a creation and those that were made from it, in columns from first to last.

Links are the `parents` of sidecars, which may be anything: what is gone or somebody else's is left out, and so is a circle.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pipelines.errors.access import NotFound
from studio.library.creations import Creation, Creations

MOST = 40  # creations of a graph; those nearest to the one that was asked for

Links = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Step:
    """A creation and where it stands: column 0 is where it all began, rows go down."""

    creation: Creation
    column: int
    row: int


@dataclass(frozen=True)
class Lineage:
    """`edges` are (parent, child). `is_cut`: there is more than what is in it."""

    steps: tuple[Step, ...]
    edges: tuple[tuple[str, str], ...]
    is_cut: bool = False


def lineage(creations: Creations, owner: str, creation_id: str) -> Lineage:
    """Everything before and after a creation. Raises NotFound."""
    # 1. Which, the nearest first
    parents = creations.links(owner)
    children: dict[str, list[str]] = {}
    for child, those in parents.items():
        for parent in those:
            children.setdefault(parent, []).append(child)
    reached = list(dict.fromkeys([creation_id, *_reach(parents, creation_id), *_reach(children, creation_id)]))
    found = {creation_id: creations.get(owner, creation_id)}
    for one in reached[1 : MOST + 1]:
        with suppress(NotFound):
            found[one] = creations.get(owner, one)
    is_cut = len(found) > MOST or len(reached) > MOST + 1
    kept = dict(list(found.items())[:MOST])
    edges = tuple(
        (parent, one)
        for one in kept
        for parent in dict.fromkeys(parents.get(one, ()))
        if parent in kept and parent != one
    )
    # 2. Where each stands
    return Lineage(_placed(kept, edges), edges, is_cut)


def _reach(links: Links, start: str) -> list[str]:
    """What can be reached from `start`, the nearest first."""
    reached: dict[str, None] = {start: None}
    waiting = [start]
    for one in waiting:
        for other in links.get(one, ()):
            if other not in reached and len(reached) <= MOST:
                reached[other] = None
                waiting.append(other)
    return list(reached)[1:]


def _placed(found: Mapping[str, Creation], edges: Sequence[tuple[str, str]]) -> tuple[Step, ...]:
    """Each to the right of all that it came from; within a column by the rows of those, then by its time."""
    columns = dict.fromkeys(found, 0)
    for _ in found:  # as often as the longest way can be: a circle ends there
        for parent, child in edges:
            columns[child] = min(max(columns[child], columns[parent] + 1), len(found) - 1)
    rows: dict[str, int] = {}

    def order(one: str) -> tuple[float, str]:
        before = [rows[parent] for parent, child in edges if child == one and parent in rows]
        return (sum(before) / len(before) if before else 0.0), found[one].created

    for column in sorted(set(columns.values())):
        for row, one in enumerate(sorted((one for one in found if columns[one] == column), key=order)):
            rows[one] = row
    used = {column: place for place, column in enumerate(sorted(set(columns.values())))}
    return tuple(Step(found[one], used[columns[one]], rows[one]) for one in found)

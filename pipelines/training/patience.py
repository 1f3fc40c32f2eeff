"""Early stopping: a run that no longer gets better ends, with the weights that were best (Prechelt 1998, "Early stopping – but when?").

Watches one measure, at evaluations. Knows no loop; what it remembers goes into checkpoints, so a resumed run ends at the same step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.training.average import carried, put_back

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Goal:
    """By what a trainer is judged."""

    metric: str
    is_higher_better: bool


class Patience:
    """Over after `most` evaluations without a better one; 0: never, and then it remembers nothing."""

    def __init__(self, goal: Goal | None, most: int) -> None:
        self._goal, self._most = goal, most
        self._waited = 0
        self._weights: dict[str, torch.Tensor] = {}
        self.values: dict[str, float] = {}  # of the best evaluation

    @property
    def is_over(self) -> bool:
        return 0 < self._most <= self._waited

    def look(self, values: Mapping[str, float], networks: "Mapping[str, torch.nn.Module]") -> None:
        """An evaluation, and the networks with the weights that were evaluated."""
        if not self._most or self._goal is None or self._goal.metric not in values:
            return
        self._waited += 1
        if not self.values or self._is_better(values[self._goal.metric], self.values[self._goal.metric]):
            self._waited, self.values = 0, dict(values)
            self._weights = {name: value.clone() for name, value in carried(networks).items()}

    def use_best(self, networks: "Mapping[str, torch.nn.Module]") -> bool:
        """The networks hold the best weights from now on; False where there are none, and nothing is changed."""
        if self._weights:
            put_back(carried(networks), self._weights)
        return bool(self._weights)

    def state(self) -> dict[str, Any]:
        return {"waited": self._waited, "values": self.values, "weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._waited, self.values = state["waited"], dict(state["values"])
        self._weights = dict(state["weights"])

    def _is_better(self, value: float, best: float) -> bool:
        assert self._goal is not None
        return value > best if self._goal.is_higher_better else value < best

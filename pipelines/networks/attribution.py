"""Which tokens of a text spoke for a class: integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365).

The way from a text of nothing but padding to the real one is walked in even steps, and the slopes along it are added up: together
they are what the whole text changed. Knows no network: it is handed embeddings and what scores them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

STEPS = 64  # the sum of the parts then lies within a few per cent of the whole
AT_ONCE = 8


class Spoke(NamedTuple):
    """By how much the characters from `start` to `end` of a text raised the log-odds of a class."""

    start: int
    end: int
    weight: float


def integrated_gradients(
    embedded: "torch.Tensor", empty: "torch.Tensor", scores_of: "Callable[[torch.Tensor], torch.Tensor]", label: int
) -> "torch.Tensor":
    """(length,): by how much each token raised the log-odds of class `label`; they do not stand still where it is sure already.

    `embedded` and `empty` are (length, width), the second what stands for no text; `scores_of` takes (n, length, width) and
    gives (n, classes). The values add up to the difference between the two texts, but for the width of a step.
    """
    import torch

    way = embedded - empty
    shares = (torch.arange(STEPS, device=embedded.device) + 0.5) / STEPS  # the middle of each step
    slope = torch.zeros_like(embedded)
    for part in shares.split(AT_ONCE):
        points = (empty + part[:, None, None].to(way.dtype) * way).detach().requires_grad_()
        with torch.enable_grad():
            told = log_odds(scores_of(points).float(), label).sum()
            slope += torch.autograd.grad(told, points)[0].sum(0)
    return (way * slope / STEPS).sum(-1).float()


def log_odds(scores: "torch.Tensor", label: int) -> "torch.Tensor":
    """(n, classes) → (n,): log p / (1 − p) of a class. The score of a network with only one output is that already."""
    import torch

    if scores.shape[1] == 1:
        return scores[:, 0]
    others = [place for place in range(scores.shape[1]) if place != label]
    return scores[:, label] - torch.logsumexp(scores[:, others], dim=1)

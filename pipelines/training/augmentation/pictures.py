"""Pictures mirrored, turned, cropped, recoloured, with a part erased. Knows no trainer, and not what is on a picture.

For drawings on a clear ground there is redrawing.py, which puts another ground behind them; the turning of hues is shared.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.training.plan import ranged
from pipelines.training.redrawing import TO_YIQ

if TYPE_CHECKING:
    import torch

MOST_HUE_DEGREES = 30.0
SMALLEST_GAP, LARGEST_GAP = 0.02, 0.25  # of a picture's area (Zhong et al. 2017, arXiv 1708.04896)
FLATTEST, TALLEST = 0.4, 2.5  # height of a gap to its width


@dataclass(frozen=True)
class PictureChanges:
    """`flip`, `erase`: how many of a batch, 0 … 1. `rotate`: up to so many degrees. `crop`: up to so much of the side is cut away,
    and the rest enlarged. `colour`: how far brightness, contrast, saturation and hue go."""

    flip: float = ranged(0.0, 1.0, default=0.0)
    rotate: float = ranged(0.0, 180.0, default=0.0)
    crop: float = ranged(0.0, 0.9, default=0.0)
    colour: float = ranged(0.0, 1.0, default=0.0)
    erase: float = ranged(0.0, 1.0, default=0.0)


def augmented(pictures: "torch.Tensor", changes: PictureChanges, background: float = 1.0) -> "torch.Tensor":
    """(n, channels, height, width) floats −1 … 1, and the same; what comes in from outside is `background`."""
    if changes.flip or changes.rotate or changes.crop:
        pictures = _placed(pictures, changes, background)
    if changes.colour:
        pictures = _recoloured(pictures, changes.colour)
    return _erased(pictures, changes.erase, background) if changes.erase else pictures


def _placed(pictures: "torch.Tensor", changes: PictureChanges, background: float) -> "torch.Tensor":
    """Mirrored, turned and cropped at once, so that a picture is sampled only once."""
    import torch
    import torch.nn.functional as functional

    count, _, height, width = pictures.shape
    mirror = torch.where(torch.rand(count) < changes.flip, -1.0, 1.0)
    angle = (torch.rand(count) * 2 - 1) * math.radians(changes.rotate)
    shown = 1 - torch.rand(count) * changes.crop  # the share of the side that is left
    x, y = ((torch.rand(2, count) * 2 - 1) * (1 - shown)).unbind()
    cos, sin, form = angle.cos() * shown, angle.sin() * shown, height / width
    rows = [mirror * cos, -sin * form, x, mirror * sin / form, cos, y]
    matrix = torch.stack(rows, dim=1).view(count, 2, 3).to(pictures.device)
    grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    ink = functional.grid_sample(
        background - pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return background - ink


def _recoloured(pictures: "torch.Tensor", how_far: float) -> "torch.Tensor":
    """Brighter or darker, with more or less contrast; in colour also paler or stronger, and of another hue."""
    import torch

    count, channels = pictures.shape[:2]
    lift, gain, strength, turn = (torch.rand(4, count) * 2 - 1) * how_far
    if channels == 3:
        turn, strength = turn * math.radians(MOST_HUE_DEGREES), 1 + strength
        cos, sin, zero, one = turn.cos() * strength, turn.sin() * strength, torch.zeros(count), torch.ones(count)
        turned = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(count, 3, 3)
        to_yiq = torch.tensor(TO_YIQ)
        matrix = (to_yiq.inverse() @ turned @ to_yiq).to(pictures.device)
        pictures = torch.einsum("nij,njhw->nihw", matrix, pictures)
    gain, lift = (value[:, None, None, None].to(pictures.device) for value in (1 + gain / 2, lift / 2))
    return (pictures * gain + lift).clamp(-1, 1)


def _erased(pictures: "torch.Tensor", share: float, background: float) -> "torch.Tensor":
    """A rectangle of some of them is `background`."""
    import torch

    count, _, height, width = pictures.shape
    area = torch.rand(count) * (LARGEST_GAP - SMALLEST_GAP) + SMALLEST_GAP
    form = (math.log(FLATTEST) + torch.rand(count) * math.log(TALLEST / FLATTEST)).exp()
    high, wide = (area * form).sqrt().clamp(max=1.0), (area / form).sqrt().clamp(max=1.0)
    top, left = torch.rand(count) * (1 - high), torch.rand(count) * (1 - wide)
    is_chosen = torch.rand(count) < share
    down = (torch.arange(height) + 0.5)[None, :, None] / height
    across = (torch.arange(width) + 0.5)[None, None, :] / width
    top, left, high, wide = (value[:, None, None] for value in (top, left, high, wide))
    inside = (down >= top) & (down < top + high) & (across >= left) & (across < left + wide)
    gap = (inside & is_chosen[:, None, None])[:, None].to(pictures.device)
    return torch.where(gap, torch.full((), background, device=pictures.device), pictures)

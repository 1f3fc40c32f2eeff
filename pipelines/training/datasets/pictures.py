"""Pictures as tensors, and the small movements that make several different pictures of one.

This file does not know what is on a picture, except that it stands on white.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image


def to_tensor(pictures: Sequence["Image.Image"]) -> "torch.Tensor":
    """(n, 3, height, width) uint8."""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).contiguous()


def to_model(pictures: "torch.Tensor") -> "torch.Tensor":
    """uint8 0 … 255 → float -1 … 1."""
    return pictures.float() / 127.5 - 1


def moved(pictures: "torch.Tensor", degrees: float, scale: float, shift: float) -> "torch.Tensor":
    """Each picture turned by up to `degrees`, sized by 1/(1 + scale) … 1 + scale, shifted by up to `shift` of its side.

    Takes and gives floats -1 … 1; what comes in from outside is white. Draws from torch's global generator.
    """
    import torch
    import torch.nn.functional as functional

    count = len(pictures)
    angle = (torch.rand(count) * 2 - 1) * math.radians(degrees)
    size = (1 + scale) ** (torch.rand(count) * 2 - 1)
    cos, sin = angle.cos() / size, angle.sin() / size
    x, y = ((torch.rand(2, count) * 2 - 1) * shift * 2).unbind()
    matrix = torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(count, 2, 3)
    grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    ink = functional.grid_sample(1 - pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return 1 - ink

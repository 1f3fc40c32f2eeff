"""Pictures as tensors and back, and the small movements that make several different pictures of one.

This file does not know what is on a picture.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image


def to_tensor(pictures: Sequence["Image.Image"]) -> "torch.Tensor":
    """(n, 3, height, width) uint8, of pictures in RGB."""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).contiguous()


def to_model(pictures: "torch.Tensor") -> "torch.Tensor":
    """uint8 0 … 255 → float -1 … 1."""
    return pictures.float() / 127.5 - 1


def resized(pictures: "torch.Tensor", side: int) -> "torch.Tensor":
    """(n, channels, any, any) floats at side × side pixels."""
    import torch.nn.functional as functional

    if pictures.shape[-1] == side:
        return pictures
    return functional.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def to_picture(pixels: "torch.Tensor") -> "Image.Image":
    """One picture (channels, height, width) of floats -1 … 1, in L or RGB."""
    from PIL import Image

    values = pixels.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).byte()
    return Image.fromarray((values[0] if len(values) == 1 else values.permute(1, 2, 0)).numpy())


def sheet(pictures: "torch.Tensor", columns: int, least_pixels: int = 512) -> "Image.Image":
    """(n, channels, side, side) floats -1 … 1 side by side, each pixel enlarged until the sheet is wide enough to look at."""
    import torch
    from PIL import Image

    count, channels, side, _ = pictures.shape
    rows = -(-count // columns)
    full = torch.zeros(rows * columns, channels, side, side)
    full[:count] = pictures.detach().float().cpu()
    tiled = full.view(rows, columns, channels, side, side).permute(2, 0, 3, 1, 4)
    picture = to_picture(tiled.reshape(channels, rows * side, columns * side))
    factor = max(1, -(-least_pixels // picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def moved(
    pictures: "torch.Tensor", degrees: float, scale: float, shift: float, background: float = 1.0
) -> "torch.Tensor":
    """Each picture turned by up to `degrees`, sized by 1/(1 + scale) … 1 + scale, shifted by up to `shift` of its side.

    Takes and gives floats -1 … 1; what comes in from outside is `background`. Draws from torch's global generator.
    """
    import torch
    import torch.nn.functional as functional

    count = len(pictures)
    angle = (torch.rand(count) * 2 - 1) * math.radians(degrees)
    size = (1 + scale) ** (torch.rand(count) * 2 - 1)
    cos, sin = angle.cos() / size, angle.sin() / size
    x, y = ((torch.rand(2, count) * 2 - 1) * shift * 2).unbind()
    matrix = torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(count, 2, 3).to(pictures.device)
    grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    ink = functional.grid_sample(
        background - pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return background - ink

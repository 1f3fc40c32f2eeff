"""One drawing as another hand, size, ground, colour or file would show it: what a model must not mind.

Everything is drawn from torch's global generator. This file does not know what is drawn.
"""

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DARK = 0.4  # of a ground: a black line would be lost on it
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
ANY_ANGLE_SHARE = 0.12  # of what has no right way up
PLAIN_SHARE, GRADED_SHARE = 0.7, 0.3  # of grounds: white, black or one colour; several
GREY_SHARE, BLURRED_SHARE, NOISY_SHARE, PACKED_SHARE = 0.08, 0.35, 0.3, 0.25


@dataclass(frozen=True)
class Hand:
    """How far a drawing may go from what it was: degrees; sizes as shares of the frame's; hue in degrees.

    `strength` is how many of a batch are treated so, 0 … 1; the others are as they were, on white.
    """

    side: int
    degrees: float = 28.0
    smallest: float = 0.5
    largest: float = 1.3
    shift: float = 0.12
    hue: float = 14.0
    strength: float = 1.0


def redrawn(drawings: "torch.Tensor", is_sided: "torch.Tensor", is_line: "torch.Tensor", hand: Hand) -> "torch.Tensor":
    """(n, 4, any, any) uint8 with a clear ground → (n, 3, side, side) floats -1 … 1.

    What `is_sided` is neither mirrored nor turned far; what `is_line` stays to be told from its ground.
    """
    import torch

    # 1 Which are treated so; turned, sized, moved, leant, mirrored
    is_bold = torch.rand(len(drawings)) < hand.strength
    covered = _placed(drawings, is_sided | ~is_bold, hand, is_bold.float())
    cover, paint = covered[:, 3:], covered[:, :3]

    # 2 Other colours, and a ground of their own
    at = is_bold[:, None, None, None]
    paint = torch.where(at, _recoloured(paint, cover, hand.hue), paint)
    ground = torch.where(at, _grounds(len(drawings), hand.side), torch.ones(()))
    is_lost = (ground.mean((1, 2, 3)) < DARK) & is_line
    paint = paint.where(~is_lost[:, None, None, None], cover - paint)
    pictures = paint + ground * (1 - cover)

    # 3 What a lens and a file do to them
    return torch.where(at, _worn(pictures), pictures).clamp(0, 1) * 2 - 1


def clutter(drawings: "torch.Tensor", count: int, side: int) -> "torch.Tensor":
    """(count, 3, side, side) floats -1 … 1 that show nothing: clouds of every size, and torn, enlarged parts of drawings."""
    import torch
    import torch.nn.functional as functional

    # 1 Clouds, the larger the stronger, as brightness lies in photographs (Field 1987), in colours that go together
    clouds = torch.zeros(count, 1, side, side)
    for level in range(1, side.bit_length()):
        coarse = torch.randn(count, 1, 1 << level, 1 << level)
        clouds += functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False) / (1 << level)
    pictures = torch.rand(count, 3, 1, 1) + clouds * (torch.rand(count, 3, 1, 1) + 0.3)

    # 2 Parts of drawings that are cut off on all sides, one over the other
    close = Hand(side, degrees=180.0, smallest=1.8, largest=6.0, shift=0.9)
    for _ in range(4):
        some = drawings[torch.randint(len(drawings), (count,))]
        part = _placed(some, torch.zeros(count, dtype=torch.bool), close, torch.ones(count))
        strength = torch.rand(count, 1, 1, 1)
        pictures = pictures * (1 - part[:, 3:] * strength) + _recoloured(part[:, :3], part[:, 3:], 180.0) * strength
    return _worn(pictures.clamp(0, 1)).clamp(0, 1) * 2 - 1


def _placed(drawings: "torch.Tensor", is_sided: "torch.Tensor", hand: Hand, by: "torch.Tensor") -> "torch.Tensor":
    """Each moved `by` so much of what the hand would, 0 … 1. A colour is as strong as it covers, so that no edge takes on
    what is beneath it."""
    import torch
    import torch.nn.functional as functional

    count = len(drawings)
    values = drawings.float() / 255
    values = torch.cat([values[:, :3] * values[:, 3:], values[:, 3:]], dim=1)
    degrees = _uniform(count, -hand.degrees, hand.degrees)
    is_anyhow = (torch.rand(count) < ANY_ANGLE_SHARE) & ~is_sided
    degrees = torch.where(is_anyhow, _uniform(count, -180, 180), degrees)
    angle = by * degrees * math.pi / 180
    size = (hand.smallest * (hand.largest / hand.smallest) ** torch.rand(count)) ** by
    mirror = torch.where((torch.rand(count) < 0.5) & ~is_sided, -1.0, 1.0)
    wide, high = (size * _uniform(count, 0.88, 1.13) ** by for _ in range(2))
    lean = _uniform(count, -0.12, 0.12) * by
    cos, sin = angle.cos(), angle.sin()
    x, y = (_uniform(count, -hand.shift, hand.shift) * 2 * by for _ in range(2))
    rows = [mirror * cos / wide, mirror * (lean - sin) / wide, x, (sin + lean) / high, cos / high, y]
    matrix = torch.stack(rows, dim=1).view(count, 2, 3)
    grid = functional.affine_grid(matrix, [count, 4, hand.side, hand.side], align_corners=False)
    return functional.grid_sample(values, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _recoloured(paint: "torch.Tensor", cover: "torch.Tensor", degrees: float) -> "torch.Tensor":
    """Hue, saturation, contrast and brightness a little other; some without colour."""
    import torch

    count = len(paint)
    turn = _uniform(count, -degrees, degrees) * math.pi / 180
    strength = torch.where(torch.rand(count) < GREY_SHARE, 0.0, _uniform(count, 0.55, 1.4))
    cos, sin, zero, one = turn.cos() * strength, turn.sin() * strength, torch.zeros(count), torch.ones(count)
    turned = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(count, 3, 3)
    to_yiq = torch.tensor(TO_YIQ)
    matrix = to_yiq.inverse() @ turned @ to_yiq
    paint = torch.einsum("nij,njhw->nihw", matrix, paint)
    gain, lift = (_uniform(count, *bounds)[:, None, None, None] for bounds in ((0.75, 1.2), (-0.08, 0.12)))
    return (paint * gain + lift * cover).clamp(min=0).minimum(cover)


def _grounds(count: int, side: int) -> "torch.Tensor":
    """(count, 3, side, side) of 0 … 1: white, black, one colour, or several that run into each other."""
    import torch
    import torch.nn.functional as functional

    kind = torch.rand(count)[:, None, None, None]
    plain = torch.rand(count, 3, 1, 1)
    plain = torch.where(kind < 0.4 * PLAIN_SHARE, torch.ones(()), plain)
    plain = torch.where((kind > 0.4 * PLAIN_SHARE) & (kind < 0.5 * PLAIN_SHARE), torch.zeros(()), plain)
    coarse = torch.rand(count, 3, 4, 4) * torch.rand(count, 1, 1, 1) + torch.rand(count, 3, 1, 1)
    graded = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False).clamp(0, 1)
    return torch.where(kind > 1 - GRADED_SHARE, graded, plain.expand(-1, -1, side, side))


def _worn(pictures: "torch.Tensor") -> "torch.Tensor":
    """Some blurred or from few pixels, some with noise, some as a JPEG."""
    import torch
    import torch.nn.functional as functional

    count, side = len(pictures), pictures.shape[-1]
    few = int(torch.randint(side * 5 // 12, side, (1,)))
    coarse = functional.interpolate(pictures, size=(few, few), mode="bilinear", antialias=True, align_corners=False)
    coarse = functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
    pictures = torch.where((torch.rand(count) < BLURRED_SHARE)[:, None, None, None], coarse, pictures)
    level = torch.where(torch.rand(count) < NOISY_SHARE, _uniform(count, 0.0, 0.06), 0.0)
    pictures = (pictures + torch.randn_like(pictures) * level[:, None, None, None]).clamp(0, 1)
    for place in torch.nonzero(torch.rand(count) < PACKED_SHARE).flatten().tolist():
        pictures[place] = _packed(pictures[place], int(torch.randint(25, 90, (1,))))
    return pictures


def _packed(picture: "torch.Tensor", quality: int) -> "torch.Tensor":
    """(3, side, side) of 0 … 1 written as a JPEG and read again."""
    import numpy
    import torch
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray((picture * 255).byte().permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(numpy.array(Image.open(file))).permute(2, 0, 1).float() / 255


def _uniform(count: int, low: float, high: float) -> "torch.Tensor":
    import torch

    return torch.rand(count) * (high - low) + low

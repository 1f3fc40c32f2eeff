"""Thirty coloured shapes on a clear ground with names in two languages, each drawn as it is and as its outline."""

import numpy
import torch

from pipelines.training.data import NamedPictures
from tests.pipelines.tiny_concepts import COLOURS, SHAPES, draw


def tiny_drawings() -> NamedPictures:
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    drawn = torch.from_numpy(numpy.stack([draw(*pair) for pair in pairs])).permute(0, 3, 1, 2).contiguous()
    cover = drawn[:, 3:]
    is_edge = torch.nn.functional.max_pool2d(255.0 - cover, 5, 1, 2) > 0
    outline = torch.cat([drawn[:, :3], cover * is_edge], dim=1)
    return NamedPictures(
        pictures=torch.stack([drawn, drawn, drawn, outline], dim=1),
        held_out=drawn,
        names=tuple((f"{colour} {shape}", COLOURS[colour] + SHAPES[shape]) for colour, shape in pairs),
        languages=("en", "zh"),
        is_sided=tuple(shape == "bar" for _, shape in pairs),
    )

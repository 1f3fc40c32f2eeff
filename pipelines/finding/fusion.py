"""Pictures, words and sounds in one space: three small networks whose vectors lie near where they mean the same.

    config.json           {"architectures": ["PictureWordSoundFusion"], dimension, rows, width, side, likeness}
    model.safetensors     the weights

`likeness` was measured when it was trained: by two kinds in alphabetical order, the cosine below which two vectors have nothing
in common and the one above which they mean the same.

After Radford et al. 2021 (CLIP, arXiv 2103.00020). Knows no training and no family.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.finding.hearing_features import MELS
from pipelines.finding.wording import places

if TYPE_CHECKING:
    import torch

ARCHITECTURE = "PictureWordSoundFusion"
PAIRS = tuple(combinations_with_replacement(("picture", "sound", "words"), 2))
LIMITS = {"dimension": 4096, "rows": 1_000_000, "width": 256, "side": 256}
PICTURE_LEVELS = (1, 2, 3, 5)  # channels as multiples of the width; each level halves the side
QUARTERS = 2  # of a picture's width and height: roughly where on it something is
SOUND_LEVELS = (1, 2, 3, 4)  # each halves the bands; all but the last halve the time


Likeness = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class FusionConfig:
    """Vectors of `dimension` numbers; `rows` of the table of pieces of words; `width` channels of the first layers; pictures of
    `side` × `side` pixels."""

    dimension: int
    rows: int
    width: int
    side: int

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be made of."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LIMITS[name]:
                raise ValueError(f"{name} is {value!r}")


def build(config: FusionConfig) -> "torch.nn.ModuleDict":
    """Random weights."""
    from torch import nn

    size = 2 * config.dimension
    bands = MELS >> len(SOUND_LEVELS)
    ears = config.width * SOUND_LEVELS[-1]
    network = nn.ModuleDict(
        {
            "picture": nn.Sequential(
                *_levels(3, [config.width * level for level in PICTURE_LEVELS], [2] * len(PICTURE_LEVELS)),
                nn.AdaptiveAvgPool2d(QUARTERS),
                nn.Flatten(),
                nn.Linear(config.width * PICTURE_LEVELS[-1] * QUARTERS**2, config.dimension),
            ),
            "pieces": nn.EmbeddingBag(config.rows, config.dimension, mode="sum"),
            "words": nn.Sequential(
                nn.LayerNorm(config.dimension),
                nn.Linear(config.dimension, size),
                nn.GELU(),
                nn.Linear(size, config.dimension),
            ),
            "bands": nn.Sequential(
                *_levels(1, [config.width // 2 * level for level in SOUND_LEVELS], [2, 2, 2, (2, 1)]),
                nn.Conv2d(ears // 2, ears, (bands, 1)),
                nn.GELU(),
            ),
            "time": nn.GRU(ears, ears, batch_first=True, bidirectional=True),
            "sound": nn.Linear(2 * ears, config.dimension),
        }
    )
    nn.init.normal_(network["pieces"].weight, 0.0, config.dimension**-0.5)
    return network


def of_pictures(network: "torch.nn.ModuleDict", pictures: "torch.Tensor") -> "torch.Tensor":
    """(n, 3, side, side) −1 … 1 → (n, dimension) of length 1."""
    return _unit(network["picture"](pictures))


def of_words(network: "torch.nn.ModuleDict", texts: Sequence[str]) -> "torch.Tensor":
    """n texts → (n, dimension) of length 1."""
    import torch

    table = network["pieces"]
    found = [places(text, table.num_embeddings) for text in texts]
    starts = torch.tensor([0, *map(len, found)]).cumsum(0)[:-1]
    flat = torch.tensor([place for of_text in found for place in of_text])
    device = table.weight.device
    return _unit(network["words"](table(flat.to(device), starts.to(device))))


def of_sounds(network: "torch.nn.ModuleDict", windows: "torch.Tensor") -> "torch.Tensor":
    """(n, MELS, FRAMES) −1 … 1 → (n, dimension) of length 1."""
    heard = network["bands"](windows[:, None])[:, :, 0].transpose(1, 2)
    _, last = network["time"](heard)
    return _unit(network["sound"](last.transpose(0, 1).flatten(1)))


def write(network: "torch.nn.ModuleDict", config: FusionConfig, likeness: Likeness, folder: Path) -> None:
    """Into the folder `folder`, which exists."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    content = {"architectures": [ARCHITECTURE], **asdict(config), "likeness": likeness}
    (folder / "config.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> "tuple[torch.nn.ModuleDict, FusionConfig]":
    """In evaluation mode. Raises ValueError, KeyError or RuntimeError where config and weights make no network."""
    from safetensors.torch import load_file

    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = FusionConfig(**{name: content[name] for name in LIMITS})
    network = build(config)
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.float().eval(), config


def read_likeness(folder: Path) -> Likeness:
    """Raises ValueError, KeyError or TypeError where the folder does not say."""
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))["likeness"]
    return {"-".join(pair): (float(low), float(high)) for pair in PAIRS for low, high in [told["-".join(pair)]]}


def _levels(channels: int, widths: Sequence[int], strides: Sequence[int | tuple[int, int]]) -> "list[torch.nn.Module]":
    """Each level: a convolution that halves, and one that does not; the first only halves."""
    from torch import nn

    layers: list[nn.Module] = []
    for number, ((before, after), stride) in enumerate(zip(pairwise([channels, *widths]), strides, strict=True)):
        layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
        if number:
            layers += [nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
    return layers


def _unit(made: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.nn.functional.normalize(made.float(), dim=-1)

"""Networks that make a picture of noise and nothing else, and the folder that one is kept in. Knows no training and no family.

    config.json           {"architectures": ["PictureGenerator"], latent, side, channels, width}
    model.safetensors     the weights

The network is the generator of DCGAN (Radford et al. 2015, arXiv 1511.06434), which is also a good decoder of a VAE.
"""

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ARCHITECTURE = "PictureGenerator"
SMALLEST_SIDE = 4
LIMITS = {"latent": 4096, "side": 1024, "channels": 3, "width": 1024}


@dataclass(frozen=True)
class GeneratorConfig:
    """`latent` numbers of noise → `side` × `side` pixels (4, 8, 16, …) of `channels` (1 grey, 3 RGB).

    `width` is the channels of the last hidden layer; every layer before it has twice as many and half the side.
    """

    latent: int
    side: int
    channels: int
    width: int

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be made of."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LIMITS[name]:
                raise ValueError(f"{name} is {value!r}")
        if self.channels == 2 or self.side != SMALLEST_SIDE << self.levels or not self.levels:
            raise ValueError(f"no picture of {self.side} × {self.side} × {self.channels}")

    @property
    def levels(self) -> int:
        """How often the side doubles."""
        return (self.side // SMALLEST_SIDE).bit_length() - 1


def build(config: GeneratorConfig) -> "torch.nn.Sequential":
    """(n, latent) of unit variance → (n, channels, side, side) of -1 … 1. Random weights of the paper's N(0, 0.02)."""
    from torch import nn

    widths = [config.width << level for level in reversed(range(config.levels))]
    layers: list[nn.Module] = [nn.Unflatten(1, (config.latent, 1, 1))]
    layers += [nn.ConvTranspose2d(config.latent, widths[0], 4, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for before, after in pairwise(widths):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    layers += [nn.ConvTranspose2d(widths[-1], config.channels, 4, 2, 1), nn.Tanh()]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return network


def write(network: "torch.nn.Sequential", config: GeneratorConfig, folder: Path) -> None:
    """Into the folder `folder`, which exists."""
    from safetensors.torch import save_file

    save_file(
        {name: value.contiguous().cpu() for name, value in network.state_dict().items()}, folder / "model.safetensors"
    )
    content = {"architectures": [ARCHITECTURE], **asdict(config)}
    (folder / "config.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> "tuple[torch.nn.Sequential, GeneratorConfig]":
    """In evaluation mode. Raises ValueError, KeyError or RuntimeError where config and weights make no network."""
    from safetensors.torch import load_file

    config = read_config(folder)
    network = build(config)
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval(), config


def read_config(folder: Path) -> GeneratorConfig:
    """What kind of network it is; needs no torch. Raises OSError, ValueError or KeyError where that is not there."""
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return GeneratorConfig(**{name: content[name] for name in LIMITS})

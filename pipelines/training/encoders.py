"""The way from a picture back to numbers: the discriminator of DCGAN (arXiv 1511.06434), the critic of WGAN-GP, the encoder
of a VAE. The mirror of pipelines/networks/generators.py, and needed in training only.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

from pipelines.networks.generators import GeneratorConfig

if TYPE_CHECKING:
    import torch


def build_encoder(config: GeneratorConfig, outputs: int, *, is_normalised: bool) -> "torch.nn.Sequential":
    """(n, channels, side, side) of -1 … 1 → (n, outputs). A critic must not look at other pictures of its batch: no norm."""
    from torch import nn

    widths = [config.width << level for level in range(config.levels)]
    layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after in pairwise(widths):
        layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not is_normalised))
        layers += [nn.BatchNorm2d(after)] if is_normalised else []
        layers.append(nn.LeakyReLU(0.2))
    layers += [nn.Conv2d(widths[-1], outputs, 4), nn.Flatten()]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return network

"""How far made pictures are from real ones as a whole: the Fréchet distance of two Gaussians fitted to their features.

After Heusel et al. 2017 (FID, arXiv 1706.08500), with another feature: the mean brightness of 8 × 8 regions, which needs no
network. It sees shape, brightness, variety and missing modes of small pictures, and no fine texture; 0 is the same.
Comparable only between sets of the same size of the same data set.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

REGIONS = 8


def frechet_distance(made: "torch.Tensor", real: "torch.Tensor") -> float:
    """Both (n, channels, side, side) of -1 … 1, some hundreds of pictures each."""
    import torch

    (mean, covariance), (other_mean, other_covariance) = _gaussian(made), _gaussian(real)
    # the trace of the matrix square root of a product of covariances, whose eigenvalues are real and not negative
    root = torch.linalg.eigvals(covariance @ other_covariance).real.clamp(min=0).sqrt().sum()
    spread = covariance.trace() + other_covariance.trace() - 2 * root
    return float((mean - other_mean).square().sum() + spread)


def shuffled(pictures: "torch.Tensor", seed: int = 0) -> "torch.Tensor":
    """Every pixel taken from another of the pictures: right values in every place, and no shape. A yardstick."""
    import torch

    order = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(seed)).argsort(0)
    return pictures.gather(0, order)


def _gaussian(pictures: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    import torch

    features = torch.nn.functional.adaptive_avg_pool2d(pictures.double().cpu(), REGIONS).flatten(1)
    return features.mean(0), features.T.cov(correction=min(1, len(features) - 1))

"""Averaged weights (EMA) of several networks, and what of a network a checkpoint carries.

Polyak & Juditsky 1992; as used for generators by Yazıcı et al. 2018, arXiv 1806.04498. Buffers are averaged like weights.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def carried(networks: "Mapping[str, torch.nn.Module]") -> "dict[str, torch.Tensor]":
    """What changes in training, by "<network>/<name>": trained parameters, and buffers. Shared weights once; no copies."""
    found = {}
    for name, network in networks.items():
        for inner, parameter in network.named_parameters():
            if parameter.requires_grad:
                found[f"{name}/{inner}"] = parameter.data
        found |= {f"{name}/{inner}": buffer for inner, buffer in network.named_buffers()}
    return found


def put_back(places: "Mapping[str, torch.Tensor]", values: "Mapping[str, torch.Tensor]") -> None:
    """The numbers of `values` into the tensors of `places`, which must be the same ones by name."""
    import torch

    if places.keys() != values.keys():
        raise ValueError(f"weights of another network: {sorted(places.keys() ^ values.keys())[0]}")
    with torch.no_grad():
        for name, place in places.items():
            place.copy_(values[name])


class Average:
    """A running mean of all that the networks carry; early on it forgets faster, so that random weights do not stay in it."""

    def __init__(self, networks: "Mapping[str, torch.nn.Module]", decay: float) -> None:
        self._decay = decay
        self._now = carried(networks)
        self.values = {name: value.clone() for name, value in self._now.items()}

    def update(self, step: int) -> None:
        """After `step` steps."""
        import torch

        decay = min(self._decay, (1 + step) / (10 + step))
        means = [name for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.values[n] for n in means], [self._now[n] for n in means], 1 - decay)
        for name in self.values.keys() - means:
            self.values[name].copy_(self._now[name])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The networks hold the averaged weights inside, and bit for bit their own again afterwards."""
        own = {name: value.clone() for name, value in self._now.items()}
        self.use()
        try:
            yield
        finally:
            put_back(self._now, own)

    def use(self) -> None:
        """The networks hold the averaged weights from now on."""
        put_back(self._now, self.values)

"""Refuses a network that could not be trained in the memory there is, while it is being built and before it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pipelines.errors.training import NetworkTooLarge
from pipelines.loading.memory.measure import free_bytes, store_of

if TYPE_CHECKING:
    import torch

BYTES_OF_PARAMETER = 4 * 4  # the weight, its gradient and both moments of Adam, as float32
BYTES_OF_AVERAGE = 2 * 4  # the averaged weight, and the one it stands for while it is in use


def check_room(parameters: int, device: str, *, is_loaded: bool = False, is_averaged: bool = False) -> None:
    """Whether so many weights of a base can all be trained. `is_loaded`: they are in memory already. Raises NetworkTooLarge."""
    needed = parameters * (BYTES_OF_PARAMETER - 4 * is_loaded + BYTES_OF_AVERAGE * is_averaged)
    free = free_bytes(store_of(device))
    if needed > free:
        raise NetworkTooLarge(needed_gb=needed / 1e9, free_gb=free / 1e9)


@contextmanager
def within(most_bytes: int) -> Iterator[None]:
    """In this block no network comes to be that would take more than `most_bytes` to train. Raises NetworkTooLarge."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    needed = 0
    counted: WeakValueDictionary[int, torch.nn.Parameter] = WeakValueDictionary()

    def count(module: "torch.nn.Module", name: str, parameter: "torch.nn.Parameter | None") -> None:
        nonlocal needed
        if parameter is None or counted.get(id(parameter)) is parameter:  # tied weights are registered twice
            return
        counted[id(parameter)] = parameter
        needed += parameter.numel() * BYTES_OF_PARAMETER
        if needed > most_bytes:
            raise NetworkTooLarge(needed_gb=needed / 1e9, free_gb=most_bytes / 1e9)

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()

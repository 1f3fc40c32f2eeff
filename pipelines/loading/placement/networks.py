"""The networks of a loaded model: measured, parked, brought back and dropped together. It knows no class of model."""

from typing import Any

from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place


class Networks:
    """What the model cache asks of a model (`Model` of memory/residents.py), for one that consists of modules of torch.

    A family's class is one of these and says what can be done with it.
    """

    is_stale = False

    def __init__(self, place: Place, *networks: Any) -> None:
        self.size_bytes = dispatch.bytes_in_memory(networks)
        self._networks, self._place = networks, place

    def park(self) -> bool:
        return dispatch.move(self._networks, "cpu")

    def unpark(self) -> None:
        dispatch.move(self._networks, self._place.device)

    def close(self) -> None:
        """Nothing of the model is left in it but its size: whoever still holds it does not hold the weights."""
        for network in self._networks:
            dispatch.drop(network)
        for name in set(vars(self)) - {"size_bytes"}:
            delattr(self, name)

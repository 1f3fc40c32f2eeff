"""A LoRA adapter, as a request names it."""

from dataclasses import dataclass

from pipelines.errors.requests import SettingOutOfRange


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: a hub id or a local folder, and its weight in the sum; below 0 it does the opposite."""

    source: str
    weight: float = 1.0

    RANGE = (-2.0, 2.0)

    def check(self) -> None:
        """Raises SettingOutOfRange."""
        low, high = self.RANGE
        if not low <= self.weight <= high:
            raise SettingOutOfRange(setting="adapter weight", value=self.weight, low=low, high=high)

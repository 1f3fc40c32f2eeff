"""Sounds louder or softer, with noise, earlier or later, slower or faster. Knows no trainer, and not what is heard."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.sound.stretching import stretched
from pipelines.training.plan import ranged
from pipelines.types.events import never

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SoundChanges:
    """`gain`: up to so many decibels up or down. `noise`: up to so loud, as a share of the sound's own loudness. `shift`: up to so
    much of its length earlier or later. `stretch`: up to so much slower or faster; the pitch stays."""

    gain: float = ranged(0.0, 24.0, default=0.0)
    noise: float = ranged(0.0, 1.0, default=0.0)
    shift: float = ranged(0.0, 0.5, default=0.0)
    stretch: float = ranged(0.0, 0.5, default=0.0)


def augmented(sound: "torch.Tensor", changes: SoundChanges) -> "torch.Tensor":
    """(samples,) float32 within −1 … 1, and the same, as long as it was: cut, or with silence after it."""
    import torch

    count = len(sound)
    if changes.stretch:
        sound = _stretched(sound, float((1 + changes.stretch) ** (torch.rand(()) * 2 - 1)), count)
    if changes.shift:
        by = round(float(torch.rand(()) * 2 - 1) * changes.shift * count)
        sound = torch.nn.functional.pad(sound, (by, -by))  # a negative one cuts
    if changes.noise:
        level = sound.square().mean().sqrt() * torch.rand(()) * changes.noise
        sound = sound + torch.randn(count) * level
    if changes.gain:
        sound = sound * 10 ** ((torch.rand(()) * 2 - 1) * changes.gain / 20)
    return sound.clamp(-1, 1)


def _stretched(sound: "torch.Tensor", speed: float, count: int) -> "torch.Tensor":
    import torch

    made = torch.from_numpy(stretched(sound.numpy(), speed, never))[:count]
    return torch.nn.functional.pad(made, (0, count - len(made)))

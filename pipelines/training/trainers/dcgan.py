"""Trains a generator against a discriminator: DCGAN (Radford et al. 2015, arXiv 1511.06434).

The generator's loss is the one that does not saturate (Goodfellow et al. 2014, arXiv 1406.2661); what is shown and exported
is its average over the steps (Yazıcı et al. 2018, arXiv 1806.04498).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.training.adversarial import SIDES, Adversaries, distance_of_shuffled
from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.data import Kind, Pictures
from pipelines.training.estimate import Size, generator
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "pictures"
METRIC = "frechet_distance"
IS_BETTER = "lower"
NEEDS_MODEL = False
ACCUMULATES = False


@dataclass(frozen=True)
class Settings:
    """`side` in pixels of what is made, `latent` numbers of noise, `width` channels of the largest hidden layer.

    `real_label` below 1 keeps the discriminator from being too sure (Salimans et al. 2016, arXiv 1606.03498).
    """

    plan: Plan
    side: str = field(default="32", metadata={"choices": SIDES})
    latent: int = ranged(1, 1024, default=64)
    width: int = ranged(4, 512, default=24)
    batch: int = ranged(2, 4096, default=64)
    real_label: float = ranged(0.5, 1.0, default=0.9)
    augment: PictureChanges = field(default_factory=PictureChanges)


_PLAN = Plan(
    steps=900,
    learning_rate=4e-4,
    warmup_steps=0,
    decay_steps=300,
    gradient_norm=1000.0,
    betas=(0.5, 0.999),
    ema_decay=0.99,
)
PRESETS = {
    "cpu": Settings(_PLAN),
    "gpu": Settings(
        Plan(steps=40_000, learning_rate=2e-4, warmup_steps=0, gradient_norm=1000.0, betas=(0.5, 0.999), bf16=True),
        side="64", latent=100, width=64, batch=128,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Pictures with the right grey in every place and no shape."""
    return {METRIC: distance_of_shuffled(data, int(settings.side))}


def size(settings: Settings) -> Size:
    """The discriminator keeps what it saw of real pictures and of made ones."""
    return generator(int(settings.side), settings.latent, settings.width, 1).times(1.5 * settings.batch)


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "AdversarialCourse":
    return AdversarialCourse(settings, data, device)


class AdversarialCourse(Adversaries):
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        super().__init__(settings, data, device, "discriminator", is_normalised=True)
        self._settings, self._device = settings, device

    def step(self, number: int) -> dict[str, float]:
        # 1 The discriminator learns to tell real from made
        task = self._settings
        real = self.real()
        with autocast(task.plan, self._device):
            made = self.generator(self.noise())
            loss = _surprise(self.judge(real), task.real_label)
            loss = loss + _surprise(self.judge(made.detach()), 0.0)
        judged = descend(loss, self.optimisers["discriminator"], task.plan, number)

        # 2 The generator learns to be taken for real
        self.judge.requires_grad_(False)
        with autocast(task.plan, self._device):
            loss = _surprise(self.judge(made), 1.0)
        values = descend(loss, self.optimisers["generator"], task.plan, number)
        self.judge.requires_grad_(True)
        return {**values, "discriminator_loss": judged["loss"]}

    def evaluate(self) -> dict[str, float]:
        return {METRIC: self.distance()}


def _surprise(scores: "torch.Tensor", label: float) -> "torch.Tensor":
    """Cross entropy of `scores` (logits for "real") and one label for all of them."""
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), torch.full_like(scores, label).float())

"""Trains a generator against a discriminator: DCGAN (Radford et al. 2015, arXiv 1511.06434).

The generator's loss is the one that does not saturate (Goodfellow et al. 2014, arXiv 1406.2661); what is shown and exported
is its average over the steps (Yazıcı et al. 2018, arXiv 1806.04498).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import generators
from pipelines.evaluation.frechet_distance import frechet_distance, shuffled
from pipelines.generators import GeneratorConfig
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.data import Kind, Pictures
from pipelines.training.encoders import build_encoder
from pipelines.training.pictures import resized, sheet, to_model
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "pictures"
METRIC = "frechet_distance"
IS_BETTER = "lower"
NEEDS_MODEL = False
ACCUMULATES = False
SHOWN = 64
SIDES = ("8", "16", "32", "64", "128")


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
    made, real = (resized(to_model(part), int(settings.side)) for part in (data.pictures, data.held_out))
    return {METRIC: frechet_distance(shuffled(made)[: len(real)], real)}


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "AdversarialCourse":
    return AdversarialCourse(settings, data, device)


class AdversarialCourse:
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        import torch

        self._settings, self._device = settings, device
        self._config = GeneratorConfig(settings.latent, int(settings.side), data.pictures.shape[1], settings.width)
        self._background = data.background / 127.5 - 1
        self._pictures = resized(to_model(data.pictures), self._config.side)
        self._held_out = resized(to_model(data.held_out), self._config.side)
        self._generator = generators.build(self._config).to(device)
        self._discriminator = build_encoder(self._config, 1, is_normalised=True).to(device)
        self._noise = torch.randn(len(self._held_out), settings.latent)
        self.networks = {"generator": self._generator, "discriminator": self._discriminator}
        self.optimisers = {name: adam(network, settings.plan) for name, network in self.networks.items()}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 The discriminator learns to tell real from made
        task = self._settings
        chosen = torch.randint(len(self._pictures), (task.batch,))
        real = augmented(self._pictures[chosen].to(self._device), task.augment, self._background)
        with autocast(task.plan, self._device):
            made = self._generator(torch.randn(task.batch, task.latent).to(self._device))
            loss = _surprise(self._discriminator(real), task.real_label)
            loss = loss + _surprise(self._discriminator(made.detach()), 0.0)
        judged = descend(loss, self.optimisers["discriminator"], task.plan, number)

        # 2 The generator learns to be taken for real
        self._discriminator.requires_grad_(False)
        with autocast(task.plan, self._device):
            loss = _surprise(self._discriminator(made), 1.0)
        values = descend(loss, self.optimisers["generator"], task.plan, number)
        self._discriminator.requires_grad_(True)
        return {**values, "discriminator_loss": judged["loss"]}

    def evaluate(self) -> dict[str, float]:
        return {METRIC: frechet_distance(self._make(len(self._noise)), self._held_out)}

    def sample(self) -> Sample:
        return Sample(sheet(self._make(SHOWN), columns=8))

    def export(self, folder: Path) -> dict[str, Any]:
        generators.write(self._generator, self._config, folder)
        return {}

    def _make(self, count: int) -> "torch.Tensor":
        return self._generator(self._noise[:count].to(self._device)).float().cpu()


def _surprise(scores: "torch.Tensor", label: float) -> "torch.Tensor":
    """Cross entropy of `scores` (logits for "real") and one label for all of them."""
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), torch.full_like(scores, label).float())

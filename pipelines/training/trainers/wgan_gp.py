"""Trains a generator against a critic that measures how far it is from the data: WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028).

The critic approximates the Wasserstein distance; a penalty keeps its gradient near 1, so it has no batch norm. Its
estimate of the distance is a curve that means something: it falls as the pictures get better.
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
from pipelines.training.trainer import Sample, adam, descend

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

    The critic takes `critic_steps` for each of the generator's; `penalty` is the weight λ of its gradient's.
    """

    plan: Plan
    side: str = field(default="32", metadata={"choices": SIDES})
    latent: int = ranged(1, 1024, default=64)
    width: int = ranged(4, 512, default=16)
    batch: int = ranged(2, 4096, default=48)
    critic_steps: int = ranged(1, 20, default=3)
    penalty: float = ranged(0.0, 1000.0, default=10.0)
    augment: PictureChanges = field(default_factory=PictureChanges)


_PLAN = Plan(
    steps=500,
    learning_rate=5e-4,
    warmup_steps=0,
    decay_steps=200,
    gradient_norm=1000.0,
    betas=(0.0, 0.9),
    ema_decay=0.98,
)
PRESETS = {
    "cpu": Settings(_PLAN),
    "gpu": Settings(
        Plan(steps=40_000, learning_rate=1e-4, warmup_steps=0, gradient_norm=1000.0, betas=(0.0, 0.9)),
        side="64", latent=128, width=64, batch=64, critic_steps=5,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Pictures with the right grey in every place and no shape."""
    made, real = (resized(to_model(part), int(settings.side)) for part in (data.pictures, data.held_out))
    return {METRIC: frechet_distance(shuffled(made)[: len(real)], real)}


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "WassersteinCourse":
    return WassersteinCourse(settings, data, device)


class WassersteinCourse:
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        import torch

        self._settings, self._device = settings, device
        self._config = GeneratorConfig(settings.latent, int(settings.side), data.pictures.shape[1], settings.width)
        self._background = data.background / 127.5 - 1
        self._pictures = resized(to_model(data.pictures), self._config.side)
        self._held_out = resized(to_model(data.held_out), self._config.side)
        self._generator = generators.build(self._config).to(device)
        self._critic = build_encoder(self._config, 1, is_normalised=False).to(device)
        self._noise = torch.randn(len(self._held_out), settings.latent)
        self.networks = {"generator": self._generator, "critic": self._critic}
        self.optimisers = {name: adam(network, settings.plan) for name, network in self.networks.items()}

    def step(self, number: int) -> dict[str, float]:
        # 1 The critic measures, several times
        task = self._settings
        for _ in range(task.critic_steps):
            distance, penalty = self._measure()
            descend(task.penalty * penalty - distance, self.optimisers["critic"], task.plan, number)

        # 2 The generator shortens what it measures
        self._critic.requires_grad_(False)
        loss = -self._critic(self._generator(self._draw())).mean()
        values = descend(loss, self.optimisers["generator"], task.plan, number)
        self._critic.requires_grad_(True)
        return {**values, "wasserstein_distance": distance.item(), "gradient_penalty": penalty.item()}

    def _measure(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """The critic's estimate of the distance, and how far its gradient between real and made pictures is from 1."""
        import torch

        batch = self._settings.batch
        real = self._pictures[torch.randint(len(self._pictures), (batch,))].to(self._device)
        real = augmented(real, self._settings.augment, self._background)
        with torch.no_grad():
            made = self._generator(self._draw())
        between = torch.lerp(real, made, torch.rand(batch, 1, 1, 1).to(self._device)).requires_grad_(True)
        (slope,) = torch.autograd.grad(self._critic(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return self._critic(real).mean() - self._critic(made).mean(), penalty

    def evaluate(self) -> dict[str, float]:
        return {METRIC: frechet_distance(self._make(len(self._noise)), self._held_out)}

    def sample(self) -> Sample:
        return Sample(sheet(self._make(SHOWN), columns=8))

    def export(self, folder: Path) -> dict[str, Any]:
        generators.write(self._generator, self._config, folder)
        return {}

    def _draw(self) -> "torch.Tensor":
        import torch

        return torch.randn(self._settings.batch, self._settings.latent).to(self._device)

    def _make(self, count: int) -> "torch.Tensor":
        return self._generator(self._noise[:count].to(self._device)).float().cpu()

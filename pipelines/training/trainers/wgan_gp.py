"""Trains a generator against a critic that measures how far it is from the data: WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028).

The critic approximates the Wasserstein distance; a penalty keeps its gradient near 1, so it has no batch norm. Its
estimate of the distance is a curve that means something: it falls as the pictures get better.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.training.adversarial import SIDES, Adversaries, distance_of_shuffled
from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.data import Kind, Pictures
from pipelines.training.estimate import Size, generator
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import descend

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
    return {METRIC: distance_of_shuffled(data, int(settings.side))}


def size(settings: Settings) -> Size:
    """For the gradient of a gradient the critic keeps about twice as much, and it looks at three batches."""
    return generator(int(settings.side), settings.latent, settings.width, 1).times(3 * settings.batch)


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "WassersteinCourse":
    return WassersteinCourse(settings, data, device)


class WassersteinCourse(Adversaries):
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        super().__init__(settings, data, device, "critic", is_normalised=False)
        self._settings, self._device = settings, device

    def step(self, number: int) -> dict[str, float]:
        # 1 The critic measures, several times
        task = self._settings
        for _ in range(task.critic_steps):
            distance, penalty = self._measure()
            descend(task.penalty * penalty - distance, self.optimisers["critic"], task.plan, number)

        # 2 The generator shortens what it measures
        self.judge.requires_grad_(False)
        loss = -self.judge(self.generator(self.noise())).mean()
        values = descend(loss, self.optimisers["generator"], task.plan, number)
        self.judge.requires_grad_(True)
        return {**values, "wasserstein_distance": distance.item(), "gradient_penalty": penalty.item()}

    def _measure(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """The critic's estimate of the distance, and how far its gradient between real and made pictures is from 1."""
        import torch

        real = self.real()
        with torch.no_grad():
            made = self.generator(self.noise())
        between = torch.lerp(real, made, torch.rand(len(real), 1, 1, 1).to(self._device)).requires_grad_(True)
        (slope,) = torch.autograd.grad(self.judge(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return self.judge(real).mean() - self.judge(made).mean(), penalty

    def evaluate(self) -> dict[str, float]:
        return {METRIC: self.distance()}

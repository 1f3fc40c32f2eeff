"""Trains a variational autoencoder (Kingma & Welling 2013, arXiv 1312.6114), with the β of Higgins et al. 2017 (ICLR).

Gaussian pixels of variance one half, so the loss is the squared error of a picture and β times the KL divergence. The
decoder is what is exported: it makes new pictures of noise, and there is a map of what lies where in its latents.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.evaluation.frechet_distance import frechet_distance
from pipelines.networks import generators, latent_map
from pipelines.networks.generators import GeneratorConfig
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.data import Kind, Pictures
from pipelines.training.encoders import build_encoder
from pipelines.training.estimate import Size, generator
from pipelines.training.pictures import resized, sheet, to_model
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "pictures"
METRIC = "reconstruction_error"
IS_BETTER = "lower"
NEEDS_MODEL = False
SHOWN = 10  # in a row of the sample
MAPPED_AT_ONCE = 500  # pictures
SIDES = ("8", "16", "32", "64", "128")


@dataclass(frozen=True)
class Settings:
    """`side` in pixels, `latent` numbers for a picture (2: a map of all of them can be drawn), `width` of the largest layer.

    A higher `beta` makes latents tidier, and what comes back of them blurred.
    """

    plan: Plan
    side: str = field(default="32", metadata={"choices": SIDES})
    latent: int = ranged(1, 1024, default=16)
    beta: float = ranged(0.0, 100.0, default=1.0)
    width: int = ranged(4, 512, default=24)
    batch: int = ranged(2, 4096, default=64)
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=900, learning_rate=0.002, warmup_steps=30, decay_steps=500, gradient_norm=100.0, ema_decay=0.99)),
    "gpu": Settings(
        Plan(steps=20_000, learning_rate=0.001, decay_steps=10_000, gradient_norm=100.0, bf16=True),
        side="64", latent=64, width=64, batch=128,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """The mean picture for every picture."""
    known, held_out = (resized(to_model(part), int(settings.side)) for part in (data.pictures, data.held_out))
    return {METRIC: _error(known.mean(0), held_out)}


def size(settings: Settings) -> Size:
    return generator(int(settings.side), settings.latent, settings.width, 2 * settings.latent).times(settings.batch)


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "AutoencoderCourse":
    return AutoencoderCourse(settings, data, device)


class AutoencoderCourse:
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        import torch

        self._settings, self._device = settings, device
        self._config = GeneratorConfig(settings.latent, int(settings.side), data.pictures.shape[1], settings.width)
        self._background = data.background / 127.5 - 1
        self._labels, self._names = data.labels.tolist(), data.names
        self._pictures = resized(to_model(data.pictures), self._config.side)
        self._held_out = resized(to_model(data.held_out), self._config.side)
        self._encoder = build_encoder(self._config, 2 * settings.latent, is_normalised=True).to(device)
        self._decoder = generators.build(self._config).to(device)
        self._noise = torch.randn(len(self._held_out), settings.latent)
        self.networks = {"encoder": self._encoder, "decoder": self._decoder}
        self.optimisers = {"both": adam(torch.nn.ModuleList([self._encoder, self._decoder]), settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 Where a batch of pictures lies, and a point drawn near there
        task = self._settings
        pictures = self._pictures[torch.randint(len(self._pictures), (task.batch,))].to(self._device)
        pictures = augmented(pictures, task.augment, self._background)
        with autocast(task.plan, self._device):
            mean, log_variance = self._encode(pictures)
            point = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)

            # 2 What comes back, and how much was said on the way
            back = self._decoder(point).float()
        error = (back - pictures).square().flatten(1).sum(1).mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        values = descend(error + task.beta * divergence, self.optimisers["both"], task.plan, number)
        return {**values, "kl_divergence": divergence.item()}

    def evaluate(self) -> dict[str, float]:
        made = self._decode(self._noise)
        return {
            METRIC: _error(self._back(self._held_out), self._held_out),
            "frechet_distance": frechet_distance(made, self._held_out),
        }

    def sample(self) -> Sample:
        """Held-out pictures, what comes back of them, new pictures, and the map of the latents."""
        import torch

        shown = self._held_out[:: max(1, len(self._held_out) // SHOWN)][:SHOWN]
        rows = [shown, self._back(shown), self._decode(self._noise[: 3 * len(shown)]), self._decode(self._map(shown))]
        lines = ("1: held out", "2: what comes back of them", "3 – 5: new", f"6 – {5 + SHOWN}: the map of the latents")
        return Sample(sheet(torch.cat(rows), columns=len(shown)), lines)

    def export(self, folder: Path) -> dict[str, Any]:
        """The decoder, and where it has two latents or more a map of them."""
        import torch

        generators.write(self._decoder, self._config, folder)
        if self._settings.latent > 1:
            with torch.no_grad():
                parts = self._pictures.split(MAPPED_AT_ONCE)
                means = torch.cat([self._encode(part)[0].cpu() for part in parts])
                chart = latent_map.charted(means, self._labels, self._names)
                drawn = self._decode(torch.tensor(latent_map.grid_of(chart)))
            latent_map.write(chart, sheet(drawn, columns=latent_map.GRID), folder)
        return {}

    def _encode(self, pictures: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        mean, log_variance = self._encoder(pictures.to(self._device)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def _decode(self, points: "torch.Tensor") -> "torch.Tensor":
        return self._decoder(points.to(self._device)).float().cpu()

    def _back(self, pictures: "torch.Tensor") -> "torch.Tensor":
        return self._decode(self._encode(pictures)[0])

    def _map(self, shown: "torch.Tensor") -> "torch.Tensor":
        """SHOWN × SHOWN points: of two latents the plane by its quantiles, of more the surface between four pictures."""
        import torch

        share = torch.linspace(0, 1, SHOWN)
        if self._settings.latent == 2:
            place = torch.special.ndtri(0.02 + 0.96 * share)
            return torch.cartesian_prod(place, place)
        corner = self._encode(shown[torch.arange(4) * max(1, len(shown) // 4) % len(shown)])[0].cpu()
        left, right = (torch.lerp(corner[a], corner[b], share[:, None]) for a, b in ((0, 1), (2, 3)))
        return torch.lerp(left[:, None], right[:, None], share[None, :, None]).flatten(0, 1)


def _error(made: "torch.Tensor", real: "torch.Tensor") -> float:
    """Mean squared error of a pixel of 0 … 1."""
    return ((made - real) / 2).square().mean().item()

"""A generator of pictures in training, and the network that judges what it makes. Knows no loss: a trainer says what each learns."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.evaluation.frechet_distance import frechet_distance, shuffled
from pipelines.networks import generators
from pipelines.networks.generators import GeneratorConfig
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.data import Pictures
from pipelines.training.encoders import build_encoder
from pipelines.training.pictures import resized, sheet, to_model
from pipelines.training.plan import Plan
from pipelines.training.trainer import Sample, adam

if TYPE_CHECKING:
    import torch

SHOWN = 64
SIDES = ("8", "16", "32", "64", "128")


class GeneratorSettings(Protocol):
    """`side` in pixels of what is made, `latent` numbers of noise, `width` channels of the largest hidden layer."""

    @property
    def plan(self) -> Plan: ...
    @property
    def side(self) -> str: ...
    @property
    def latent(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def augment(self) -> PictureChanges: ...


def distance_of_shuffled(data: Pictures, side: int) -> float:
    """The Fréchet distance of pictures with the right grey in every place and no shape."""
    made, real = (resized(to_model(part), side) for part in (data.pictures, data.held_out))
    return frechet_distance(shuffled(made)[: len(real)], real)


class Adversaries:
    """Both networks, the real pictures, and the noise that is drawn once, so that every sample shows the same ones grow."""

    def __init__(
        self, settings: GeneratorSettings, data: Pictures, device: str, judge: str, *, is_normalised: bool
    ) -> None:
        """`judge` is what the trainer calls the judging network, `is_normalised` whether it has batch norm."""
        import torch

        self._batch, self._latent, self._augment = settings.batch, settings.latent, settings.augment
        self._device = device
        self._config = GeneratorConfig(settings.latent, int(settings.side), data.pictures.shape[1], settings.width)
        self._background = data.background / 127.5 - 1
        self._pictures = resized(to_model(data.pictures), self._config.side)
        self._held_out = resized(to_model(data.held_out), self._config.side)
        self.generator = generators.build(self._config).to(device)
        self.judge = build_encoder(self._config, 1, is_normalised=is_normalised).to(device)
        self._noise = torch.randn(len(self._held_out), settings.latent)
        self.networks = {"generator": self.generator, judge: self.judge}
        self.optimisers = {name: adam(network, settings.plan) for name, network in self.networks.items()}

    def real(self) -> "torch.Tensor":
        """A batch of pictures, changed as the settings say."""
        import torch

        chosen = torch.randint(len(self._pictures), (self._batch,))
        return augmented(self._pictures[chosen].to(self._device), self._augment, self._background)

    def noise(self) -> "torch.Tensor":
        """A batch of it."""
        import torch

        return torch.randn(self._batch, self._latent).to(self._device)

    def distance(self) -> float:
        return frechet_distance(self._make(len(self._noise)), self._held_out)

    def sample(self) -> Sample:
        return Sample(sheet(self._make(SHOWN), columns=8))

    def export(self, folder: Path) -> dict[str, Any]:
        generators.write(self.generator, self._config, folder)
        return {}

    def _make(self, count: int) -> "torch.Tensor":
        return self.generator(self._noise[:count].to(self._device)).float().cpu()

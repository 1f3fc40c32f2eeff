"""Generators without words (GAN and VAE decoders): noise in, a picture out, in one pass. They take a seed and no prompt, numbers that
are added to the noise, and a second seed to go to: along the great circle, on which all noise is as likely (White 2016, arXiv 1609.04468).
One with a map takes a place of it instead of noise, or two, between which it goes straight.
"""

from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import CPU, Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words
from pipelines.networks import generators, latent_map
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, OnEvent
from pipelines.types.image import Drawing, ImageRequest, ImageTask, OnStep
from pipelines.types.model import ImageDefaults, ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"text-to-image"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 64 * 1024**2  # for a batch of the largest picture that is drawn at once


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and generators.ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, CPU), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "GeneratorModel":
    """Raises ModelDamaged, or what says that memory ran out."""
    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        network, config = generators.read(weights.path)
    network.to(place.device)
    chart = latent_map.read(weights.path)
    is_of_it = chart is not None and len(chart.origin) == config.latent
    return GeneratorModel(network, config, place, chart if is_of_it else None)


class GeneratorModel(Networks):
    """A loaded model. Its weights are only read, so `draw` may be called from several threads."""

    side_multiple = 1
    most_upscaled_pixels = 0

    def __init__(
        self, network: Any, config: generators.GeneratorConfig, place: Place, chart: latent_map.LatentMap | None
    ) -> None:
        super().__init__(place, network)
        self.defaults = ImageDefaults(config.side, config.side, 1, 1.0)
        self._network, self._config, self._chart = network, config, chart

    def takes(self, task: ImageTask) -> frozenset[str]:
        return frozenset({"count", "latent", "toward"} | ({"place"} if self._chart else set()))

    def draw(self, drawing: Drawing, on_step: OnStep) -> list[Any]:
        """PIL pictures in RGB, one for each seed: the noise is drawn on the CPU, so a seed means the same everywhere."""
        import torch
        from PIL import Image

        request = drawing.request
        noise = torch.stack([self._numbers(request, seed) for seed in drawing.seeds])
        added = torch.tensor(request.latent[: self._config.latent])
        noise[:, : len(added)] += added
        with torch.no_grad():
            made = self._network(noise.to(self._place.device)).cpu()
        pixels = made.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        on_step(1, 1, lambda: None)
        return [Image.fromarray(row.squeeze(-1).numpy()).convert("RGB") for row in pixels]

    def _numbers(self, request: ImageRequest, seed: int) -> Any:
        """What the picture of `seed` is made of: of its place between two places or two seeds, else of noise."""
        import torch

        share = (seed - (request.seed or 0)) % 2**32 / max(1, request.count - 1)
        if self._chart and request.place:
            ends = (request.place[:2], request.place[-2:])
            first, last = (torch.tensor(self._chart.at(x, y)) for x, y in ends)
            return torch.lerp(first, last, share if request.count > 1 else 1.0)
        if request.toward is not None and request.seed is not None:
            return _between(self._noise(request.seed), self._noise(request.toward), share)
        return self._noise(seed)

    def _noise(self, seed: int) -> Any:
        import torch

        return torch.randn(self._config.latent, generator=torch.Generator().manual_seed(seed))


def _between(first: Any, last: Any, share: float) -> Any:
    """The noise that lies so far on the great circle from `first` to `last`; in a line where they point the same way."""
    import torch

    angle = torch.arccos(torch.nn.functional.cosine_similarity(first, last, dim=0).clamp(-1, 1))
    if torch.sin(angle) < 1e-4:
        return torch.lerp(first, last, share)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / torch.sin(angle)

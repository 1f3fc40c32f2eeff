"""Generators without words (GAN and VAE decoders): noise in, a picture out, in one pass. They take a seed and no prompt, numbers that
are added to the noise, and a second seed to go to: along the great circle, on which all noise is as likely (White 2016, arXiv 1609.04468).
"""

from pathlib import Path
from typing import Any

from pipelines import generators
from pipelines.errors.models import ModelDamaged
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import CPU, Place
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, OnEvent
from pipelines.types.image import Drawing, ImageTask, OnStep
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
    """Raises ModelDamaged."""
    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    try:
        network, config = generators.read(weights.path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ModelDamaged(model=spec.name, reason=reason, path=weights.path) from error
    network.to(place.device)
    return GeneratorModel(network, config, place)


class GeneratorModel:
    """A loaded model. Its weights are only read, so `draw` may be called from several threads."""

    side_multiple = 1
    most_upscaled_pixels = 0

    def __init__(self, network: Any, config: generators.GeneratorConfig, place: Place) -> None:
        self.defaults = ImageDefaults(config.side, config.side, 1, 1.0)
        self.size_bytes = dispatch.bytes_in_memory([network])
        self.is_stale = False
        self._network, self._config, self._place = network, config, place

    def takes(self, task: ImageTask) -> frozenset[str]:
        return frozenset({"count", "latent", "toward"})

    def draw(self, drawing: Drawing, on_step: OnStep) -> list[Any]:
        """PIL pictures in RGB, one for each seed: the noise is drawn on the CPU, so a seed means the same everywhere."""
        import torch
        from PIL import Image

        request, noise = drawing.request, torch.stack([self._noise(seed) for seed in drawing.seeds])
        if request.toward is not None and request.seed is not None:
            first, last = self._noise(request.seed), self._noise(request.toward)
            shares = [(seed - request.seed) % 2**32 / max(1, request.count - 1) for seed in drawing.seeds]
            noise = torch.stack([_between(first, last, share) for share in shares])
        added = torch.tensor(request.latent[: self._config.latent])
        noise[:, : len(added)] += added
        with torch.no_grad():
            made = self._network(noise.to(self._place.device)).cpu()
        pixels = made.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        on_step(1, 1, lambda: None)
        return [Image.fromarray(row.squeeze(-1).numpy()).convert("RGB") for row in pixels]

    def _noise(self, seed: int) -> Any:
        import torch

        return torch.randn(self._config.latent, generator=torch.Generator().manual_seed(seed))

    def park(self) -> bool:
        return dispatch.move([self._network], "cpu")

    def unpark(self) -> None:
        dispatch.move([self._network], self._place.device)

    def close(self) -> None:
        dispatch.drop(self._network)
        self._network = None


def _between(first: Any, last: Any, share: float) -> Any:
    """The noise that lies so far on the great circle from `first` to `last`; in a line where they point the same way."""
    import torch

    angle = torch.arccos(torch.nn.functional.cosine_similarity(first, last, dim=0).clamp(-1, 1))
    if torch.sin(angle) < 1e-4:
        return torch.lerp(first, last, share)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / torch.sin(angle)

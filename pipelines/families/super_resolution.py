"""Models that only enlarge a picture, by transformers (Swin2SR): sharper than resampling, in tiles, without a prompt.

Tiles overlap and are mixed with weights that fall off towards their edges, so that no seam shows and memory grows with
the picture only by its own pixels. Source: Conde et al. 2022, https://arxiv.org/abs/2209.11345. This file knows pixels and no pipeline.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import load_network
from pipelines.pictures.files import LIMIT_MEGAPIXELS
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.image import Drawing, ImageTask, OnStep
from pipelines.types.model import ImageDefaults, ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"upscale"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

TILE_PIXELS = 128
OVERLAP_PIXELS = 16
NUMBERS_PER_PIXEL = 5000  # that attention in windows holds at its peak


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and "Swin2SRForImageSuperResolution" in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    """The weights, and to work what a tile takes."""
    working = TILE_PIXELS**2 * NUMBERS_PER_PIXEL * BYTES_OF[place.dtype]
    return Forecast(weights_bytes(weights.parameters, place), int(working))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "SuperResolutionModel":
    """Raises ModelDamaged, or what says that memory ran out."""
    from transformers import Swin2SRForImageSuperResolution

    model = load_network(Swin2SRForImageSuperResolution, spec, weights, place, on_event)
    return SuperResolutionModel(model, place)


class SuperResolutionModel(Networks):
    """A loaded model. Its weights are only read, so `draw` may be called from several threads."""

    defaults = ImageDefaults(512, 512, 1, 1.0)
    side_multiple = 1

    def __init__(self, model: Any, place: Place) -> None:
        super().__init__(place, model)
        self._model = model
        self._factor = int(model.config.upscale)
        self.most_upscaled_pixels = LIMIT_MEGAPIXELS * 1_000_000 // self._factor**2  # the sheet is as large as a result

    def takes(self, task: ImageTask) -> frozenset[str]:
        return frozenset({"image"})

    def draw(self, drawing: Drawing, on_step: OnStep) -> list[Any]:
        """One PIL picture, larger by the model's own factor. A step is a tile."""
        import numpy
        import torch
        from PIL import Image

        # 1 The picture, and the sheet that its tiles are mixed on
        pixels = torch.from_numpy(numpy.asarray(drawing.image, dtype=numpy.float32) / 255).permute(2, 0, 1)
        _, height, width = pixels.shape
        sheet = torch.zeros(3, height * self._factor, width * self._factor)
        weight = torch.zeros(1, height * self._factor, width * self._factor)

        # 2 Tile by tile
        tiles = [(top, left) for top in _starts(height) for left in _starts(width)]
        for number, (top, left) in enumerate(tiles, start=1):
            part = pixels[:, top : top + TILE_PIXELS, left : left + TILE_PIXELS]
            with torch.no_grad():
                drawn = self._model(part.unsqueeze(0).to(self._model.device, self._model.dtype)).reconstruction
            drawn = drawn[0].float().cpu()
            ramp = _ramp(drawn.shape[1], OVERLAP_PIXELS * self._factor)[:, None] * _ramp(
                drawn.shape[2], OVERLAP_PIXELS * self._factor
            )
            y, x = top * self._factor, left * self._factor
            sheet[:, y : y + drawn.shape[1], x : x + drawn.shape[2]] += drawn * ramp
            weight[:, y : y + drawn.shape[1], x : x + drawn.shape[2]] += ramp
            on_step(number, len(tiles), lambda: None)

        # 3 As a picture
        mixed = (sheet / weight).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
        return [Image.fromarray(mixed)]


def _starts(side: int) -> Iterator[int]:
    """Where the tiles of a side begin: overlapping, the last one at the edge."""
    last = max(side - TILE_PIXELS, 0)
    yield from range(0, last, TILE_PIXELS - OVERLAP_PIXELS)
    yield last


def _ramp(side: int, overlap: int) -> Any:
    """Weights along a side: 1 in the middle, falling off over the overlap, and never 0."""
    import torch

    distance = torch.minimum(torch.arange(1, side + 1), torch.arange(side, 0, -1)).float()
    return (distance / overlap).clamp(max=1)

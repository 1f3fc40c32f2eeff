"""The studio's own fusion models: a picture, a text or a sound as a vector, near those of what means the same.

What the networks are, `pipelines/finding/fusion.py` says. A sound longer than a window is the mean of its windows.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.finding import fusion
from pipelines.finding.hearing_features import windows
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import CPU, Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"embed-together"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 96 * 1024**2


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and fusion.ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, CPU), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ()


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "FusionModel":
    """Raises ModelDamaged, or what says that memory ran out."""
    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        network, config = fusion.read(weights.path)
        likeness = fusion.read_likeness(weights.path)
    return FusionModel(network.to(place.device), config.side, likeness, place)


class FusionModel(Networks):
    """A loaded model. Its weights are only read, so it may be asked from several threads. All vectors are of length 1."""

    def __init__(self, network: Any, side: int, likeness: dict[str, tuple[float, float]], place: Place) -> None:
        super().__init__(place, network)
        self.likeness = likeness
        self._network, self._side = network, side

    def of_texts(self, texts: Sequence[str]) -> Any:
        """NumPy (texts, numbers) float32."""
        import torch

        with torch.no_grad():
            return fusion.of_words(self._network, texts).cpu().numpy()

    def of_picture(self, picture: Any) -> Any:
        """NumPy (numbers,) of a PIL picture in RGB; what is not square is seen whole, on the colour of its corner."""
        import numpy
        import torch

        seen = _whole(picture, self._side)
        pixels = torch.from_numpy(numpy.array(seen)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            return fusion.of_pictures(self._network, pixels.to(self._place.device))[0].cpu().numpy()

    def of_sound(self, samples: Any) -> Any:
        """NumPy (numbers,) of mono samples at 16 kHz."""
        import torch

        heard = torch.from_numpy(windows(samples)).to(self._place.device)
        with torch.no_grad():
            made = fusion.of_sounds(self._network, heard).mean(0)
        return torch.nn.functional.normalize(made, dim=0).cpu().numpy()


def _whole(picture: Any, side: int) -> Any:
    """All of a PIL picture in a square, on the colour of its corner; of one however long and thin a line is left."""
    from PIL import Image

    width, height = (max(1, round(length * side / max(picture.size))) for length in picture.size)
    square = Image.new(picture.mode, (side, side), picture.getpixel((0, 0)))
    small = picture.resize((width, height), Image.Resampling.BICUBIC)
    square.paste(small, (round((side - width) / 2), round((side - height) / 2)))
    return square

"""Picture classifiers by transformers: any …ForImageClassification (ResNet, ConvNeXt, ViT, Swin …), with its own image processor.

Where a network has maps of features, it is told which parts of the picture spoke for the class (Grad-CAM, Selvaraju et al. 2016,
arXiv 1610.02391). A picture that is drawn on the other ground than those it was trained on, black on white for white on
black, is inverted first. This file knows pixels and no pipeline.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words, load_network
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"classify"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_BYTES = 128 * 1024**2  # one picture and the way back through the last maps


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and any(name.endswith("ForImageClassification") for name in architectures)


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), WORKING_BYTES)


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "ImageClassifier":
    """Raises ModelDamaged, or what says that memory ran out."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    model = load_network(AutoModelForImageClassification, spec, weights, place, on_event)
    with in_plain_words(spec, weights):
        processor = AutoImageProcessor.from_pretrained(weights.path, local_files_only=True)
    return ImageClassifier(model, processor, place, Drawn.of(weights.path))


@dataclass(frozen=True)
class Drawn:
    """How the pictures of its training lie: the brightness (0 … 255) of their ground, None where nobody knows, and by how much
    a picture is larger than what is drawn in it."""

    ground: int | None = None
    room: float = 1.0

    @classmethod
    def of(cls, folder: Path) -> "Drawn":
        """As a training here has written it down."""
        try:
            facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            return cls(int(facts["background"]), float(facts["room"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()


class ImageClassifier(Networks):
    """A loaded model. One picture at a time goes through it: the way back writes into its gradients."""

    def __init__(self, model: Any, processor: Any, place: Place, drawn: Drawn) -> None:
        super().__init__(place, model)
        self._model, self._processor, self._drawn = model, processor, drawn
        self._lock = threading.Lock()
        self._is_grey = getattr(model.config, "num_channels", 3) == 1
        self.labels = tuple(str(model.config.id2label[place]) for place in range(model.config.num_labels))

    def classify(self, picture: Any) -> tuple[list[float], Any, Any]:
        """See `ClassifierModel` of pipelines/recognition/classification.py."""
        import torch

        # 1 As in its training
        seen = _on_ground(picture, self._drawn.ground)
        if self._is_grey:
            seen = _centred(seen.convert("L"), self._drawn.room)
        pixels = self._processor(images=_as_array(seen), return_tensors="pt")["pixel_values"]
        pixels = pixels.to(self._place.device, self._model.dtype)

        # 2 Forward, and back from the likeliest class to the last maps
        with self._lock, torch.enable_grad():
            answer = self._model(pixel_values=pixels.requires_grad_(), output_hidden_states=True)
            scores = answer.logits[0].float()
            maps = answer.hidden_states[-1] if answer.hidden_states else None
            heat = None
            if maps is not None and maps.dim() == 4 and maps.shape[-1] > 1:
                (slope,) = torch.autograd.grad(scores.max(), maps)
                heat = _heat(maps[0].float(), slope[0].float())
        return scores.softmax(0).tolist(), seen.convert("RGB"), heat


def _heat(maps: Any, slope: Any) -> Any:
    """(rows, columns) of 0 … 1: the maps weighted by their mean slope, where they speak for the class."""
    heat = (maps * slope.mean((1, 2), keepdim=True)).sum(0).relu().detach().cpu()
    return (heat / heat.max()).numpy() if heat.max() > 0 else heat.numpy()


def _on_ground(picture: Any, ground: int | None) -> Any:
    """`picture`, inverted where its corners are bright and those of the training dark, or the other way round."""
    from PIL import ImageOps

    if ground is None:
        return picture
    grey = picture.convert("L")
    right, bottom = grey.width - 1, grey.height - 1
    corners = [grey.getpixel(corner) for corner in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
    return ImageOps.invert(picture) if abs(sum(corners) / 4 - ground) > 127 else picture


def _centred(picture: Any, room: float) -> Any:
    """A drawing in the middle of a square that is `room` times as large."""
    from PIL import Image, ImageChops

    ground = picture.getpixel((0, 0))
    drawn = ImageChops.difference(picture, Image.new("L", picture.size, ground)).point(lambda level: 255 * (level > 48))
    box = drawn.getbbox()
    if box is None:
        return picture
    width, height = box[2] - box[0], box[3] - box[1]
    side = round(max(width, height) * room)
    square = Image.new("L", (side, side), ground)
    square.paste(picture.crop(box), ((side - width) // 2, (side - height) // 2))
    return square


def _as_array(picture: Any) -> Any:
    """(height, width, 3), of grey (height, width, 1), uint8."""
    import numpy

    pixels = numpy.asarray(picture)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels

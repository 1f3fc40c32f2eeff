"""Sound classifiers by transformers: the Audio Spectrogram Transformer (Gong et al. 2021, arXiv 2104.01778), with its own
feature extractor.

It hears a piece of a sound at a time, as a picture of its mel bands; of a longer sound the probabilities are the mean over its
pieces. What spoke for the class is told of the piece that is surest of it, by gradient × input (Shrikumar et al. 2016, arXiv
1605.01713). This file knows samples and no pipeline.
"""

import json
import threading
from pathlib import Path
from typing import Any

from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import in_plain_words, load_network
from pipelines.networks.attribution import log_odds
from pipelines.sound.files import resample
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.sound import Wave

TASKS: frozenset[Task] = frozenset({"classify-sound"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

ARCHITECTURE = "ASTForAudioClassification"
AT_ONCE = 4  # pieces
WORKING_NUMBERS = 16_000_000
WORKING_EACH = 2  # more of them for each parameter: four pieces, and the way back of one
WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.01  # of its feature extractor


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and ARCHITECTURE in architectures


def forecast(weights: Weights, place: Place) -> Forecast:
    working = WORKING_NUMBERS + WORKING_EACH * weights.parameters
    return Forecast(weights_bytes(weights.parameters, place), int(working * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "SoundClassifier":
    """Raises ModelDamaged, or what says that memory ran out."""
    from transformers import ASTFeatureExtractor, ASTForAudioClassification

    model = load_network(ASTForAudioClassification, spec, weights, place, on_event)
    model.requires_grad_(False)
    with in_plain_words(spec, weights):
        extractor = ASTFeatureExtractor.from_pretrained(weights.path, local_files_only=True)
    return SoundClassifier(model, extractor, place, _trained_seconds(weights.path))


def _trained_seconds(folder: Path) -> float | None:
    """How long a piece was in a training here, where silence followed what is shorter; None where nobody knows."""
    try:
        return float(json.loads((folder / "model.json").read_text(encoding="utf-8"))["settings"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class SoundClassifier(Networks):
    """A loaded model. One sound at a time goes through it."""

    def __init__(self, model: Any, extractor: Any, place: Place, trained_seconds: float | None) -> None:
        super().__init__(place, model)
        self._model, self._extractor = model, extractor
        self._is_filled = trained_seconds is not None
        whole = WINDOW_SECONDS + (extractor.max_length - 1) * HOP_SECONDS
        self._length = round((trained_seconds or whole) * extractor.sampling_rate)
        self._lock = threading.Lock()
        self.labels = tuple(str(model.config.id2label[place]) for place in range(model.config.num_labels))

    def classify(self, sound: Wave) -> tuple[list[float], Any, Any]:
        """See `ClassifierModel` of pipelines/recognition/classification.py."""
        import torch

        # 1 As in its training
        rate = self._extractor.sampling_rate
        pieces = self._pieces(resample(sound.samples, sound.sampling_rate, rate))
        heard = self._extractor(pieces, sampling_rate=rate, return_tensors="pt")["input_values"]
        heard = heard.to(self._place.device, self._model.dtype)

        with self._lock:
            # 2 Forward, piece after piece
            with torch.no_grad():
                scores = torch.cat([self._model(input_values=part).logits.float() for part in heard.split(AT_ONCE)])
            probabilities = scores.softmax(1)
            mean = probabilities.mean(0)
            label = int(mean.argmax())
            surest = int(probabilities[:, label].argmax())

            # 3 Back from the likeliest class to the piece that is surest of it
            with torch.enable_grad():
                piece = heard[surest : surest + 1].clone().requires_grad_()
                told = log_odds(self._model(input_values=piece).logits.float(), label)
                (slope,) = torch.autograd.grad(told.sum(), piece)
        spectrogram = piece[0].detach().float().cpu()
        spoke = spectrogram * slope[0].float().cpu()
        return mean.tolist(), _drawn(spectrogram), _heat(spoke, self._model.config.patch_size)

    def _pieces(self, samples: Any) -> list[Any]:
        """One after another; a rest that is shorter than half of one is not heard, unless it is all there is."""
        import numpy

        length = self._length
        count = max(1, round(len(samples) / length))
        pieces = [samples[at * length : (at + 1) * length] for at in range(count)]
        least = length if self._is_filled else round(WINDOW_SECONDS * self._extractor.sampling_rate)
        return [numpy.pad(piece, (0, max(0, least - len(piece)))) for piece in pieces]


def _drawn(spectrogram: Any) -> Any:
    """(frames, bands) as an RGB picture: time goes right, low tones are below."""
    from PIL import Image

    low, high = float(spectrogram.min()), float(spectrogram.max())
    grey = (spectrogram - low) / max(high - low, 1e-6) * 255
    return Image.fromarray(grey.T.flip(0).round().byte().numpy()).convert("RGB")


def _heat(spoke: Any, patch: int) -> Any:
    """(rows, columns) of 0 … 1, a value for each patch: where what was heard spoke for the class."""
    import torch

    heat = torch.nn.functional.avg_pool2d(spoke[None], patch)[0].relu().T.flip(0)
    return (heat / heat.max()).numpy() if heat.max() > 0 else heat.numpy()

"""What is on a picture, or of which class a sound is, by a model that knows classes.

    pipeline = ClassificationPipeline.on_this_machine()
    result = pipeline.generate(ClassifyRequest(model="my-digits", image="seven.png"))

It knows pictures, sounds and probabilities, and no model family.
"""

import base64
import io
import time
from pathlib import Path
from typing import Any, Protocol

from pipelines.base import Pipeline
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.pictures.files import open_picture
from pipelines.sound.files import OpeningStopped, open_sound
from pipelines.types.classification import (
    SOUND_LIMIT_SECONDS,
    ClassifyRequest,
    ClassifyResult,
    ClassifySoundRequest,
    Likelihood,
)
from pipelines.types.events import IsCancelled, OnEvent, ignore, never

SHOWN = 10
HEAT = (225, 60, 40)  # over what spoke for a class


class ClassifierModel(Protocol):
    """What a family gives for classes."""

    labels: tuple[str, ...]

    def classify(self, given: Any) -> tuple[list[float], Any, Any]:
        """Of an RGB picture or a mono Wave: the probability of each label, what the network saw as a picture (PIL, RGB), and how
        much each part spoke for the likeliest one, (rows, columns) of 0 … 1, or None."""
        ...


class ClassificationPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self,
        request: ClassifyRequest | ClassifySoundRequest,
        on_event: OnEvent = ignore,
        is_cancelled: IsCancelled = never,
    ) -> ClassifyResult:
        """Raises the errors of `pipelines.errors`."""
        # 1 What is asked
        request.check()
        spec = self.catalog.check(request)

        # 2 What is given, and the model's answer
        try:
            given = _open(request, is_cancelled)
            with self.lease(spec, (), on_event, is_cancelled) as model:
                started = time.perf_counter()
                probabilities, seen, heat = model.classify(given)
                seconds = time.perf_counter() - started
        except (LoadCancelled, OpeningStopped):
            return ClassifyResult(spec.id, (), 0.0, finish_reason="cancelled")

        # 3 The likeliest first, and where they were seen
        pairs = sorted(zip(model.labels, probabilities, strict=True), key=lambda pair: -pair[1])[:SHOWN]
        likelihoods = tuple(Likelihood(label, probability) for label, probability in pairs)
        return ClassifyResult(spec.id, likelihoods, seconds, "" if heat is None else _overlaid(seen, heat))


def _open(request: ClassifyRequest | ClassifySoundRequest, is_cancelled: IsCancelled) -> Any:
    """Raises UnreadablePicture, UnreadableSound, and OpeningStopped when it was cancelled."""
    if isinstance(request, ClassifyRequest):
        return open_picture(Path(request.image))
    path = Path(request.audio)
    return open_sound(path, is_mono=True, limit_seconds=SOUND_LIMIT_SECONDS, is_cancelled=is_cancelled)


def _overlaid(seen: Any, heat: Any) -> str:
    """The picture with its heat over it, 224 pixels wide, as a PNG in base64."""
    from PIL import Image

    side = (224, 224)
    mask = Image.fromarray((heat * 190).astype("uint8")).resize(side, Image.Resampling.BICUBIC)
    picture = Image.composite(Image.new("RGB", side, HEAT), seen.resize(side, Image.Resampling.NEAREST), mask)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()

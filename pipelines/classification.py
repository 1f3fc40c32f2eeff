"""What is on a picture, by a model that knows classes.

    pipeline = ClassificationPipeline.on_this_machine()
    result = pipeline.generate(ClassifyRequest(model="my-digits", image="seven.png"))

It knows pictures and probabilities, and no model family.
"""

import base64
import io
import time
from pathlib import Path
from typing import Any, Protocol

from pipelines.base import Pipeline
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.pictures import open_picture
from pipelines.types.classification import ClassifyRequest, ClassifyResult, Likelihood
from pipelines.types.events import IsCancelled, OnEvent, ignore, never

SHOWN = 10
HEAT = (225, 60, 40)  # over what spoke for a class


class ClassifierModel(Protocol):
    """What a family gives for classes."""

    labels: tuple[str, ...]

    def classify(self, picture: Any) -> tuple[list[float], Any, Any]:
        """Of an RGB picture: the probability of each label, the picture as the network saw it (PIL, RGB), and how much each
        part spoke for the likeliest one, (rows, columns) of 0 … 1, or None."""
        ...


class ClassificationPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: ClassifyRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> ClassifyResult:
        """Raises the errors of `pipelines.errors`."""
        # 1 What is asked
        request.check()
        spec = self.catalog.check(request)
        picture = open_picture(Path(request.image))

        # 2 The model's answer
        try:
            with self.lease(spec, (), on_event, is_cancelled) as model:
                started = time.perf_counter()
                probabilities, seen, heat = model.classify(picture)
                seconds = time.perf_counter() - started
        except LoadCancelled:
            return ClassifyResult(spec.id, (), 0.0, finish_reason="cancelled")

        # 3 The likeliest first, and where they were seen
        pairs = sorted(zip(model.labels, probabilities, strict=True), key=lambda pair: -pair[1])[:SHOWN]
        likelihoods = tuple(Likelihood(label, probability) for label, probability in pairs)
        return ClassifyResult(spec.id, likelihoods, seconds, "" if heat is None else _overlaid(seen, heat))


def _overlaid(seen: Any, heat: Any) -> str:
    """The picture with its heat over it, 224 pixels wide, as a PNG in base64."""
    from PIL import Image

    side = (224, 224)
    mask = Image.fromarray((heat * 190).astype("uint8")).resize(side, Image.Resampling.BICUBIC)
    picture = Image.composite(Image.new("RGB", side, HEAT), seen.resize(side, Image.Resampling.NEAREST), mask)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()

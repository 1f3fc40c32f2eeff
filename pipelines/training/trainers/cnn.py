"""Trains a small convolutional network to tell small pictures apart: a few residual blocks (He et al. 2015, arXiv 1512.03385), as
many and as wide as one likes. The networks of that paper, at their own depths, are `resnet`.
"""

from dataclasses import dataclass, field

from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.data import Kind, Pictures
from pipelines.training.estimate import Size, resnet
from pipelines.training.picture_classes import ClassifierCourse, commonest_class
from pipelines.training.plan import Plan, ranged

DATA: Kind = "labelled pictures"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False


@dataclass(frozen=True)
class Settings:
    """`side` in pixels is what the network sees; each of the `stages` doubles the channels and halves the side.

    Every picture of a batch is turned, sized and shifted by up to `degrees`, `scale` and `shift` (shares of the side).
    """

    plan: Plan
    side: int = ranged(16, 512, default=56)
    width: int = ranged(4, 512, default=16)
    stages: int = ranged(1, 4, default=3)
    blocks: int = ranged(1, 6, default=1)
    batch: int = ranged(1, 4096, default=64)
    degrees: float = ranged(0.0, 45.0, default=8.0)
    scale: float = ranged(0.0, 1.0, default=0.1)
    shift: float = ranged(0.0, 0.5, default=0.06)
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=600, learning_rate=0.004, warmup_steps=30, decay_steps=400, weight_decay=0.01, ema_decay=0.99)),
    "gpu": Settings(
        Plan(steps=8000, learning_rate=0.003, warmup_steps=200, decay_steps=6000, weight_decay=0.05, bf16=True),
        side=112, width=64, stages=4, blocks=2, batch=256,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Always the commonest class."""
    return commonest_class(data)


def size(settings: Settings) -> Size:
    widths = [settings.width * 2**stage for stage in range(settings.stages)]
    return resnet(settings.side, settings.width, widths, [settings.blocks] * settings.stages).times(settings.batch)


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> ClassifierCourse:
    layers = {
        "layer_type": "basic",
        "embedding_size": settings.width,
        "hidden_sizes": [settings.width * 2**stage for stage in range(settings.stages)],
        "depths": [settings.blocks] * settings.stages,
    }
    return ClassifierCourse(settings, layers, data, device)

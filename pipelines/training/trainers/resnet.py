"""Trains a ResNet to tell pictures apart, at the depths of its paper (He et al. 2015, arXiv 1512.03385): 18, 34, 50, 101 or 152 layers,
as wide as there or narrower.
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
MOST_SIDE = 256  # pixels of one's own pictures

BLOCKS = {
    "18": ("basic", (2, 2, 2, 2)),
    "34": ("basic", (3, 4, 6, 3)),
    "50": ("bottleneck", (3, 4, 6, 3)),
    "101": ("bottleneck", (3, 4, 23, 3)),
    "152": ("bottleneck", (3, 8, 36, 3)),
}  # table 1
NARROWED = 4  # times, where two thin layers stand around a 3 × 3 one


@dataclass(frozen=True)
class Settings:
    """`side` in pixels is what the network sees, `depth` its layers, `width` the channels of its stem, which are 64 in the paper.

    Every picture of a batch is turned, sized and shifted by up to `degrees`, `scale` and `shift` (shares of the side).
    """

    plan: Plan
    side: int = ranged(32, 512, default=80)
    depth: str = field(default="18", metadata={"choices": tuple(BLOCKS)})
    width: int = ranged(4, 256, default=12)
    batch: int = ranged(1, 4096, default=48)
    degrees: float = ranged(0.0, 45.0, default=8.0)
    scale: float = ranged(0.0, 1.0, default=0.1)
    shift: float = ranged(0.0, 0.5, default=0.06)
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=400, learning_rate=0.003, warmup_steps=30, decay_steps=300, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=10_000, learning_rate=0.002, warmup_steps=500, decay_steps=8000, weight_decay=0.05, bf16=True),
        side=224, depth="50", width=64, batch=128,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Always the commonest class."""
    return commonest_class(data)


def size(settings: Settings) -> Size:
    kind, depths = BLOCKS[settings.depth]
    is_narrowed = kind == "bottleneck"
    widths = [settings.width * (NARROWED if is_narrowed else 1) * 2**stage for stage in range(len(depths))]
    return resnet(settings.side, settings.width, widths, depths, is_narrowed=is_narrowed).times(settings.batch)


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> ClassifierCourse:
    kind, depths = BLOCKS[settings.depth]
    widest = NARROWED if kind == "bottleneck" else 1
    layers = {
        "layer_type": kind,
        "embedding_size": settings.width,
        "hidden_sizes": [settings.width * widest * 2**stage for stage in range(len(depths))],
        "depths": list(depths),
    }
    return ClassifierCourse(settings, layers, data, device)

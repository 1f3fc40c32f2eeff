"""Teaches a model that draws what is on one's pictures: every weight of a diffusers denoiser goes on learning.

It learns more than an adapter (`image_lora`) can, forgets more, and needs about four times the memory of its weights and more.
Text encoder and autoencoder stay as they are. What is measured, shown and exported is the average over the steps (Karras et al.
2023, arXiv 2312.02696, on what that does for denoisers); the exported folder is a pipeline of its own in the Image tab.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.training import denoiser_course
from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Kind, Pictures
from pipelines.training.denoiser_course import DenoiserCourse
from pipelines.training.plan import Plan, ranged
from pipelines.training.size import check_room
from pipelines.types.model import Task

DATA: Kind = "pictures"
METRIC = denoiser_course.METRIC
IS_BETTER = "lower"
NEEDS_MODEL = True
BASES: tuple[Task, ...] = denoiser_course.BASES
MOST_SIDE = 1024  # of one's own pictures: what is not smaller is read so large
WORDS_KEPT = 100  # of what it was told, in model.json


@dataclass(frozen=True)
class Settings:
    """`words` stand before every caption, and alone where there is none: by them is called what it learns. `side` in pixels; 0 is
    the base's own. `no_words` is the share of examples without a text, so that guidance keeps its other side. `checkpointing`
    computes again what it does not keep in memory.
    """

    plan: Plan
    words: str = ""
    side: int = ranged(0, 2048, default=0)
    no_words: float = ranged(0.0, 1.0, default=0.1)
    batch: int = ranged(1, 256, default=4)
    checkpointing: bool = False
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=150, learning_rate=0.0002, warmup_steps=10, decay_steps=100, ema_decay=0.95)),
    "gpu": Settings(
        Plan(steps=4000, learning_rate=1e-5, warmup_steps=200, decay_steps=1000, weight_decay=0.01, ema_decay=0.999, bf16=True),
        batch=8, checkpointing=True,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Nothing: what needs no learning is the base, the first row of the curve."""
    return {}


def share(settings: Settings) -> float:
    """Of the weights of a base that are trained."""
    return 1.0


def start(settings: Settings, data: Pictures, device: str, base: BaseModel) -> "FullCourse":
    return FullCourse(settings, data, device, base)


class FullCourse(DenoiserCourse):
    def __init__(self, settings: Settings, data: Pictures, device: str, base: BaseModel) -> None:
        """Raises BaseNotTrainable, NetworkTooLarge, and what loading the base raises."""
        super().__init__(settings, data, device, base, "float32")  # what is trained must not be rounded
        denoiser = self._denoising.denoiser
        check_room(denoiser.num_parameters(), device, is_loaded=True, is_averaged=settings.plan.ema_decay > 0)
        denoiser.requires_grad_(True)
        self._base = base.spec.name
        self._learn()

    def export(self, folder: Path) -> dict[str, Any]:
        """A folder that the base's pipeline reads."""
        pipe = self._denoising.pipe
        for part in (pipe, *pipe.components.values()):
            if hasattr(part, "register_to_config"):
                part.register_to_config(_name_or_path=self._base)  # and not the folder that it was read from
        pipe.save_pretrained(folder)
        wanted, said = self._defaults, sorted({*self._words} - {""})
        return {
            "words": said[:WORDS_KEPT],
            "drawing": {"steps": wanted.steps, "guidance_scale": wanted.guidance_scale},
        }

"""Teaches a model that draws what is on a few pictures: LoRA (Hu et al. 2021, arXiv 2106.09685) by peft over a diffusers denoiser.

Only two thin matrices beside each chosen layer are trained; text encoder, autoencoder and the denoiser itself stay as they
are. What is exported is a file as diffusers saves its adapters, which the Image tab lays over the base. Before the first step
the adapter changes nothing, so the first row of the curve, and the first sample, is the base itself.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors.training import BaseNotTrainable
from pipelines.training import denoiser_course
from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Kind, Pictures
from pipelines.training.denoiser_course import DenoiserCourse
from pipelines.training.plan import Plan, ranged
from pipelines.types.model import Task

DATA: Kind = "pictures"
METRIC = denoiser_course.METRIC
IS_BETTER = "lower"
NEEDS_MODEL = True
BASES: tuple[Task, ...] = denoiser_course.BASES
MOST_SIDE = 1024  # of one's own pictures: what is not smaller is read so large

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")


@dataclass(frozen=True)
class Settings:
    """`words` stand before every caption, and alone where there is none: by them the adapter is called. `side` in pixels; 0 is
    the base's own. `reach`: beside which layers it learns, those of attention or all.

    The matrices have `rank` and are added `alpha` / `rank` times. `no_words` is the share of examples without a text, so that
    guidance keeps its other side. `checkpointing` computes again what it does not keep in memory.
    """

    plan: Plan
    words: str = ""
    side: int = ranged(0, 2048, default=0)
    reach: str = field(default="all", metadata={"choices": ("all", "attention")})
    rank: int = ranged(1, 256, default=8)
    alpha: int = ranged(1, 512, default=8)
    no_words: float = ranged(0.0, 1.0, default=0.1)
    batch: int = ranged(1, 256, default=4)
    checkpointing: bool = False
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=1000, learning_rate=0.001, warmup_steps=10, decay_steps=500, ema_decay=0.0)),
    "gpu": Settings(
        Plan(steps=1500, learning_rate=0.0001, warmup_steps=50, decay_steps=500, ema_decay=0.0, bf16=True),
        reach="attention", rank=16, alpha=16, batch=4, checkpointing=True,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Nothing: what needs no learning is the base, the first row of the curve."""
    return {}


def share(settings: Settings) -> float:
    """Of the weights of a base that are trained."""
    return 0.0


def start(settings: Settings, data: Pictures, device: str, base: BaseModel) -> "AdapterCourse":
    return AdapterCourse(settings, data, device, base)


class AdapterCourse(DenoiserCourse):
    def __init__(self, settings: Settings, data: Pictures, device: str, base: BaseModel) -> None:
        """Raises BaseNotTrainable, and what loading the base raises."""
        import torch

        dtype = "bfloat16" if settings.plan.bf16 and device != "cpu" else "float32"
        super().__init__(settings, data, device, base, dtype)
        torch.manual_seed(settings.plan.seed)
        _add_adapter(self._denoising.denoiser, settings)
        self._learn()

    def _check(self, pipe: Any, base: BaseModel) -> None:
        if not hasattr(pipe, "load_lora_weights"):
            raise BaseNotTrainable(model=base.spec.name, reason="it is of a kind that takes no adapters")

    def export(self, folder: Path) -> dict[str, Any]:
        from diffusers.training_utils import _collate_lora_metadata
        from peft import get_peft_model_state_dict

        part, denoiser = self._denoising.part, self._denoising.denoiser
        layers = {f"{part}_lora_layers": get_peft_model_state_dict(denoiser)}
        self._denoising.pipe.save_lora_weights(folder, **layers, **_collate_lora_metadata({part: denoiser}))
        return {"is_adapter": True, "words": self._task.words}


def _add_adapter(denoiser: Any, settings: Settings) -> None:
    """New layers beside the chosen ones, which are all of it that is trained."""
    from diffusers.training_utils import cast_training_params
    from peft import LoraConfig

    targets = list(ATTENTION) if settings.reach == "attention" else _layers_of(denoiser)
    denoiser.add_adapter(LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=targets))
    cast_training_params(denoiser)


def _layers_of(denoiser: Any) -> list[str]:
    """Every linear layer and convolution of its blocks."""
    import torch

    return [
        name
        for name, layer in denoiser.named_modules()
        if "block" in name
        and (isinstance(layer, torch.nn.Linear) or (isinstance(layer, torch.nn.Conv2d) and layer.groups == 1))
    ]

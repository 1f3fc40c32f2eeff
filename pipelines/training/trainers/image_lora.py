"""Teaches a model that draws what is on a few pictures: LoRA (Hu et al. 2021, arXiv 2106.09685) by peft over a diffusers denoiser.

Only two thin matrices beside each chosen layer are trained; text encoder, autoencoder and the denoiser itself stay as they
are. What is exported is a file as diffusers saves its adapters, which the Image tab lays over the base. Before the first step
the adapter changes nothing, so the first row of the curve, and the first sample, is the base itself.
"""

from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors.training import BaseNotTrainable
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Kind, Pictures
from pipelines.training.denoising import LEVELS, Denoising
from pipelines.training.pictures import resized, sheet, to_model, to_tensor
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend
from pipelines.types.model import ImageDefaults, Task

if TYPE_CHECKING:
    import torch

DATA: Kind = "pictures"
METRIC = "denoising_error"
IS_BETTER = "lower"
NEEDS_MODEL = True
BASES: tuple[Task, ...] = ("text-to-image",)
MOST_SIDE = 1024  # of one's own pictures: what is not smaller is read so large

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
MEASURED = 24  # held-out pictures
TOLD_KEPT = 300  # texts
SHOWN, SHOWN_STEPS = 4, 12  # of a sample: pictures, and steps at most
SIDE_STEP = 32  # pixels: a multiple of what the denoisers ask for
USUAL = ImageDefaults(512, 512, 20, 5.0)


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
    "cpu": Settings(Plan(steps=300, learning_rate=0.001, warmup_steps=10, decay_steps=150, ema_decay=0.0)),
    "gpu": Settings(
        Plan(steps=1500, learning_rate=0.0001, warmup_steps=50, decay_steps=500, ema_decay=0.0, bf16=True),
        reach="attention", rank=16, alpha=16, batch=4, checkpointing=True,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Nothing: what needs no learning is the base, the first row of the curve."""
    return {}


def start(settings: Settings, data: Pictures, device: str, base: BaseModel) -> "AdapterCourse":
    return AdapterCourse(settings, data, device, base)


class AdapterCourse:
    def __init__(self, settings: Settings, data: Pictures, device: str, base: BaseModel) -> None:
        """Raises BaseNotTrainable, and what loading the base raises."""
        import torch

        # 1 The base, and its denoiser
        self._settings, self._device = settings, device
        if base.weights.tasks and not set(BASES) & set(base.weights.tasks):
            raise BaseNotTrainable(model=base.spec.name, reason="it draws nothing from words alone")
        pipe = base.load_pipeline(device, "bfloat16" if settings.plan.bf16 and device != "cpu" else "float32")
        if not hasattr(pipe, "load_lora_weights"):
            raise BaseNotTrainable(model=base.spec.name, reason="it is of a kind that takes no adapters")
        self._defaults = base.spec.defaults or base.weights.defaults or USUAL
        side = max(SIDE_STEP, (settings.side or self._defaults.width) // SIDE_STEP * SIDE_STEP)
        self._unit = f"latents of {base.spec.id}, {side} pixels"
        self._denoising = Denoising(pipe, base.spec.name, side)

        # 2 What is said of each picture. Latents and what the denoiser is told come to be when they are first asked for
        self._side, self._pictures, self._held_out = side, data.pictures, _in_colour(data.held_out[:MEASURED], side)
        self._background = data.background / 127.5 - 1
        words = [[_caption(settings.words, text) for text in data.words(of_held_out=held)] for held in (False, True)]
        self._words, self._held_out_words = words[0], words[1][:MEASURED]
        self._latents: dict[int, torch.Tensor] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._held_out_latents = self._denoising.encode(self._held_out)

        # 3 The adapter
        torch.manual_seed(settings.plan.seed)
        denoiser = _with_adapter(self._denoising.denoiser, settings)
        self.networks = {"denoiser": denoiser}
        self.optimisers = {"denoiser": adam(denoiser, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        task = self._settings
        chosen = torch.randint(len(self._pictures), (task.batch,)).tolist()
        is_bare = (torch.rand(task.batch) < task.no_words).tolist()
        texts = ["" if bare else self._words[place] for place, bare in zip(chosen, is_bare, strict=True)]
        clean, told = self._drawn(chosen), self._tell(texts)
        with autocast(task.plan, self._device):
            loss = self._denoising.loss(clean, told)
        return descend(loss, self.optimisers["denoiser"], task.plan, number)

    def _drawn(self, chosen: list[int]) -> "torch.Tensor":
        """The latents of these pictures, changed as was asked for; else each by itself, so that they are the same in every batch."""
        import torch

        changes = self._settings.augment
        if not any(astuple(changes)):
            for place in chosen:
                if place not in self._latents:
                    picture = self._pictures[place : place + 1]
                    self._latents[place] = self._denoising.encode(_in_colour(picture, self._side))
            return torch.cat([self._latents[place] for place in chosen])
        return self._denoising.encode(
            augmented(_in_colour(self._pictures[chosen], self._side), changes, self._background)
        )

    def evaluate(self) -> dict[str, float]:
        """Of held-out pictures, each with noise of several strengths: how wrong it is about the noise."""
        errors = self._errors()
        return {METRIC: sum(errors) / len(errors)}

    def held_out_scores(self) -> Scores:
        import torch

        torch.manual_seed(self._settings.plan.seed)
        return Scores(tuple(self._errors()), f"pictures {len(self._held_out)}", unit=self._unit)

    def _errors(self) -> list[float]:
        import torch

        noise = torch.randn(self._held_out_latents.shape)
        errors = []
        for latents, text, one in zip(self._held_out_latents, self._held_out_words, noise, strict=True):
            told = self._tell([text] * len(LEVELS))
            with autocast(self._settings.plan, self._device):  # as in training: the base may be in half precision
                errors.append(self._denoising.error(latents[None], told, one[None]))
        return errors

    def _tell(self, texts: list[str]) -> dict[str, Any]:
        """Of these texts. What was told is kept, but not of a whole library: of a large model it is megabytes a text."""
        while len(self._told) > TOLD_KEPT:
            del self._told[next(iter(self._told))]
        self._told |= {text: self._denoising.told(text) for text in dict.fromkeys(texts) if text not in self._told}
        return self._denoising.together([self._told[text] for text in texts])

    def sample(self) -> Sample:
        """Above held-out pictures, below what is drawn of their captions, always from the same noise."""
        import torch

        texts, shown = self._held_out_words[:SHOWN], self._held_out[:SHOWN]
        wanted = self._defaults
        steps = min(wanted.steps, SHOWN_STEPS)
        drawn = self._denoising.draw(texts, self._settings.plan.seed, steps, wanted.guidance_scale)
        below = to_model(to_tensor([picture.convert("RGB") for picture in drawn]))
        return Sample(sheet(torch.cat([shown, below]), columns=len(shown)), tuple(texts))

    def export(self, folder: Path) -> dict[str, Any]:
        from diffusers.training_utils import _collate_lora_metadata
        from peft import get_peft_model_state_dict

        part, denoiser = self._denoising.part, self._denoising.denoiser
        layers = {f"{part}_lora_layers": get_peft_model_state_dict(denoiser)}
        self._denoising.pipe.save_lora_weights(folder, **layers, **_collate_lora_metadata({part: denoiser}))
        return {"is_adapter": True, "words": self._settings.words}


def _with_adapter(denoiser: Any, settings: Settings) -> Any:
    """`denoiser` with new layers beside the chosen ones, which are all of it that is trained."""
    from diffusers.training_utils import cast_training_params
    from peft import LoraConfig

    targets = list(ATTENTION) if settings.reach == "attention" else _layers_of(denoiser)
    denoiser.add_adapter(LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=targets))
    cast_training_params(denoiser)
    if settings.checkpointing:
        denoiser.enable_gradient_checkpointing()
    return denoiser


def _layers_of(denoiser: Any) -> list[str]:
    """Every linear layer and convolution of its blocks."""
    import torch

    return [
        name
        for name, layer in denoiser.named_modules()
        if "block" in name
        and (isinstance(layer, torch.nn.Linear) or (isinstance(layer, torch.nn.Conv2d) and layer.groups == 1))
    ]


def _caption(words: str, said: str) -> str:
    return ", ".join(filter(None, [words.strip(), said.strip()]))


def _in_colour(pictures: "torch.Tensor", side: int) -> "torch.Tensor":
    """(n, 3, side, side) floats -1 … 1."""
    return resized(to_model(pictures), side).expand(-1, 3, -1, -1)

"""What the trainers of models that draw have in common: a denoiser of diffusers goes on learning from captioned pictures.

Text encoder and autoencoder stay as they are. What of the denoiser is trained, and what is exported, its trainer says. The first
row of the curve, and the first sample, is the base itself.
"""

from dataclasses import astuple
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.errors.training import BaseNotTrainable
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Pictures
from pipelines.training.denoising import LEVELS, Denoising
from pipelines.training.pictures import resized, sheet, to_model, to_tensor
from pipelines.training.plan import Plan
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend
from pipelines.types.model import ImageDefaults, Task

if TYPE_CHECKING:
    import torch

BASES: tuple[Task, ...] = ("text-to-image",)
METRIC = "denoising_error"
MEASURED = 24  # held-out pictures
TOLD_KEPT = 300  # texts
SHOWN, SHOWN_STEPS = 4, 12  # of a sample: pictures, and steps at most
SIDE_STEP = 32  # pixels: a multiple of what the denoisers ask for
USUAL = ImageDefaults(512, 512, 20, 5.0)


class Settings(Protocol):
    """`words` stand before every caption, and alone where there is none: by them is called what was learnt. `side` in pixels; 0 is
    the base's own. `no_words` is the share of examples without a text, so that guidance keeps its other side. `checkpointing`
    computes again what it does not keep in memory.
    """

    @property
    def plan(self) -> Plan: ...
    @property
    def words(self) -> str: ...
    @property
    def side(self) -> int: ...
    @property
    def no_words(self) -> float: ...
    @property
    def batch(self) -> int: ...
    @property
    def checkpointing(self) -> bool: ...
    @property
    def augment(self) -> PictureChanges: ...


class DenoiserCourse:
    """Whoever derives from it sets the denoiser to learning, then calls `_learn`, and has an `export`."""

    def __init__(self, settings: Settings, data: Pictures, device: str, base: BaseModel, dtype: str) -> None:
        """`dtype` is that of the base. Raises BaseNotTrainable, and what loading the base raises."""
        import torch

        # 1 The base, and its denoiser
        self._task, self._device = settings, device
        if base.weights.tasks and not set(BASES) & set(base.weights.tasks):
            raise BaseNotTrainable(model=base.spec.name, reason="it draws nothing from words alone")
        pipe = base.load_pipeline(device, dtype)
        self._check(pipe, base)
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

    def _check(self, pipe: Any, base: BaseModel) -> None:
        """Raises BaseNotTrainable for a pipeline of which nothing could be exported."""

    def _learn(self) -> None:
        """What of the denoiser asks for gradients is trained from now on."""
        denoiser = self._denoising.denoiser
        if self._task.checkpointing:
            denoiser.enable_gradient_checkpointing()
        self.networks = {"denoiser": denoiser}
        self.optimisers = {"denoiser": adam(denoiser, self._task.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        task = self._task
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

        changes = self._task.augment
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

        torch.manual_seed(self._task.plan.seed)
        return Scores(tuple(self._errors()), f"pictures {len(self._held_out)}", unit=self._unit)

    def _errors(self) -> list[float]:
        import torch

        noise = torch.randn(self._held_out_latents.shape)
        errors = []
        for latents, text, one in zip(self._held_out_latents, self._held_out_words, noise, strict=True):
            told = self._tell([text] * len(LEVELS))
            with autocast(self._task.plan, self._device):  # as in training: the base may be in half precision
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
        drawn = self._denoising.draw(texts, self._task.plan.seed, steps, wanted.guidance_scale)
        below = to_model(to_tensor([picture.convert("RGB") for picture in drawn]))
        return Sample(sheet(torch.cat([shown, below]), columns=len(shown)), tuple(texts))


def _caption(words: str, said: str) -> str:
    return ", ".join(filter(None, [words.strip(), said.strip()]))


def _in_colour(pictures: "torch.Tensor", side: int) -> "torch.Tensor":
    """(n, 3, side, side) floats -1 … 1."""
    return resized(to_model(pictures), side).expand(-1, 3, -1, -1)

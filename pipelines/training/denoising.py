"""A diffusers pipeline as something to train: what its denoiser is told of a text, its latents, its noise and its loss.

No kind of model is known here. The pipeline is let run up to its first call of the denoiser: with what it calls it then, it is
called in training, too. So Stable Diffusion 1, 2, XL and 3, FLUX.1, Sana and whatever is built like them are one. It
knows the two ways of making noise: the variance-preserving one (Ho et al. 2020, arXiv 2006.11239; velocities: Salimans & Ho
2022, arXiv 2202.00512) and rectified flow (Lipman et al. 2022, arXiv 2210.02747; drawn as Esser et al. 2024, arXiv
2403.03206). What is trained of the denoiser the trainer says.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.diffusion.latents import latents_of
from pipelines.errors.training import BaseNotTrainable

if TYPE_CHECKING:
    import torch
    from PIL import Image

AUTOENCODERS = ("AutoencoderKL", "AutoencoderDC")  # one picture in, one map of channels out
ENCODED_AT_ONCE = 8
LEVELS = (0.15, 0.35, 0.55, 0.75, 0.95)  # of noise, on which a denoiser is measured
PROBES = 2  # calls of the denoiser that tell how it counts time
STEPS = 4  # of a pipeline that is only asked for those


class Caught(Exception):
    """Ends a pipeline's call when its denoiser was called often enough."""


@dataclass(frozen=True)
class Call:
    """One call of a denoiser: its latents, the time as it is told, and everything else by name."""

    latents: "torch.Tensor"
    time: "torch.Tensor"
    rest: dict[str, Any]


class Denoising:
    """`pipe` at `side` × `side` pixels. Its denoiser is `denoiser`, the component named `part`."""

    def __init__(self, pipe: Any, name: str, side: int) -> None:
        """Raises BaseNotTrainable for a pipeline that is called in another way than those above."""
        self.pipe, self._name, self._side = pipe, name, side
        self.part = "unet" if getattr(pipe, "unet", None) is not None else "transformer"
        self.denoiser: Any = getattr(pipe, self.part, None)
        vae = getattr(pipe, "vae", None)
        if self.denoiser is None or vae is None:
            raise self._refusal("it has no denoiser of latents")
        if type(vae).__name__ not in AUTOENCODERS:
            raise self._refusal(f"its autoencoder is a {type(vae).__name__}, and {AUTOENCODERS[0]} is known here")
        for part in pipe.components.values():
            if hasattr(part, "requires_grad_"):
                part.requires_grad_(False)
        if not _Schedule.reads(pipe.scheduler):
            raise self._refusal(f"its noise is that of {type(pipe.scheduler).__name__}")
        self._schedule = _Schedule(pipe.scheduler)
        self._names = list(inspect.signature(self.denoiser.forward).parameters)
        self._time_factor, self._shape = self._probe()

    # ── what is learnt from ──────────────────────────────────────────────────────────────────────────────────────────

    def told(self, text: str) -> dict[str, Any]:
        """What the denoiser is told of `text`, besides latents and time; on the CPU, where there is room for many."""
        rest: dict[str, Any] = _moved(self._calls(text, count=1, calls=1)[0].rest, "cpu")
        return rest

    def together(self, told: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Of several texts as of one batch, where the denoiser is: what each has is stacked, what all share is there once."""
        together: dict[str, Any] = _moved(_stacked(list(told), self._shared), self.denoiser.device)
        return together

    def encode(self, pictures: "torch.Tensor") -> "torch.Tensor":
        """Latents as the denoiser gets them, of (n, 3, side, side) floats -1 … 1. Raises BaseNotTrainable."""
        import torch

        vae, parts = self.pipe.vae, []
        with torch.no_grad():
            for part in pictures.split(ENCODED_AT_ONCE):
                latents = latents_of(vae, part.to(vae.device, vae.dtype))
                if hasattr(self.pipe, "_pack_latents"):
                    latents = self.pipe._pack_latents(latents, *latents.shape)
                parts.append(latents.float().cpu())
        found = torch.cat(parts)
        if found.shape[1:] != self._shape:
            raise self._refusal("its latents are not those of its autoencoder alone")
        return found

    # ── how well it denoises ─────────────────────────────────────────────────────────────────────────────────────────

    def loss(self, clean: "torch.Tensor", told: dict[str, Any]) -> "torch.Tensor":
        """Mean squared error on `clean` with a noise of any level, both drawn from torch's global generator."""
        import torch

        return self._loss_at(clean, told, self._schedule.draw(len(clean)), torch.randn(clean.shape))

    def error(self, clean: "torch.Tensor", told: dict[str, Any], noise: "torch.Tensor") -> float:
        """The same of one picture at all LEVELS of this noise; `told` is as for so many."""
        import torch

        together = [one.expand(len(LEVELS), *one.shape[1:]) for one in (clean, noise)]
        return self._loss_at(together[0], told, torch.tensor(LEVELS), together[1]).item()

    def _loss_at(
        self, clean: "torch.Tensor", told: dict[str, Any], level: "torch.Tensor", noise: "torch.Tensor"
    ) -> "torch.Tensor":
        import torch

        noisy, wanted, time = self._schedule.noised(clean, noise, level)
        device = self.denoiser.device
        asked = {**told, self._names[0]: noisy.to(device), "timestep": (time * self._time_factor).to(device)}
        made = self.denoiser(**asked, return_dict=False)[0][:, : wanted.shape[1]]  # some also say how sure they are
        return torch.nn.functional.mse_loss(made.float(), wanted.to(device))

    # ── what it makes ────────────────────────────────────────────────────────────────────────────────────────────────

    def draw(self, texts: Sequence[str], seed: int, steps: int, guidance: float) -> "list[Image.Image]":
        """A picture of each text, all from the noise of `seed`, as the Image tab would draw it."""
        import torch

        generators = [torch.Generator().manual_seed(seed) for _ in texts]
        return list(self._run(list(texts), num_inference_steps=steps, guidance_scale=guidance, generator=generators))

    # ── the pipeline at work ─────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, prompt: str | list[str], **wanted: Any) -> Any:
        taken = inspect.signature(self.pipe.__call__).parameters
        values: dict[str, Any] = {
            "height": self._side,
            "width": self._side,
            "use_resolution_binning": False,
            "clean_caption": False,
        }
        values |= {"prompt": prompt, **wanted}
        return self.pipe(**{name: value for name, value in values.items() if name in taken}).images

    def _calls(self, text: str, count: int, calls: int) -> list[Call]:
        """The first `calls` calls of the denoiser on the way to `count` pictures of `text`."""
        import torch

        found: list[Call] = []

        def catch(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
            rest = {**dict(zip(self._names, args, strict=False)), **given}
            rest.pop("return_dict", None)
            latents, time = rest.pop(self._names[0]), rest.pop("timestep", None)
            if not torch.is_tensor(latents) or time is None:
                raise self._refusal("its denoiser is called in a way that is not known here")
            found.append(Call(latents, torch.as_tensor(time), rest))
            if len(found) == calls:
                raise Caught

        hook = self.denoiser.register_forward_pre_hook(catch, with_kwargs=True)
        generator = torch.Generator().manual_seed(0)
        try:
            with torch.no_grad():
                numbers = {"num_inference_steps": STEPS, "guidance_scale": 1.0, "num_images_per_prompt": count}
                self._run(text, generator=generator, **numbers)
        except Caught:
            pass
        finally:
            hook.remove()
        return found

    def _probe(self) -> "tuple[float, torch.Size]":
        """By what its clock runs faster than its schedule's, and the shape of its latents. Raises BaseNotTrainable."""
        calls = self._calls("", count=1, calls=PROBES)
        told = [float(call.time.flatten()[0]) for call in calls]
        times = [float(time) for time in self.pipe.scheduler.timesteps[:PROBES]]
        factors = [one / other for one, other in zip(told, times, strict=True)]
        if not 0 < factors[0] < 2 or abs(factors[1] - factors[0]) > 0.01 * factors[0]:
            raise self._refusal("its time runs the other way")
        self._shared = _shared(calls[0].rest, self._calls("", count=2, calls=1)[0].rest)
        return factors[0], calls[0].latents.shape[1:]

    def _refusal(self, reason: str) -> BaseNotTrainable:
        return BaseNotTrainable(model=self._name, reason=reason)


# ── noise ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Schedule:
    """How a scheduler of diffusers mixes pictures and noise, by its settings. A level is 0 for a picture, 1 for noise."""

    def __init__(self, scheduler: Any) -> None:
        from diffusers import DDPMScheduler

        config = scheduler.config
        self._steps = config.num_train_timesteps
        self._shift = float(config.get("shift") or config.get("flow_shift") or 1.0)
        self._is_flow = _is_flow(scheduler)
        self._kind = config.get("prediction_type") or "epsilon"
        self._noise = None if self._is_flow else DDPMScheduler.from_config(config)

    @staticmethod
    def reads(scheduler: Any) -> bool:
        """Whether this is one of the two ways."""
        is_known = scheduler.config.get("prediction_type", "epsilon") in ("epsilon", "v_prediction", "sample")
        return _is_flow(scheduler) or ("beta_schedule" in scheduler.config and is_known)

    def draw(self, count: int) -> "torch.Tensor":
        """(count,) levels: all alike, or of a flow the middle ones more often, moved as the scheduler moves them."""
        import torch

        if not self._is_flow:
            return torch.rand(count)
        level = torch.randn(count).sigmoid()
        return self._shift * level / (1 + (self._shift - 1) * level)

    def noised(
        self, clean: "torch.Tensor", noise: "torch.Tensor", level: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """(what the denoiser gets, what it should answer, the time)."""
        if self._noise is None:
            share = level.view(-1, *[1] * (clean.dim() - 1))
            return (1 - share) * clean + share * noise, noise - clean, level * self._steps
        time = (level * self._steps).long().clamp(max=self._steps - 1)
        wanted = {"epsilon": noise, "sample": clean}.get(self._kind)
        if wanted is None:
            wanted = self._noise.get_velocity(clean, noise, time)
        return self._noise.add_noise(clean, noise, time), wanted, time


def _is_flow(scheduler: Any) -> bool:
    config = scheduler.config
    is_named = type(scheduler).__name__.startswith("FlowMatch")
    return bool(is_named or config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction")


# ── what a denoiser is told ───────────────────────────────────────────────────────────────────────────────────────────


def _shared(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Which of its values a batch has once, by comparing a call for one picture with a call for two."""
    import torch

    found: dict[str, Any] = {}
    for name, value in one.items():
        if isinstance(value, dict):
            found[name] = _shared(value, two[name])
        elif torch.is_tensor(value):
            found[name] = value.shape == two[name].shape
        else:
            found[name] = True
    return found


def _stacked(told: list[dict[str, Any]], shared: dict[str, Any]) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {}
    for name, value in told[0].items():
        if isinstance(value, dict):
            found[name] = _stacked([one[name] for one in told], shared[name])
        else:
            found[name] = value if shared[name] else torch.cat([one[name] for one in told])
    return found


def _moved(told: Any, device: Any) -> Any:
    """With every tensor on `device`."""
    import torch

    if isinstance(told, dict):
        return {name: _moved(value, device) for name, value in told.items()}
    return told.to(device) if torch.is_tensor(told) else told

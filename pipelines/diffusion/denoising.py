"""Stands between a diffusers pipeline and its scheduler, and so is there at every denoising step of every pipeline.

All pipelines of diffusers call `scheduler.step` once a step, while their callbacks differ or are missing. Here a step is
counted, what the picture would be without its noise is estimated for a look, and where wanted the latents of another
picture are mixed in. It knows latents and no words, no model family and no page.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from pipelines.types.image import OnStep


@dataclass(frozen=True)
class Blend:
    """Holds latents to those of a given picture where `mask` is 0, and everywhere for the first `held_share` of the steps.

    `latents` (n, c, h, w) are the picture's own, `noise` the same shape, `mask` (1, 1, h, w) in 0 … 1. So a model that
    knows only words can start from a picture (Meng et al. 2021, https://arxiv.org/abs/2108.01073) and paint within a mask
    (Avrahami et al. 2022, https://arxiv.org/abs/2206.02779).
    """

    latents: Any
    noise: Any
    mask: Any
    held_share: float


class Watched:
    """A scheduler whose steps are watched: `scheduler` is to be given to the pipeline."""

    def __init__(
        self,
        scheduler: Any,
        on_step: OnStep,
        look: Callable[[Any], Any],
        make_blend: Callable[[Any], Blend] | None = None,
    ) -> None:
        """`look` turns clean latents into a picture; `make_blend` gets the first latents and says what to mix in."""
        self.scheduler = scheduler
        self.steps_done = 0
        self._on_step = on_step
        self._look = look
        self._make_blend = make_blend
        self._blend: Blend | None = None
        self._total = 0
        self._step = scheduler.step
        scheduler.step = self._wrapped()

    def _wrapped(self) -> Callable[..., Any]:
        signature = inspect.signature(self._step)

        @wraps(self._step)  # pipelines look at its signature
        def step(*args: Any, **kwargs: Any) -> Any:
            # 1 The scheduler's own step
            wants_dict = kwargs.pop("return_dict", True)
            given = signature.bind(*args, **kwargs).arguments
            model_output, timestep, sample = (given[name] for name in ("model_output", "timestep", "sample"))
            sigma = self._sigma()
            output = self._step(*args, **kwargs, return_dict=True)
            if isinstance(output, tuple):  # some give no dict, whatever they are asked for
                output = dict(zip(("prev_sample", "pred_original_sample"), output, strict=False))
            self._count(timestep)

            # 2 The other picture, at the noise that is left
            if self._make_blend is not None:
                output["prev_sample"] = self._mixed(output["prev_sample"])

            # 3 Tell about it
            self._on_step(
                self.steps_done,
                max(self._total, self.steps_done),
                lambda: self._look(self._clean(output, model_output, timestep, sample, sigma)),
            )
            return output if wants_dict else tuple(output.values())

        return step

    def _count(self, timestep: Any) -> None:
        """A run from a picture begins somewhere down the list of timesteps."""
        if not self.steps_done:
            timesteps = self.scheduler.timesteps
            at = (timesteps == timestep).nonzero()
            self._total = len(timesteps) - (int(at[0]) if len(at) else 0)
        self.steps_done += 1

    def _mixed(self, latents: Any) -> Any:
        if self._make_blend is None:
            return latents
        if self._blend is None:
            self._blend = self._make_blend(latents)
        blend, left = self._blend, self._total - self.steps_done
        if left <= 0:
            given = blend.latents
        else:
            given = self._noised(blend, self.scheduler.timesteps[len(self.scheduler.timesteps) - left])
        if self.steps_done < round(self._total * blend.held_share):
            return given.to(latents.dtype)
        return (blend.mask * latents + (1 - blend.mask) * given).to(latents.dtype)

    def _noised(self, blend: Blend, timestep: Any) -> Any:
        times = timestep.reshape(1).repeat(len(blend.latents))
        if hasattr(self.scheduler, "scale_noise"):
            return self.scheduler.scale_noise(blend.latents, times, blend.noise)
        return self.scheduler.add_noise(blend.latents, blend.noise, times)

    def _sigma(self) -> Any:
        """The noise level before a step, of a scheduler that counts in sigmas."""
        sigmas, index = getattr(self.scheduler, "sigmas", None), getattr(self.scheduler, "step_index", None)
        return None if sigmas is None else sigmas[index or 0]

    def _clean(self, output: Any, model_output: Any, timestep: Any, sample: Any, sigma: Any) -> Any:
        """The latents as they would be without their noise, by what the model has just said; at worst with it."""
        # 1 The scheduler says so itself
        for name in ("pred_original_sample", "denoised"):
            if output.get(name) is not None:
                return output[name]
        known = getattr(self.scheduler, "model_outputs", None)
        config = self.scheduler.config
        says_clean = config.get("algorithm_type") in ("dpmsolver++", "sde-dpmsolver++") or config.get("predict_x0")
        if says_clean and known and known[-1] is not None:
            return known[-1]

        # 2 Flow matching: x = (1 − σ)·clean + σ·noise and v = noise − clean
        if hasattr(self.scheduler, "scale_noise") and sigma is not None:
            return sample - sigma * model_output

        # 3 Noise prediction: x = √ᾱ·clean + √(1 − ᾱ)·ε
        alphas = getattr(self.scheduler, "alphas_cumprod", None)
        if alphas is not None and sigma is None and model_output.shape == sample.shape:
            alpha = alphas[int(timestep)]
            if config.get("prediction_type") == "v_prediction":
                return alpha**0.5 * sample - (1 - alpha) ** 0.5 * model_output
            return (sample - (1 - alpha) ** 0.5 * model_output) / alpha**0.5
        return output["prev_sample"]

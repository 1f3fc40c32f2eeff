"""Image models by diffusers: any folder with a model_index.json, single files, LoRA adapters; from words, pictures, masks.

Every call gets a pipeline and a scheduler of its own over the shared weights, so calls do not disturb each other and a
task costs no second copy. What a pipeline takes is asked of its signature, and which class does a task of diffusers' own
tables; where there is no class for it, the picture is mixed into the latents instead (see pipelines/diffusion/denoising.py).
"""

import inspect
from math import ceil
from pathlib import Path
from typing import Any

from pipelines.diffusion.calling import assemble, is_refusal
from pipelines.diffusion.denoising import Blend, Watched
from pipelines.diffusion.latents import latents_of
from pipelines.diffusion.previews import LinearPreview
from pipelines.diffusion.reading import Reading
from pipelines.diffusion.schedulers import find_scheduler
from pipelines.errors.models import DrawingRefused, SchedulerMismatch
from pipelines.loading.diffusion import load_pipeline, modules_of
from pipelines.loading.diffusion_adapters import lay_over
from pipelines.loading.inspection.diffusers_classes import FILMS, Base, class_for, find_class, makes_sound
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.image import Drawing, ImageTask, OnStep
from pipelines.types.model import ImageDefaults, ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"text-to-image", "image-to-image", "inpaint", "outpaint", "edit", "upscale"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = True

BASE: dict[ImageTask, Base] = {
    "text-to-image": "text-to-image",
    "image-to-image": "image-to-image",
    "edit": "image-to-image",
    "inpaint": "inpaint",
    "outpaint": "inpaint",
}
USUAL_DEFAULTS = ImageDefaults(1024, 1024, 30, 5.0)
NUMBERS_PER_PIXEL = 3 * 128  # the last block of the usual decoder: 128 channels, its input, its output and one between


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    is_other = any(name in FILMS or makes_sound(name) for name in architectures)
    return file_format in ("diffusers", "checkpoint") and not is_other


def forecast(weights: Weights, place: Place) -> Forecast:
    """The weights of all components, and what it takes to decode a picture of the model's own size."""
    defaults = weights.defaults or USUAL_DEFAULTS
    working = defaults.width * defaults.height * NUMBERS_PER_PIXEL * BYTES_OF[place.dtype]
    return Forecast(weights_bytes(weights.parameters, place), int(working))


def forms(weights: Weights) -> tuple[Form, ...]:
    """A single file is unpacked whole: it cannot be quantised on the way."""
    return ("half", "offload") if weights.file_format == "checkpoint" else ("half", "int8", "int4", "offload")


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "DiffusionModel":
    """Raises UnsupportedModel, ModelDamaged, UnsafeModel, AdapterMismatch, or what says that memory ran out."""
    pipe = load_pipeline(spec, weights, place, on_event)
    for adapter, path in adapters:
        lay_over(pipe, spec, adapter, path)
    return DiffusionModel(pipe, spec, weights.defaults or USUAL_DEFAULTS, place)


class DiffusionModel(Networks):
    """A loaded model. Its weights are only read, so `draw` may be called from several threads.

    `side_multiple` is what width and height must be multiples of, in pixels.
    """

    most_upscaled_pixels = 512 * 512  # the denoiser works on as many latents, and its memory grows with their square

    def __init__(self, pipe: Any, spec: ModelSpec, defaults: ImageDefaults, place: Place) -> None:
        super().__init__(place, *modules_of(pipe))
        self.defaults = defaults
        self.side_multiple = _side_multiple(pipe)
        self._pipe = pipe
        self._name = spec.name
        self._preview = LinearPreview(pipe)

    def takes(self, task: ImageTask) -> frozenset[str]:
        """Which settings of an ImageRequest have a meaning for `task`."""
        taken = set(inspect.signature(self._plan(task)[0].__call__).parameters)
        names = {"num_inference_steps": "steps", "true_cfg_scale": "guidance_scale"}
        named = {names.get(name, name) for name in taken}
        if taken & {"num_images_per_prompt", "batch_size"} and task == "text-to-image":
            named.add("count")
        return frozenset(named | {"steps", "scheduler"})

    def draw(self, drawing: Drawing, on_step: OnStep) -> list[Any]:
        """PIL pictures in RGB, one for each seed; None for one that the model's safety checker withheld.

        Raises SchedulerMismatch, DrawingRefused, and what `on_step` raises.
        """
        # 1 A pipeline, a scheduler and tokenizers for this call
        request, reading = drawing.request, Reading(drawing.request.prompt)
        cls, is_blended = self._plan(request.task)
        chosen = self._scheduler(request.scheduler) if request.scheduler else None
        pipe = assemble(self._pipe, cls, reading, chosen)

        # 2 Be there at every step
        def look(latents: Any) -> Any:
            return self._preview.picture(latents, request.width or 0, request.height or 0)

        def blend(latents: Any) -> Blend:
            return _blend(pipe, drawing, latents)

        Watched(pipe.scheduler, on_step, look, blend if is_blended else None)
        prior = getattr(pipe, "prior_scheduler", None)
        if prior is not None:
            Watched(prior, lambda done, total, look: on_step(0, 0, lambda: None), look)

        # 3 Denoise and decode
        try:
            output = pipe(**_arguments(pipe, drawing))
        except ValueError as error:
            if not is_refusal(error):
                raise
            reason = " ".join(str(error).split())[:160]
            raise DrawingRefused(model=self._name, reason=reason) from error
        drawing.on_unread(reading.unread)
        withheld = getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)
        return [None if is_bad else image for image, is_bad in zip(output.images, withheld, strict=True)]

    def _plan(self, task: ImageTask) -> tuple[Any, bool]:
        """(the class that does `task`, whether the picture has to be mixed in because it takes none)."""
        import diffusers

        own = type(self._pipe).__name__
        wants = {"image-to-image": "strength", "inpaint": "mask_image", "outpaint": "mask_image"}.get(task, "")
        base = BASE.get(task)
        for name in (class_for(own, base) if base else None, own):
            found = find_class(name) if name else None
            if name and found is not None and (not wants or wants in found.takes):
                return getattr(diffusers, name), False
        return getattr(diffusers, class_for(own, "text-to-image") or own), True

    def _scheduler(self, name: str) -> Any:
        """A new scheduler by a person's name for it, with the noise levels that this model was trained on."""
        import diffusers

        own, chosen = self._pipe.scheduler, find_scheduler(name)
        is_flow = hasattr(own, "scale_noise") or own.config.get("prediction_type") == "flow_prediction"
        if chosen is None or chosen.is_flow != is_flow:
            raise SchedulerMismatch(scheduler=name, model=self._name)
        return getattr(diffusers, chosen.class_name).from_config(own.config, **chosen.settings)


# ── from a drawing to a call ──────────────────────────────────────────────────────────────────────────────────────────


def _arguments(pipe: Any, drawing: Drawing) -> dict[str, Any]:
    """What of the drawing `pipe` takes, by the names of its signature."""
    import torch

    # 1 The same names everywhere
    request, count = drawing.request, len(drawing.seeds)
    taken = inspect.signature(pipe.__call__).parameters
    width, height = request.width or 0, request.height or 0
    values: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or None,
        "image": drawing.image,
        "mask_image": drawing.mask,
        "width": width,
        "height": height,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "num_images_per_prompt": count,
        "batch_size": count,
        "generator": [torch.Generator().manual_seed(seed) for seed in drawing.seeds],
        # what is asked for is drawn: no other size, no other words
        "use_resolution_binning": False,
        "_auto_resize": False,
        "max_area": width * height,
        "clean_caption": False,
    }

    # 2 Guidance by a second, negative pass has another name where the model also has a guidance of its own
    if "true_cfg_scale" in taken and ("guidance_scale" not in taken or taken["guidance_scale"].default is None):
        values["true_cfg_scale"] = values.pop("guidance_scale")
        values["negative_prompt"] = request.negative_prompt or " "

    # 3 From a picture only a part of the steps is done, and that must be one at least
    if "strength" in taken:
        values["strength"] = request.strength
        values["num_inference_steps"] = max(request.steps or 1, ceil(1 / request.strength))
    return {name: value for name, value in values.items() if name in taken and value is not None}


def _blend(pipe: Any, drawing: Drawing, latents: Any) -> Blend:
    """The given picture as latents like `latents`, with the very noise that the pipeline began with."""
    import numpy
    import torch
    from diffusers.utils.torch_utils import randn_tensor

    # 1 The picture as latents of the denoiser
    vae = pipe.vae
    pixels = torch.from_numpy(numpy.asarray(drawing.image, dtype=numpy.float32) / 127.5 - 1)
    with torch.no_grad():
        clean = latents_of(vae, pixels.permute(2, 0, 1).unsqueeze(0).to(vae.device, vae.dtype))
    clean = clean.to(latents).repeat(len(latents), 1, 1, 1)

    # 2 Its noise and its mask
    generators = [torch.Generator().manual_seed(seed) for seed in drawing.seeds]
    noise = randn_tensor(clean.shape, generator=generators, device=clean.device, dtype=clean.dtype)
    mask = torch.ones(1, 1, *clean.shape[2:])
    if drawing.mask is not None:
        painted = torch.from_numpy(numpy.asarray(drawing.mask, dtype=numpy.float32) / 255)
        mask = torch.nn.functional.adaptive_max_pool2d(painted[None, None], clean.shape[2:])
    return Blend(clean, noise, mask.to(clean), 1 - drawing.request.strength)


# ── what a pipeline is ────────────────────────────────────────────────────────────────────────────────────────────────


def _side_multiple(pipe: Any) -> int:
    """Pixels of one latent, times the latents that the denoiser takes together."""
    scale = getattr(pipe, "vae_scale_factor", None) or getattr(pipe, "movq_scale_factor", None) or 8
    denoiser = getattr(pipe, "transformer", None)
    config = denoiser.config if denoiser is not None else {}
    patch = config.get("patch_size") or config.get("all_patch_size") or 1
    patch = max(patch) if isinstance(patch, list | tuple) else patch
    return int(scale * max(patch, 2 if hasattr(pipe, "_pack_latents") else 1))

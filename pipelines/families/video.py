"""Video models by diffusers: Wan, LTX, CogVideoX and AnimateDiff, from words or from a picture that begins to move.

Which class a folder is made for stands in its model_index.json; where its weights do both tasks, the class of the task is put over
them. Every call gets a pipeline and a scheduler of its own over the shared weights. Knows no page and no film file.
"""

import inspect
from pathlib import Path
from typing import Any

from pipelines.diffusion.calling import assemble, is_refusal
from pipelines.diffusion.denoising import Watched
from pipelines.diffusion.previews import LinearPreview
from pipelines.diffusion.reading import Reading
from pipelines.errors.models import DrawingRefused
from pipelines.loading.diffusion import load_pipeline, modules_of
from pipelines.loading.inspection.diffusers_classes import FILMS
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.types.adapter import Adapter
from pipelines.types.events import OnEvent
from pipelines.types.image import OnStep
from pipelines.types.model import ImageDefaults, ModelSpec, Task
from pipelines.types.video import Shot, VideoRequest, VideoTask

TASKS: frozenset[Task] = frozenset({"text-to-video", "image-to-video"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

CLASSES: dict[tuple[str, VideoTask], str] = {
    ("LTXPipeline", "image-to-video"): "LTXImageToVideoPipeline",
    ("LTXImageToVideoPipeline", "text-to-video"): "LTXPipeline",
}  # of weights that do more than their own class does
USUAL_DEFAULTS = ImageDefaults(832, 480, 50, 5.0, 81, 16.0)
NUMBERS_PER_PIXEL = 3 * 128  # of the last block of a decoder, as for pictures
AT_ONCE_PIXELS, AT_ONCE_FRAMES = 512 * 512, 16  # what is decoded together, in tiles


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "diffusers" and any(name in FILMS for name in architectures)


def forecast(weights: Weights, place: Place) -> Forecast:
    """The weights of all components, a part of the film on its way through the decoder, and the film itself."""
    defaults = weights.defaults or USUAL_DEFAULTS
    pixels = defaults.width * defaults.height
    decoding = min(pixels, AT_ONCE_PIXELS) * min(defaults.frames, AT_ONCE_FRAMES) * NUMBERS_PER_PIXEL
    film = pixels * defaults.frames * 3 * 4
    return Forecast(weights_bytes(weights.parameters, place), int(decoding * BYTES_OF[place.dtype] + film))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half", "int8", "int4", "offload")


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "VideoModel":
    """Raises UnsupportedModel, ModelDamaged, UnsafeModel, or what says that memory ran out."""
    pipe = load_pipeline(spec, weights, place, on_event)
    return VideoModel(pipe, spec, weights.defaults or USUAL_DEFAULTS, place)


class VideoModel(Networks):
    """A loaded model. Its weights are only read, so `film` may be called from several threads.

    Width and height must be multiples of `side_multiple` pixels, the number of frames one of `frame_multiple`, and one more, and
    at most `most_frames` (0: there is no bound).
    """

    def __init__(self, pipe: Any, spec: ModelSpec, defaults: ImageDefaults, place: Place) -> None:
        super().__init__(place, *modules_of(pipe))
        self.defaults = defaults
        self.side_multiple = _side_multiple(pipe)
        self.frame_multiple = _frame_multiple(pipe)
        self.most_frames = _most_frames(pipe)
        self._pipe = pipe
        self._name = spec.name
        self._preview = LinearPreview(pipe)

    def film(self, shot: Shot, on_step: OnStep) -> list[Any]:
        """The frames, PIL pictures in RGB. Raises DrawingRefused, and what `on_step` raises."""
        import diffusers

        # 1 A pipeline, a scheduler and tokenizers for this call
        request, reading = shot.request, Reading(shot.request.prompt)
        own = type(self._pipe).__name__
        cls = getattr(diffusers, CLASSES.get((own, request.task), own))
        pipe = assemble(self._pipe, cls, reading)

        # 2 Be there at every step
        Watched(pipe.scheduler, on_step, lambda latents: self._look(pipe, request, latents))

        # 3 Denoise and decode
        try:
            frames = pipe(**self._arguments(pipe, shot)).frames[0]
        except ValueError as error:
            if not is_refusal(error):
                raise
            reason = " ".join(str(error).split())[:160]
            raise DrawingRefused(model=self._name, reason=reason) from error
        shot.on_unread(reading.unread)
        return [frame.convert("RGB") for frame in frames]

    def _arguments(self, pipe: Any, shot: Shot) -> dict[str, Any]:
        """What of the shot `pipe` takes, by the names of its signature."""
        import torch

        request = shot.request
        values: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "image": shot.image,
            "width": request.width,
            "height": request.height,
            "num_frames": request.frames,
            "frame_rate": self.defaults.frame_rate,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "output_type": "pil",
            "generator": torch.Generator().manual_seed(request.seed or 0),
        }
        taken = inspect.signature(pipe.__call__).parameters
        return {name: value for name, value in values.items() if name in taken and value is not None}

    def _look(self, pipe: Any, request: VideoRequest, latents: Any) -> Any:
        """The middle of the film as a small picture, or None."""
        width, height = request.width or 0, request.height or 0
        if latents.ndim == 3:  # packed: a line of patches
            patch, patch_time = pipe.transformer_spatial_patch_size, pipe.transformer_temporal_patch_size
            frames = ((request.frames or 1) - 1) // self.frame_multiple + 1
            rows, columns = (side // pipe.vae_spatial_compression_ratio for side in (height, width))
            latents = pipe._unpack_latents(latents, frames, rows, columns, patch, patch_time)
        if latents.ndim != 5:
            return None
        channels = pipe.vae.config.get("latent_channels") or pipe.vae.config.get("z_dim")
        if latents.shape[1] != channels:  # frames before channels
            latents = latents.transpose(1, 2)
        return self._preview.picture(latents[:, :, latents.shape[2] // 2], width, height)


def _side_multiple(pipe: Any) -> int:
    """Pixels of one latent, times the latents that the denoiser takes together."""
    names = ("vae_scale_factor_spatial", "vae_spatial_compression_ratio", "vae_scale_factor")
    scale = next((found for name in names if (found := getattr(pipe, name, None))), 8)
    denoiser = pipe.components.get("transformer") or pipe.components["unet"]
    patch = denoiser.config.get("patch_size") or 1
    together = max(patch) if isinstance(patch, list | tuple) else patch
    if "block_out_channels" in denoiser.config:  # a U-Net halves its pictures, and joins the halves to the wholes
        together = 2 ** (len(denoiser.config["block_out_channels"]) - 1)
    return int(scale * together)


def _frame_multiple(pipe: Any) -> int:
    """How many frames one latent stands for; the first frame has one of its own."""
    names = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio")
    return int(next((found for name in names if (found := getattr(pipe, name, None))), 1))


def _most_frames(pipe: Any) -> int:
    """How many the motion modules were made for; other kinds count on."""
    adapter = pipe.components.get("motion_adapter")
    return int(adapter.config.get("motion_max_seq_length") or 0) if adapter is not None else 0

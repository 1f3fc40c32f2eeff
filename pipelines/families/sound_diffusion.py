"""Music and sounds out of noise by diffusers: Stable Audio and AudioLDM 2. Words in, a whole sound out.

Sources: Evans et al. 2024, https://arxiv.org/abs/2407.14358; Liu et al. 2023, https://arxiv.org/abs/2308.05734. This file
knows one sound at a time and no pipeline.
"""

import inspect
from pathlib import Path
from typing import Any

from pipelines.errors.models import ModelDamaged
from pipelines.loading.diffusion import load_pipeline, modules_of
from pipelines.loading.inspection.diffusers_classes import makes_sound
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.loading.seeding import seeded
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.model import ModelSpec, Task
from pipelines.types.music import MusicRequest

TASKS: frozenset[Task] = frozenset({"music", "sound"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

WORKING_NUMBERS = 400_000_000  # the decoder of a minute in stereo
PLANNED_WORDS = 8  # that AudioLDM 2 lets its language model write; transformers no longer reads it from its settings
LONGEST_SECONDS = 30.0  # of models that name no end of their own; they were trained on ten


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "diffusers" and makes_sound(architectures[0])


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return ("half",)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "SoundDiffusion":
    """Raises UnsupportedModel, ModelDamaged, UnsafeModel, or what says that memory ran out."""
    pipe = load_pipeline(spec, weights, place, on_event)
    if hasattr(pipe.vae, "disable_tiling"):  # a spectrogram is no large picture
        pipe.vae.disable_tiling()
    try:
        return SoundDiffusion(pipe, place)
    except AttributeError as error:  # diffusers takes any parts that load
        reason = "its parts belong to another model"
        raise ModelDamaged(model=spec.name, reason=reason, path=weights.path) from error


class SoundDiffusion(Networks):
    """A loaded model. It makes one sound at a time: the scheduler counts the steps of one."""

    goes_on = False
    follows = False

    def __init__(self, pipe: Any, place: Place) -> None:
        super().__init__(place, *modules_of(pipe))
        self._takes = inspect.signature(pipe.__call__).parameters
        self._steps = int(self._takes["num_inference_steps"].default)
        self._pipe = pipe
        sounding = getattr(pipe, "vocoder", None) or pipe.vae
        self.sampling_rate = int(sounding.config.sampling_rate)
        self.longest_seconds = LONGEST_SECONDS
        if "audio_end_in_s" in self._takes:
            self.longest_seconds = pipe.transformer.config.sample_size * pipe.vae.hop_length / self.sampling_rate

    def perform(
        self,
        prompt: str,
        beginning: Any,
        tune: Any,
        seconds: float,
        request: MusicRequest,
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> Any:
        """The whole sound, (frames,) or (frames, 2) float32; None when it was cancelled. `beginning` and `tune` are empty."""
        import numpy
        import torch

        steps = request.steps or self._steps
        length = "audio_end_in_s" if "audio_end_in_s" in self._takes else "audio_length_in_s"
        planned = {"max_new_tokens": PLANNED_WORDS} if "max_new_tokens" in self._takes else {}

        def count(step: int, *_: Any) -> None:
            on_event(Progress(step + 1, steps, "steps"))

        def make() -> Any:
            return self._pipe(
                prompt,
                **{length: seconds},
                **planned,
                num_inference_steps=steps,
                generator=torch.Generator().manual_seed(request.seed or 0),
                callback=count,
                output_type="np",
            ).audios

        made = seeded(
            request.seed, modules_of(self._pipe), is_cancelled, make
        )  # some schedulers draw noise of their own
        if made is None:
            return None
        sound = numpy.asarray(made[0], numpy.float32)
        return numpy.ascontiguousarray(sound.T[:, 0] if sound.ndim == 2 and len(sound) == 1 else sound.T)

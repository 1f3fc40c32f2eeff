"""Pictures out of words, of a picture, or of both: drawing, painting within a mask, enlarging, editing, upscaling.

    pipeline = ImagePipeline.on_this_machine()
    result = pipeline.generate(ImageRequest(model="stabilityai/sd-turbo", prompt="a red apple"))

`generate` is the whole path, as numbered steps. It knows tasks and pixels, and no model family.
"""

import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

from PIL import Image

from pipelines.base import Pipeline
from pipelines.diffusion.previews import Glimpses
from pipelines.errors.memory import OutOfMemory
from pipelines.errors.models import PictureWithheld, TooLargeToUpscale
from pipelines.errors.requests import EmptyPrompt, SettingOutOfRange
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.loading.memory.measure import give_back_memory
from pipelines.loading.placement.devices import is_out_of_memory
from pipelines.pictures.files import Size, check_size, open_mask, open_picture
from pipelines.pictures.fitting import enlarge, fit, overlay, round_to
from pipelines.types.events import IsCancelled, OnEvent, Progress, ignore, never
from pipelines.types.image import Drawing, ImageRequest, ImageResult, ImageTask, Look, OnStep
from pipelines.types.model import ImageDefaults, ModelSpec

LANCZOS = "lanczos"  # the row of the catalog that stands for resampling without a model
PIXELS_AT_ONCE = 1024 * 1024  # of all pictures of a batch: more brings no speed, and the first picture comes later


class ImageModel(Protocol):
    """What a family gives for pictures. `side_multiple`: width and height must be multiples of it.

    `most_upscaled_pixels` is how large a picture it can enlarge. `draw` gives a PIL picture for each seed, None for one
    that a safety checker inside the model withheld.
    """

    defaults: ImageDefaults
    side_multiple: int
    most_upscaled_pixels: int

    def takes(self, task: ImageTask) -> frozenset[str]: ...
    def draw(self, drawing: Drawing, on_step: OnStep) -> list[Any]: ...


class Stopped(Exception):
    """Whoever wanted the pictures has pressed Stop. Internal: it ends a drawing within a step."""


@dataclass(frozen=True)
class Sources:
    """What a request starts from: RGB, and L of the same size (white: draw here)."""

    image: Image.Image | None = None
    mask: Image.Image | None = None


class ImagePipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: ImageRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> ImageResult:
        """The pictures of `request`; steps, previews and the loading of its model go to `on_event` on the way.

        When `is_cancelled` turns true, the pictures that are whole by then are the result, with finish_reason
        "cancelled". Raises the errors of `pipelines.errors`.
        """
        # 1 Is it a request that can be answered?
        request.check()
        spec = self.catalog.check(request)
        if request.seed is None:
            request = replace(request, seed=secrets.randbelow(2**32))

        # 2 What it starts from, before minutes go into a model
        sources = _open_sources(request)
        if spec.id == LANCZOS:
            return _resample(request, sources)

        # 3 The model, for as long as it is needed
        started = time.perf_counter()
        try:
            with self.lease(spec, request.adapters, on_event, is_cancelled) as model:
                seconds_load = time.perf_counter() - started

                # 4 The blanks as they suit the model, then the work itself
                request = _settle(request, sources, spec, model)
                work = _Work(model, self.place.label, spec, on_event, is_cancelled)
                result = work.run(request, sources)
        except LoadCancelled:
            seconds = time.perf_counter() - started
            return ImageResult(spec.id, request, 0, 0, "cancelled", 0, 0.0, seconds)

        # 5 With what it took
        return replace(result, seconds_load=seconds_load)


# ── from a request to what a model can draw ───────────────────────────────────────────────────────────────────────────


def _open_sources(request: ImageRequest) -> Sources:
    """Raises UnreadablePicture, PictureTooLarge, EmptyMask, NoMargins."""
    if request.task == "text-to-image":
        return Sources()
    image = open_picture(Path(request.image))
    if request.task == "inpaint":
        return Sources(image, open_mask(Path(request.mask), image.size))
    if request.task == "outpaint":
        return Sources(*enlarge(image, request.margins))
    if request.task == "upscale":
        check_size(image.width * request.factor, image.height * request.factor, "the result")
    return Sources(image)


def _settle(request: ImageRequest, sources: Sources, spec: ModelSpec, model: ImageModel) -> ImageRequest:
    """The request with every blank filled in and every side rounded to what the model can.

    Raises EmptyPrompt, and SettingOutOfRange for a picture so narrow that the side not asked for becomes too long.
    """
    # 1 Words
    takes, defaults = model.takes(request.task), spec.defaults or model.defaults
    if "prompt" in takes and request.task == "text-to-image" and not request.prompt.strip():
        raise EmptyPrompt()

    # 2 Pixels
    if sources.image is not None:
        width, height = _size_from(sources.image.size, request, defaults, model.side_multiple)
    elif {"width", "height"} <= takes:
        width, height = request.width or defaults.width, request.height or defaults.height
        width, height = round_to(width, model.side_multiple), round_to(height, model.side_multiple)
    else:
        width, height = model.defaults.width, model.defaults.height

    # 3 The rest
    place = request.place if "place" in takes else ()
    return replace(
        request,
        width=width,
        height=height,
        steps=request.steps or defaults.steps,
        guidance_scale=defaults.guidance_scale if request.guidance_scale is None else request.guidance_scale,
        negative_prompt=request.negative_prompt if "negative_prompt" in takes else "",
        latent=request.latent if "latent" in takes else (),
        toward=request.toward if "toward" in takes else None,
        place=place,
        strength=1.0 if request.task == "outpaint" else request.strength,
        count=1 if request.task == "upscale" or len(place) == 2 else request.count,
    )


def _size_from(size: Size, request: ImageRequest, defaults: ImageDefaults, multiple: int) -> Size:
    """As asked; else in the proportions of the picture, and where no side is asked as many pixels as suit the model."""
    width, height = request.width, request.height
    if request.task == "upscale":
        return size
    if width is None and height is None:
        return fit(size, defaults.width * defaults.height, multiple)
    if width is None:
        width = round(size[0] / size[1] * (height or 0))
    if height is None:
        height = round(size[1] / size[0] * width)
    for setting, side in (("width", width), ("height", height)):
        low, high = request.RANGES[setting]
        if side > high:  # a narrow strip, made as wide as asked
            raise SettingOutOfRange(setting=setting, value=side, low=low, high=high)
    return round_to(width, multiple), round_to(height, multiple)


def _resample(request: ImageRequest, sources: Sources) -> ImageResult:
    """The picture enlarged by Lanczos' filter: larger and no sharper, since no model adds anything."""
    started = time.perf_counter()
    picture = cast(Image.Image, sources.image)
    size = (picture.width * request.factor, picture.height * request.factor)
    image = picture.resize(size, Image.Resampling.LANCZOS)
    seconds = time.perf_counter() - started
    return ImageResult(LANCZOS, replace(request, count=1), *size, "stop", 0, seconds, images=(image,))


# ── the work ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Work:
    """One request on its way through a model, batch by batch."""

    def __init__(
        self, model: ImageModel, place: str, spec: ModelSpec, on_event: OnEvent, is_cancelled: IsCancelled
    ) -> None:
        self._model = model
        self._place = place
        self._spec = spec
        self._on_event = on_event
        self._is_cancelled = is_cancelled
        self._steps_done = 0
        self._glimpses = Glimpses(on_event)
        self._unread = ""

    def run(self, request: ImageRequest, sources: Sources) -> ImageResult:
        """Raises OutOfMemory when not even one picture fits, PictureWithheld when the model gives none away."""
        # 1 In batches
        started = time.perf_counter()
        images: list[Any] = []
        is_stopped = False
        size = _batch_size(request, self._model)
        try:
            while len(images) < request.count:
                seeds = _seeds(request, len(images), size)
                drawn = self._draw_if_it_fits(request, sources, seeds, len(images))
                if drawn is None:
                    size = len(seeds) // 2
                    give_back_memory()
                    continue
                images += drawn
        except Stopped:
            is_stopped = True

        # 2 Those that the model gives away
        withheld = tuple(number for number, image in enumerate(images) if image is None)
        if withheld and len(withheld) == request.count:
            raise PictureWithheld(model=self._spec.name)

        # 3 As the person wants them: the rest of the picture untouched, exactly as large as asked
        finished = tuple(_finish(image, request, sources) for image in images if image is not None)
        width, height = finished[0].size if finished else (request.width or 0, request.height or 0)
        seconds = time.perf_counter() - started
        return ImageResult(
            self._spec.id,
            request,
            width,
            height,
            "cancelled" if is_stopped else "stop",
            self._steps_done,
            seconds,
            withheld=withheld,
            unread=self._unread,
            images=finished,
        )

    def _draw_if_it_fits(
        self, request: ImageRequest, sources: Sources, seeds: tuple[int, ...], have: int
    ) -> list[Any] | None:
        """One batch after `have` pictures; None when it was too much for the memory. Raises OutOfMemory for one picture."""
        try:
            return self._draw(request, sources, seeds, -(-(request.count - have) // len(seeds)))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(seeds) == 1:
                raise OutOfMemory(model=self._spec.name, device=self._place) from error
        return None  # after the block, so that the error no longer holds the half-drawn batch

    def _draw(self, request: ImageRequest, sources: Sources, seeds: tuple[int, ...], batches_left: int) -> list[Any]:
        self._stop_if_cancelled()
        before = self._steps_done

        def on_step(done: int, total: int, look: Look) -> None:
            self._steps_done = before + done
            if total:
                self._on_event(Progress(self._steps_done, before + total * batches_left, "steps"))
                self._glimpses.show(done, total, look)
            self._stop_if_cancelled()

        if request.task != "upscale":
            image, mask = _resized(sources.image, request), _resized(sources.mask, request)
            return self._model.draw(Drawing(request, seeds, image, mask, self._take_unread), on_step)
        return [self._upscale(cast(Image.Image, sources.image), request, seeds, on_step)]

    def _upscale(
        self, image: Image.Image, request: ImageRequest, seeds: tuple[int, ...], on_step: OnStep
    ) -> Image.Image:
        """`image` through the model until it is large enough, or too large for the model.

        Raises TooLargeToUpscale or PictureWithheld.
        """
        limit, wanted = self._model.most_upscaled_pixels, image.width * request.factor
        if image.width * image.height > limit:
            raise TooLargeToUpscale(model=self._spec.name, width=image.width, height=image.height, side=int(limit**0.5))
        steps_before = self._steps_done
        while image.width < wanted and image.width * image.height <= limit:
            passed = self._steps_done - steps_before
            (drawn,) = self._model.draw(
                Drawing(request, seeds, image, on_unread=self._take_unread),
                lambda done, total, look, passed=passed: on_step(passed + done, passed + total, look),  # type: ignore[misc]
            )
            if drawn is None:
                raise PictureWithheld(model=self._spec.name)
            image = drawn
        return image

    def _take_unread(self, words: str) -> None:
        self._unread = words

    def _stop_if_cancelled(self) -> None:
        if self._is_cancelled():
            raise Stopped


def _batch_size(request: ImageRequest, model: ImageModel) -> int:
    """How many pictures are drawn at once: the same on every machine, so that the same request gives the same pixels."""
    if "count" not in model.takes(request.task):
        return 1
    pixels = (request.width or 1) * (request.height or 1)
    return max(1, min(request.count, PIXELS_AT_ONCE // pixels))


def _seeds(request: ImageRequest, first: int, size: int) -> tuple[int, ...]:
    """Picture number i comes from seed + i."""
    seed = request.seed or 0
    return tuple((seed + number) % 2**32 for number in range(first, min(first + size, request.count)))


def _resized(image: Image.Image | None, request: ImageRequest) -> Image.Image | None:
    """At the size at which the model draws; a mask stays black and white."""
    if image is None:
        return None
    how = Image.Resampling.NEAREST if image.mode == "L" else Image.Resampling.LANCZOS
    return image.resize((cast(int, request.width), cast(int, request.height)), how)


def _finish(image: Any, request: ImageRequest, sources: Sources) -> Any:
    if sources.image is None:
        return image
    if sources.mask is not None:
        return overlay(image.convert("RGB"), sources.image, sources.mask)
    if request.task == "upscale":
        size = (sources.image.width * request.factor, sources.image.height * request.factor)
        return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
    return image

"""From a request to pictures, with tiny models of the real classes of a dozen kinds."""

import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy
import pytest
from PIL import Image

from pipelines.errors.memory import OutOfMemory
from pipelines.errors.models import (
    DrawingRefused,
    PictureWithheld,
    SchedulerMismatch,
    TooLargeToUpscale,
    UnknownModel,
    WrongTask,
)
from pipelines.errors.requests import (
    EmptyMask,
    EmptyPrompt,
    InvalidRequest,
    MissingPicture,
    NoMargins,
    SettingOutOfRange,
    UnreadablePicture,
)
from pipelines.image import ImagePipeline
from pipelines.provenance import recipe
from pipelines.types.events import Loading, Preview, Progress
from pipelines.types.image import ImageRequest
from tests.pipelines import tiny_images

KINDS = {
    "sd": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "sd_bert": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "lcm": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "sdxl": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "sd3": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "flux": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "kontext": {"text-to-image", "edit"},
    "flux2_klein": {"text-to-image", "edit"},
    "z_image": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "qwen_image": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "pixart": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "sana": {"text-to-image", "image-to-image", "inpaint", "outpaint"},
    "kandinsky": {"text-to-image", "image-to-image"},
    "sd_inpaint": {"inpaint", "outpaint"},
    "pix2pix": {"edit"},
    "upscaler": {"upscale"},
    "swin2sr": {"upscale"},
    "ddpm": {"text-to-image"},
}
PICTURE = (48, 32)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def images() -> ImagePipeline:
    return ImagePipeline.on_this_machine(device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """model("sd") → the folder of the tiny model of that kind."""
    made: dict[str, str] = {}

    def find(kind: str) -> str:
        if kind not in made:
            made[kind] = str(getattr(tiny_images, kind)(tmp_path_factory.mktemp("models") / kind))
        return made[kind]

    return find


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A picture with a pattern, and a mask of its middle."""
    folder = tmp_path_factory.mktemp("files")
    rows, columns = numpy.mgrid[: PICTURE[1], : PICTURE[0]]
    pixels = numpy.stack([rows * 7 % 256, columns * 5 % 256, (rows + columns) * 3 % 256], axis=-1).astype(numpy.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    mask = Image.new("L", PICTURE, 0)
    mask.paste(255, (16, 8, 40, 24))
    mask.save(folder / "mask.png")
    Image.new("L", PICTURE, 0).save(folder / "empty.png")
    (folder / "text.png").write_text("not a picture")
    Image.new("RGB", (4, 400)).save(folder / "strip.png")
    return {path.stem: str(path) for path in folder.iterdir()}


def asked(model: str, task: str, files: dict[str, str], **settings: object) -> ImageRequest:
    """A quick request of a task."""
    usual: dict = {"prompt": "a red cat", "seed": 3, "steps": 3, "width": 32, "height": 32}
    if task != "text-to-image":
        usual["image"] = files["picture"]
    if task == "inpaint":
        usual["mask"] = files["mask"]
    if task == "outpaint":
        usual["margins"] = (16, 0, 0, 8)
    return ImageRequest(model=model, task=task, **{**usual, **settings})  # type: ignore[arg-type]


def drop(images: ImagePipeline, model: str) -> None:
    """Takes the model out of memory."""
    for row in images.cache.loaded():
        if row.key.model == model:
            assert images.cache.unload(row.key)


def pixels(image: Image.Image) -> numpy.ndarray:
    return numpy.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_does_what_it_says(kind, images, model, files):
    spec = images.catalog.find(model(kind))
    assert set(spec.tasks) == KINDS[kind]
    for task in spec.tasks:
        events: list = []
        least = 64 if kind == "flux2_klein" else 32
        request = asked(model(kind), task, files, width=least, height=least)
        result = images.generate(request, events.append)
        (image,) = result.images
        assert image.mode == "RGB" and image.size == (result.width, result.height)
        assert result.finish_reason == "stop" and result.model == model(kind)
        sizes = {"inpaint": PICTURE, "outpaint": (64, 40), "upscale": (96, 64)}
        usual = (16, 16) if kind == "ddpm" else (least, least)
        assert image.size == sizes.get(task, usual), task
        steps = [event for event in events if isinstance(event, Progress)]
        assert [event.done for event in steps] == list(range(1, len(steps) + 1)), task
        assert {event.total for event in steps} == {len(steps)} == {result.steps_done}, task
        again = images.generate(result.request)
        assert (pixels(again.images[0]) == pixels(image)).all(), f"{task}: another picture from the same seed"
        if kind != "swin2sr":
            other = images.generate(replace(request, seed=4))
            assert (pixels(other.images[0]) != pixels(image)).any(), f"{task}: the same picture from another seed"


def test_the_same_seed_gives_the_same_pixels_after_an_eviction_and_a_reload(images, model, files):
    request = asked(model("sd"), "text-to-image", files, count=2)
    first = images.generate(request)
    drop(images, model("sd"))
    events: list = []
    second = images.generate(request, events.append)
    assert any(isinstance(event, Loading) and event.stage == "weights" and event.done for event in events)
    for one, other in zip(first.images, second.images, strict=True):
        assert (pixels(one) == pixels(other)).all()


def test_picture_number_i_comes_from_seed_plus_i(images, model, files):
    together = images.generate(asked(model("sd"), "text-to-image", files, seed=2**32 - 1, count=3)).images
    for seed, image in zip((2**32 - 1, 0, 1), together, strict=True):
        alone = images.generate(asked(model("sd"), "text-to-image", files, seed=seed)).images[0]
        assert numpy.abs(pixels(alone) - pixels(image)).max() <= 2  # sums of a batch are added in another order


def test_a_recipe_makes_the_same_picture_again(images, model, files):
    result = images.generate(ImageRequest(model=model("sd"), prompt="a blue dog", steps=2))
    assert result.request.seed is not None and result.request.width == 64
    made = recipe.make(result.request, result, images.catalog.find(result.model), index=0)
    request = replace(recipe.request_of(made), model=model("sd"))
    assert (pixels(images.generate(request).images[0]) == pixels(result.images[0])).all()


# ── on the way ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["sd", "flux", "pixart", "ddpm", "kandinsky"])
def test_stop_acts_within_a_step(kind, images, model, files):
    events: list = []

    def is_cancelled() -> bool:
        return any(isinstance(event, Progress) and event.done == 2 for event in events)

    request = asked(model(kind), "text-to-image", files, steps=50)
    result = images.generate(request, events.append, is_cancelled)
    assert result.finish_reason == "cancelled" and result.images == ()
    assert result.steps_done == 2 == max(event.done for event in events if isinstance(event, Progress))


def test_stop_keeps_the_pictures_that_are_whole(images, model, files, monkeypatch):
    monkeypatch.setattr("pipelines.image.PIXELS_AT_ONCE", 2 * 32 * 32)
    events: list = []

    def is_cancelled() -> bool:
        return any(isinstance(event, Progress) and event.done == 4 for event in events)

    result = images.generate(asked(model("sd"), "text-to-image", files, count=5), events.append, is_cancelled)
    assert result.finish_reason == "cancelled" and len(result.images) == 2
    assert {event.total for event in events if isinstance(event, Progress)} == {9}  # three batches of three steps


def test_stop_while_the_model_loads(images, model, files):
    drop(images, model("sd"))
    result = images.generate(asked(model("sd"), "text-to-image", files), is_cancelled=lambda: True)
    assert result.finish_reason == "cancelled" and result.steps_done == 0


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux", "z_image", "qwen_image", "sana", "ddpm", "kandinsky"])
def test_previews_are_pictures_of_the_whole_batch(kind, images, model, files, monkeypatch):
    monkeypatch.setattr("pipelines.diffusion.previews.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("pipelines.diffusion.previews.COST_SHARE", 1e9)
    events: list = []
    images.generate(asked(model(kind), "text-to-image", files, count=2, steps=4), events.append)
    previews = [event for event in events if isinstance(event, Preview)]
    assert [preview.step for preview in previews] == [1, 2, 3] and {preview.total for preview in previews} == {4}
    sheet = Image.open(BytesIO(previews[-1].jpeg))
    assert sheet.format == "JPEG" and sheet.width == 2 * sheet.height and sheet.width <= 512


def test_previews_come_at_most_twice_a_second_and_cost_little(images, model, files):
    events: list = []
    started = time.perf_counter()
    images.generate(asked(model("sd"), "text-to-image", files, steps=100), events.append)
    seconds = time.perf_counter() - started
    assert sum(isinstance(event, Preview) for event in events) <= 2 * seconds + 1


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_that_does_not_fit_is_halved(images, model, files, monkeypatch):
    from pipelines.families.diffusion import DiffusionModel

    request = asked(model("sd"), "text-to-image", files, count=5)
    whole = images.generate(request)
    draw, sizes = DiffusionModel.draw, []

    def draw_few(self, drawing, on_step):
        sizes.append(len(drawing.seeds))
        if len(drawing.seeds) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return draw(self, drawing, on_step)

    monkeypatch.setattr(DiffusionModel, "draw", draw_few)
    halved = images.generate(request)
    assert sizes == [5, 2, 2, 1]
    for one, other in zip(whole.images, halved.images, strict=True):
        assert numpy.abs(pixels(one) - pixels(other)).max() <= 2

    def draw_none(self, drawing, on_step):
        raise MemoryError

    monkeypatch.setattr(DiffusionModel, "draw", draw_none)
    with pytest.raises(OutOfMemory):
        images.generate(request)


def test_a_large_picture_is_decoded_in_tiles(images, model, files):
    from diffusers import AutoencoderKL

    parts = []

    def watch(module: object, inputs: tuple) -> None:
        parts.append(inputs[0].shape[-1] * 8)

    request = asked(model("sd"), "text-to-image", files, steps=1, width=1600, height=64)
    with images.lease(images.catalog.find(model("sd")), (), lambda event: None) as loaded:
        vae = loaded._pipe.vae
        assert isinstance(vae, AutoencoderKL)
        handle = vae.decoder.register_forward_pre_hook(watch)
        assert images.generate(request).images[0].size == (1600, 64)
        handle.remove()
    assert len(parts) > 1 and max(parts) <= 1024


# ── from pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["sd", "pixart", "flux", "sd_inpaint"])
def test_outside_the_mask_not_a_pixel_changes(kind, images, model, files):
    original, mask = pixels(Image.open(files["picture"])), numpy.asarray(Image.open(files["mask"]))
    drawn = pixels(images.generate(asked(model(kind), "inpaint", files, strength=1.0)).images[0])
    assert (drawn[mask == 0] == original[mask == 0]).all()
    assert (drawn[mask > 0] != original[mask > 0]).any()


def test_outpainting_keeps_the_picture_and_fills_the_margins(images, model, files):
    result = images.generate(asked(model("sd"), "outpaint", files, margins=(16, 8, 0, 0)))
    image = result.images[0]
    assert image.size == (PICTURE[0] + 16, PICTURE[1] + 8) and result.request.strength == 1.0
    assert (pixels(image)[8:, 16:] == pixels(Image.open(files["picture"]))).all()


@pytest.mark.parametrize("kind", ["sd", "pixart"])
def test_the_less_strength_the_nearer_to_the_picture(kind, images, model, files):
    """With a class of its own (SD) and mixed into the latents (PixArt)."""
    ended, distances = [], []
    for strength in (0.1, 1.0):
        request = asked(model(kind), "image-to-image", files, strength=strength, steps=10)
        ended.append(pixels(images.generate(request).images[0]))
    near = pixels(images.generate(asked(model(kind), "image-to-image", files, strength=0.01, steps=10)).images[0])
    distances = [numpy.abs(image - near).mean() for image in ended]
    assert distances[0] < distances[1]


def test_one_step_of_a_turbo_model_is_enough_for_any_strength(images, model, files):
    for strength in (0.05, 0.5, 1.0):
        assert images.generate(asked(model("sd"), "image-to-image", files, steps=1, strength=strength)).images


def test_without_a_size_a_picture_keeps_its_proportions(images, model, files):
    result = images.generate(asked(model("sd"), "image-to-image", files, width=None, height=None))
    assert result.images[0].size == (80, 56)  # about 64 × 64 pixels, as 48 × 32, in whole latents
    one_side = images.generate(asked(model("sd"), "image-to-image", files, width=96, height=None))
    assert one_side.images[0].size == (96, 64)


def test_a_size_is_rounded_to_what_the_model_can_and_the_result_says_so(images, model, files):
    result = images.generate(asked(model("sd3"), "text-to-image", files, width=70, height=30))
    assert (result.width, result.height) == (64, 32) == (result.request.width, result.request.height)
    assert images.generate(asked(model("ddpm"), "text-to-image", files)).request.width == 16


@pytest.mark.parametrize(("kind", "factor"), [("swin2sr", 2), ("swin2sr", 3), ("upscaler", 2)])
def test_upscaling_gives_the_very_factor(kind, factor, images, model, files):
    image = images.generate(asked(model(kind), "upscale", files, factor=factor, steps=1)).images[0]
    assert image.size == (PICTURE[0] * factor, PICTURE[1] * factor)


def test_what_a_denoiser_cannot_enlarge_is_said_or_resampled(images, model, files, tmp_path):
    Image.new("RGB", (600, 600)).save(tmp_path / "large.png")
    with pytest.raises(TooLargeToUpscale, match="512 × 512") as caught:
        images.generate(asked(model("upscaler"), "upscale", {"picture": str(tmp_path / "large.png")}))
    assert "600" in caught.value.say("zh")
    request = asked(model("upscaler"), "upscale", files, factor=8, steps=1)
    with images.lease(images.catalog.find(model("upscaler")), (), lambda event: None) as loaded:
        loaded.most_upscaled_pixels = PICTURE[0] * PICTURE[1]
        result = images.generate(request)
        del loaded.most_upscaled_pixels
    assert result.images[0].size == (PICTURE[0] * 8, PICTURE[1] * 8) and result.steps_done == 1


def test_a_sheet_of_tiles_is_never_larger_than_a_result_may_be(images, model):
    spec = images.catalog.find(model("swin2sr"))
    with images.lease(spec, (), lambda event: None) as loaded:
        assert loaded.most_upscaled_pixels == 64_000_000 // 2**2


def test_tiles_of_super_resolution_leave_no_seam(images, model, files, tmp_path, monkeypatch):
    Image.open(files["picture"]).resize((160, 48)).save(tmp_path / "wide.png")
    request = asked(model("swin2sr"), "upscale", {"picture": str(tmp_path / "wide.png")})
    monkeypatch.setattr("pipelines.families.super_resolution.TILE_PIXELS", 400)
    whole = pixels(images.generate(request).images[0])
    monkeypatch.setattr("pipelines.families.super_resolution.TILE_PIXELS", 96)
    tiled = images.generate(request)
    assert tiled.steps_done == 2 and numpy.abs(pixels(tiled.images[0]) - whole).mean() < 2


def test_without_a_model_a_picture_is_resampled(images, files):
    result = images.generate(ImageRequest(model="lanczos", task="upscale", image=files["picture"], factor=4))
    assert result.images[0].size == (PICTURE[0] * 4, PICTURE[1] * 4) and result.steps_done == 0


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blanks_are_filled_with_what_suits_the_model(images, model):
    request = ImageRequest(model=model("lcm"), prompt="a cat")
    settled = images.generate(request).request
    assert (settled.width, settled.height, settled.steps, settled.guidance_scale) == (64, 64, 4, 8.5)
    assert images.catalog.find(model("flux")).defaults.steps == 4


def test_a_scheduler_can_be_chosen_where_it_fits(images, model, files):
    own = images.generate(asked(model("sd"), "text-to-image", files))
    chosen = images.generate(asked(model("sd"), "text-to-image", files, scheduler="euler a"))
    assert (pixels(own.images[0]) != pixels(chosen.images[0])).any()
    for kind, scheduler in (("sd", "Flow Euler"), ("sd3", "DDIM"), ("sd", "no such one")):
        with pytest.raises(SchedulerMismatch) as caught:
            images.generate(asked(model(kind), "text-to-image", files, scheduler=scheduler))
        assert scheduler in caught.value.say("zh")


def test_what_a_pipeline_does_not_take_is_said_in_its_words(images, model, files):
    with pytest.raises(DrawingRefused, match="at least 64px") as caught:
        images.generate(asked(model("flux2_klein"), "edit", files))
    assert "无法绘制" in caught.value.say("zh")


def test_what_a_model_withholds_is_said_and_not_shown_black(images, tmp_path):
    folder = tiny_images.sd(tmp_path / "guarded", is_guarded=True)
    with pytest.raises(PictureWithheld) as caught:
        images.generate(ImageRequest(str(folder), prompt="a cat", steps=1, width=32, height=32))
    assert "安全检查" in caught.value.say("zh")


def test_of_several_pictures_only_the_withheld_one_is_missing(images, tmp_path, files, monkeypatch):
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

    def second_is_bad(self, clip_input, images):
        bad = [number == 1 for number in range(len(images))]
        images[1] = 0
        return images, bad

    folder = str(tiny_images.sd(tmp_path / "guarded", is_guarded=True))
    free = images.generate(asked(str(tiny_images.sd(tmp_path / "free")), "text-to-image", files, count=3))
    monkeypatch.setattr(StableDiffusionSafetyChecker, "forward", second_is_bad)
    result = images.generate(asked(folder, "text-to-image", files, count=3))
    assert (result.withheld, result.numbers, result.finish_reason) == ((1,), (0, 2), "stop")
    for image, number in zip(result.images, result.numbers, strict=True):
        assert (pixels(image) == pixels(free.images[number])).all()


@pytest.mark.parametrize(
    ("kind", "read"),
    [("sd", "aaaaaaaaaaaaaa"), ("sdxl", "aaaaaaaaaaaaaa"), ("sd_bert", "a" * 14), ("pixart", "a" * 299),
     ("kandinsky", "a" * 14), ("flux", "a" * 511)],
)  # fmt: skip
def test_how_much_of_a_prompt_was_not_read_is_told(kind, read, images, model, files):
    """Each letter is a token; two of CLIP's 16 are its own marks, and one of T5's."""
    prompt = " ".join(read) + " with the dog and much more"
    result = images.generate(asked(model(kind), "text-to-image", files, prompt=prompt, steps=1))
    assert result.unread == "with the dog and much more"
    assert images.generate(asked(model(kind), "text-to-image", files, prompt="a cat", steps=1)).unread == ""


@pytest.mark.parametrize("kind", ["sana", "qwen_image", "sd3"])
def test_a_prompt_is_found_in_the_template_around_it(kind, images, model, files):
    prompt = "a" + " cat" * 1500
    unread = images.generate(asked(model(kind), "text-to-image", files, prompt=prompt, steps=1)).unread
    assert 0 < len(unread) < len(prompt) and prompt.endswith(unread)


def test_a_long_negative_prompt_is_not_taken_for_the_prompt(images, model, files):
    request = asked(model("sd"), "text-to-image", files, prompt="a", negative_prompt="dog " * 40, steps=1)
    assert images.generate(request).unread == ""


def test_a_mistake_in_the_middle_is_not_told_as_a_refusal(images, model, files, monkeypatch):
    def stumble(*arguments):
        raise ValueError("ours")

    monkeypatch.setattr("pipelines.diffusion.previews.LinearPreview.picture", stumble)
    monkeypatch.setattr("pipelines.diffusion.previews.EVERY_SECONDS", 0.0)
    with pytest.raises(ValueError, match="ours"):
        images.generate(asked(model("sd"), "text-to-image", files))


def test_a_negative_prompt_is_dropped_where_the_model_takes_none(images, model, files):
    assert (
        images.generate(asked(model("lcm"), "text-to-image", files, negative_prompt="x")).request.negative_prompt == ""
    )
    assert (
        images.generate(asked(model("sd"), "text-to-image", files, negative_prompt="x")).request.negative_prompt == "x"
    )


@pytest.mark.parametrize(
    ("task", "settings", "error"),
    [
        ("text-to-image", {"prompt": " "}, EmptyPrompt),
        ("text-to-image", {"steps": 5000}, SettingOutOfRange),
        ("text-to-image", {"width": 100_000}, SettingOutOfRange),
        ("edit", {}, WrongTask),
        ("image-to-image", {"image": ""}, MissingPicture),
        ("image-to-image", {"image": "text"}, UnreadablePicture),
        ("image-to-image", {"image": "strip", "width": 4096, "height": None}, SettingOutOfRange),
        ("inpaint", {"mask": ""}, MissingPicture),
        ("inpaint", {"mask": "empty"}, EmptyMask),
        ("outpaint", {"margins": (0, 0, 0, 0)}, NoMargins),
    ],
)
def test_what_cannot_be_drawn_is_said_plainly(task, settings, error, images, model, files):
    named = {name: files.get(value, value) if name in ("image", "mask") else value for name, value in settings.items()}
    with pytest.raises(error) as caught:
        images.generate(asked(model("sd"), task, files, **named))
    assert isinstance(caught.value, InvalidRequest | WrongTask)
    assert caught.value.say("en") != caught.value.say("zh")


def test_an_unknown_model_is_said_at_once(images, files):
    with pytest.raises(UnknownModel):
        images.generate(asked("no such model", "text-to-image", files))


def test_a_picture_is_looked_at_before_a_model_is_loaded(images, model, files):
    drop(images, model("sd"))
    events: list = []
    with pytest.raises(UnreadablePicture):
        images.generate(asked(model("sd"), "image-to-image", files, image=files["text"]), events.append)
    assert events == [] and not any(row.key.model == model("sd") for row in images.cache.loaded())


def test_importing_the_pipeline_loads_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, pipelines.image; sys.exit(any(m in sys.modules for m in ('torch', 'diffusers', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0

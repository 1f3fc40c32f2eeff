"""The recipe inside PNG, WebP and JPEG, other studios' settings, and metadata that means harm."""

import json
import struct
import time
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.errors.requests import NoRecipe
from pipelines.provenance import a1111, pictures, recipe
from pipelines.types.adapter import Adapter
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ModelSpec

REQUEST = ImageRequest(
    "owner/model", prompt="一只红猫 <b>&</b> “cat”\nline", negative_prompt="blurry", width=64, height=48, steps=9, seed=5,
    count=4, guidance_scale=3.5, adapters=(Adapter("/home/ann/models/tone", 0.5),), image="/home/ann/secret/p.png",
    task="image-to-image",
)  # fmt: skip
RESULT = ImageResult("owner/model", REQUEST, 64, 48, "stop", 9, 3.0, images=(Image.new("RGB", (64, 48)),))
MODEL = ModelSpec(
    "owner/model", "Model", "diffusion", ("text-to-image",), "hub", "owner/model", licence="CC BY-SA 4.0",
    licence_url="https://creativecommons.org/licenses/by-sa/4.0/", attribution="OpenMoji",
)  # fmt: skip
MADE = recipe.make(REQUEST, RESULT, MODEL, index=2)
A1111 = """a red <lora:fruit:0.8> apple,
on a table <lora:soft light>
Negative prompt: blurry,
low quality
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1234, Size: 512x768, Model hash: abc, \
Model: dreamshaper_8, Denoising strength: 0.4, Lora hashes: "fruit: 1a, soft: 2b", Version: v1.10"""


def file_of(file_format: str, **settings: object) -> bytes:
    file = BytesIO()
    Image.effect_noise((32, 32), 50).convert("RGB").save(file, file_format, **settings)
    return file.getvalue()


def png_with(**texts: str) -> bytes:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    return file_of("PNG", pnginfo=info)


def exif_with(comment: bytes, file_format: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    return file_of(file_format, exif=exif.tobytes())


@pytest.mark.parametrize("file_format", ["png", "webp", "jpeg"])
def test_a_recipe_goes_in_and_comes_out(file_format):
    data = pictures.encode(Image.effect_noise((64, 48), 50).convert("RGB"), MADE, file_format)
    assert recipe.read(data, "a") == MADE
    request = recipe.request_of(MADE)
    assert isinstance(request, ImageRequest) and request.seed == 5 and request.prompt == REQUEST.prompt
    assert MADE["index"] == 2 and MADE["result"]["width"] == 64 and "images" not in MADE["result"]
    assert MADE["model"]["attribution"] == "OpenMoji"
    assert Image.open(BytesIO(data)).size == (64, 48)


def test_paths_stay_at_home():
    assert "ann" not in json.dumps(MADE)
    assert MADE["request"]["image"] == "p.png" and MADE["request"]["adapters"][0]["source"] == "tone"


def test_the_licence_of_the_model_stands_in_the_file_for_everybody():
    line = "made with Model · CC BY-SA 4.0 · https://creativecommons.org/licenses/by-sa/4.0/ · OpenMoji"
    png = Image.open(BytesIO(pictures.encode(Image.new("RGB", (8, 8)), MADE, "png")))
    assert png.info["Copyright"] == line
    for file_format in ("webp", "jpeg"):
        image = Image.open(BytesIO(pictures.encode(Image.new("RGB", (8, 8)), MADE, file_format)))
        assert image.getexif()[0x8298].encode("latin-1").decode() == line  # Pillow reads it as Latin-1


def test_a_png_keeps_every_pixel_and_its_transparency():
    image = Image.new("RGBA", (9, 7), (10, 20, 30, 40))
    assert Image.open(BytesIO(pictures.encode(image, MADE, "png"))).tobytes() == image.tobytes()
    assert Image.open(BytesIO(pictures.encode(image, MADE, "jpeg"))).mode == "RGB"
    with pytest.raises(ValueError, match="tiff"):
        pictures.encode(image, MADE, "tiff")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.sampled_from(["png", "webp", "jpeg"]))
@settings(deadline=None, max_examples=60)
def test_any_prompt_round_trips(prompt, file_format):
    made = recipe.make(ImageRequest("m", prompt=prompt, seed=1))
    assert recipe.read(pictures.encode(Image.new("RGB", (8, 8)), made, file_format)) == made


def test_a_long_prompt_fits_where_it_can():
    long = recipe.make(ImageRequest("m", prompt="a red cat on a mat, " * 5000, seed=1))
    for file_format in ("png", "webp", "jpeg"):
        assert recipe.read(pictures.encode(Image.new("RGB", (8, 8)), long, file_format)) == long
    noise = "".join(chr(0x4E00 + (i * 7919) % 20000) for i in range(100_000))
    huge = recipe.make(ImageRequest("m", prompt=noise, seed=1))
    assert recipe.read(pictures.encode(Image.new("RGB", (8, 8)), huge, "png")) == huge
    jpeg = pictures.encode(Image.new("RGB", (8, 8)), huge, "jpeg")  # still a picture
    with pytest.raises(NoRecipe, match="holds no recipe"):
        recipe.read(jpeg)


# ── other studios ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        png_with(parameters=A1111),
        exif_with(b"UNICODE\0" + A1111.encode("utf-16-be")),
        exif_with(b"UNICODE\0" + A1111.encode("utf-16-le")),
        exif_with(b"ASCII\0\0\0" + A1111.encode()),
        exif_with(b"UNICODE\0" + A1111.encode("utf-16-be"), "WEBP"),
    ],
    ids=["PNG", "JPEG big-endian", "JPEG little-endian", "JPEG ASCII", "WebP"],
)
def test_the_settings_of_other_studios_are_read(data):
    assert recipe.request_of(recipe.read(data, "theirs")) == ImageRequest(
        "dreamshaper_8",
        prompt="a red  apple,\non a table",
        negative_prompt="blurry,\nlow quality",
        steps=20,
        guidance_scale=7.5,
        seed=1234,
        width=512,
        height=768,
        strength=0.4,
        scheduler="DPM++ 2M Karras",
        adapters=(Adapter("fruit", 0.8), Adapter("soft light", 1.0)),
    )


@pytest.mark.parametrize(
    ("settings_line", "expected"),
    [
        ("Steps: 20, Sampler: Restart, Seed: 7", ImageRequest("", prompt="cat", steps=20, seed=7)),
        ("Steps: 99999, Seed: -1, Size: 512", ImageRequest("", prompt="cat", width=512)),
        ("Steps: 4, Seed: 1e9, CFG scale: nan, Size: 9x9999999", ImageRequest("", prompt="cat", steps=4, width=9)),
        ("Steps: 4, Sampler: LCM, Model: a b c", ImageRequest("a b c", prompt="cat", steps=4, scheduler="LCM")),
    ],
)
def test_what_does_not_map_is_left_out(settings_line, expected):
    assert a1111.request_of(f"cat\n{settings_line}") == expected


@pytest.mark.parametrize(("weight", "expected"), [("", 1.0), (":0", 0.0), (":-0.5", -0.5), (":9", 2.0), (":x", 1.0)])
def test_the_weight_of_an_adapter_is_the_one_that_stands_there(weight, expected):
    found = a1111.request_of(f"cat <lora:fruit{weight}>\nSteps: 3")
    assert found is not None
    assert found.adapters == (Adapter("fruit", expected),)


def test_only_a_negative_prompt_is_enough():
    found = a1111.request_of("Negative prompt: dog\nSteps: 3, Seed: 2")
    assert found is not None and (found.prompt, found.negative_prompt) == ("", "dog")


@pytest.mark.parametrize("text", ["", "just a caption", "Seed: 1", '{"prompt": {"1": {}}}'])
def test_other_text_is_no_recipe(text):
    with pytest.raises(NoRecipe, match="holds no recipe"):
        recipe.read(png_with(parameters=text), "x.png")


# ── harm ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_text_that_unpacks_to_gigabytes_costs_nothing():
    bomb = zlib.compress(b"a" * 300_000_000, 9)
    data = pictures.PNG_MAGIC + chunk(b"iTXt", pictures.KEYWORD.encode() + b"\0\1\0\0\0" + bomb)
    started = time.process_time()
    with pytest.raises(NoRecipe):
        recipe.read(data, "bomb.png")
    assert time.process_time() - started < 1


def test_settings_that_would_keep_a_pattern_busy_are_read_at_once():
    hostile = "cat\n" + "Steps: " + 'a: "' + '\\"' * 100_000
    started = time.process_time()
    recipe_or_none = a1111.request_of(hostile)
    assert recipe_or_none is not None and time.process_time() - started < 2
    a1111.request_of("x\nSteps: 1, " + "<lora:" * 50_000)
    a1111.request_of("<lora:a:" * 50_000 + "\nSteps: 1")
    assert time.process_time() - started < 5


def test_what_stands_behind_the_pixels_is_found():
    data = file_of("PNG")
    end = data.rindex(struct.pack(">I", 0) + b"IEND")
    text = chunk(b"tEXt", b"parameters\0" + A1111.encode())
    found = recipe.request_of(recipe.read(data[:end] + text + data[end:], "a.png"))
    assert isinstance(found, ImageRequest) and found.seed == 1234


@given(st.binary(max_size=200), st.integers(0, 600), st.sampled_from(["png", "webp", "jpeg"]))
@settings(deadline=None, max_examples=200)
def test_damage_anywhere_is_a_recipe_or_a_plain_refusal(noise, at, file_format):
    data = pictures.encode(Image.new("RGB", (8, 8)), MADE, file_format)
    try:
        recipe.request_of(recipe.read(data[:at] + noise + data[at + len(noise) :], "x"))
    except NoRecipe as error:
        assert error.say("en") and error.say("zh")


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=200)
def test_any_parameters_are_read_or_left(text):
    found = a1111.request_of(text)
    assert found is None or found.check() is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_settings_line_is_within_its_ranges(value, name):
    found = a1111.request_of(f"p\nSteps: 5, CFG scale: {value}, Seed: {value}, Size: {value}, {name}: {value}")
    assert found is None or found.check() is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 99},
        {"request": {**MADE["request"], "steps": 5000}},
        {"request": {**MADE["request"], "width": "64"}},
        {"request": {**MADE["request"], "image": ""}},
        {"request": {**MADE["request"], "adapters": [{"source": 1}]}},
        {"request": {**MADE["request"], "adapters": [{"source": "tone", "weight": 1e308}]}},
        {"request": None},
    ],
)
def test_a_recipe_that_asks_for_what_cannot_be_is_refused(change):
    data = pictures.encode(Image.new("RGB", (8, 8)), {**MADE, **change}, "png")
    with pytest.raises(NoRecipe) as caught:
        recipe.read(data, "x.png")
    assert caught.value.details["reason"] in ("its recipe is damaged", "its recipe was written by a newer version")

"""What people bring as pictures: opened rightly, or refused in plain words before it costs anything."""

import struct
import time
import zlib
from io import BytesIO
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.errors.requests import EmptyMask, NoMargins, PictureTooLarge, UnreadablePicture
from pipelines.pictures.files import LONGEST_SIDE, open_mask, open_picture
from pipelines.pictures.fitting import enlarge, fit, overlay


def packed(image: Image.Image, file_format: str, **settings: object) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **settings)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with an empty body."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (12_000, 12_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(width, height):
    started = time.process_time()
    with pytest.raises(UnreadablePicture, match="megapixels") as caught:
        open_picture(png_header(width, height), "huge.png")
    assert time.process_time() - started < 0.2
    assert caught.value.say("en") != caught.value.say("zh") and "huge.png" in caught.value.say("zh")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"this is a text file", "it is no picture, whatever its name says"),
        (b"", "it is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is no picture, whatever its name says"),
        (b"\x89PNG\r\n\x1a\n", "it is no picture, whatever its name says"),
        (packed(Image.new("RGB", (64, 64), "red"), "PNG")[:-60], "it is damaged"),
        (packed(Image.effect_noise((64, 64), 80), "JPEG")[:900], "it is damaged"),
        (packed(Image.new("RGB", (8, 8)), "TIFF"), "it is no picture, whatever its name says"),
        (b"\0" * 64_000_001, "it is larger than 64 MB"),
    ],
    ids=["text", "empty", "svg", "only magic", "cut PNG", "cut JPEG", "TIFF", "64 MB"],
)
def test_what_is_no_picture_is_said_plainly(data, reason):
    with pytest.raises(UnreadablePicture) as caught:
        open_picture(data, "cat.png")
    assert caught.value.details == {"name": "cat.png", "reason": reason}
    assert reason not in caught.value.say("zh")


def test_a_file_that_is_gone_is_said_plainly(tmp_path):
    with pytest.raises(UnreadablePicture, match=r"gone\.png"):
        open_picture(tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (packed(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (254, 0, 0)),
        (packed(Image.fromarray(numpy.full((8, 8), 32768, numpy.uint16)), "PNG"), (127, 127, 127)),
        (packed(Image.fromarray(numpy.full((8, 8), 200, numpy.uint16)), "PNG"), (0, 0, 0)),
        (packed(Image.new("P", (8, 8), 1), "PNG"), None),
        (packed(Image.new("1", (8, 8), 1), "PNG"), (255, 255, 255)),
        (packed(Image.new("L", (8, 8), 90), "WEBP", lossless=True), (90, 90, 90)),
        (packed(Image.new("LA", (8, 8), (0, 0)), "PNG"), (255, 255, 255)),
        (packed(Image.new("RGBA", (8, 8), (255, 0, 0, 255)), "PNG"), (255, 0, 0)),
        (packed(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"), (255, 255, 255)),
    ],
    ids=[
        "CMYK",
        "16 bits",
        "16 bits, dark",
        "palette",
        "1 bit",
        "grey WebP",
        "grey and alpha",
        "opaque",
        "transparent",
    ],
)
def test_every_mode_becomes_rgb(data, expected):
    picture = open_picture(data)
    assert picture.mode == "RGB" and picture.size == (8, 8)
    if expected:
        assert numpy.abs(numpy.asarray(picture)[4, 4].astype(int) - expected).max() <= 2


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = packed(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert open_picture(data).getpixel((0, 0)) == (255, 0, 0)


def test_a_phone_picture_stands_upright():
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert open_picture(packed(image, "JPEG", exif=exif)).size == (20, 40)


def test_what_is_larger_than_any_model_draws_is_scaled_down():
    assert open_picture(packed(Image.new("RGB", (6000, 3000)), "PNG")).size == (LONGEST_SIDE, LONGEST_SIDE // 2)


@given(st.binary(max_size=300), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP"]), st.integers(0, 400))
@settings(deadline=None, max_examples=150)
def test_damage_anywhere_is_a_picture_or_a_plain_refusal(noise, file_format, at):
    data = packed(Image.effect_noise((16, 16), 60).convert("RGB"), file_format)
    try:
        assert open_picture(data[:at] + noise + data[at + len(noise) :]).mode == "RGB"
    except UnreadablePicture as error:
        assert error.say("en") and error.say("zh")


# ── masks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def painted(mode: str, ground: object, colour: object) -> bytes:
    image = Image.new(mode, (8, 8), ground)
    image.paste(colour, (0, 0, 4, 8))
    return packed(image, "PNG")


@pytest.mark.parametrize(
    "data",
    [
        painted("L", 0, 255),
        painted("1", 0, 1),
        painted("RGB", "black", "white"),
        painted("RGBA", (0, 0, 0, 0), (255, 255, 255, 255)),
        painted("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
        painted("RGBA", (0, 0, 0, 0), (0, 0, 160, 255)),
        painted("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)),
    ],
    ids=["L", "1", "RGB", "white brush", "black brush", "blue brush", "opaque RGBA"],
)
def test_a_mask_of_any_mode_is_black_and_white_and_of_the_picture_s_size(data):
    mask = open_mask(data, (16, 12))
    assert mask.mode == "L" and mask.size == (16, 12)
    assert mask.getpixel((2, 5)) == 255 and mask.getpixel((14, 5)) == 0
    assert set(mask.tobytes()) == {0, 255}


@pytest.mark.parametrize("data", [painted("L", 0, 0), painted("RGBA", (0, 0, 0, 0), (0, 0, 0, 0))])
def test_an_empty_mask_is_refused(data):
    with pytest.raises(EmptyMask) as caught:
        open_mask(data, (8, 8))
    assert caught.value.say("en") != caught.value.say("zh")


# ── sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 4096), st.integers(1, 4096), st.sampled_from([8, 16, 32, 64]))
def test_a_fitted_size_is_of_whole_patches(width, height, multiple):
    fitted = fit((width, height), 512 * 512, multiple)
    assert all(side % multiple == 0 and side > 0 for side in fitted)


def test_a_canvas_grows_where_it_is_asked_to():
    picture = Image.new("RGB", (10, 6), "red")
    canvas, mask = enlarge(picture, (4, 0, 2, 3))
    assert canvas.size == mask.size == (16, 9)
    assert mask.getpixel((0, 0)) == 255 and mask.getpixel((5, 2)) == 0 and mask.getpixel((15, 8)) == 255
    assert canvas.getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(NoMargins):
        enlarge(picture, (0, 0, 0, 0))
    with pytest.raises(PictureTooLarge):
        enlarge(Image.new("RGB", (4096, 4096)), (2048, 2048, 2048, 2048))


def test_outside_the_mask_no_pixel_changes():
    original = Image.effect_noise((32, 32), 90).convert("RGB")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (8, 8, 24, 24))
    result = numpy.asarray(overlay(Image.new("RGB", (16, 16), "blue"), original, mask))
    outside = numpy.asarray(mask) == 0
    assert (result[outside] == numpy.asarray(original)[outside]).all()
    assert numpy.abs(result[16, 16].astype(int) - (0, 0, 255)).max() <= 2


def test_a_path_gives_the_name_in_the_message(tmp_path: Path):
    (tmp_path / "notes.png").write_text("hello")
    with pytest.raises(UnreadablePicture, match=r"notes\.png"):
        open_picture(tmp_path / "notes.png")

"""What comes out of the box of the input picture: files, or a refusal in plain words."""

from io import BytesIO

import pytest
from PIL import Image

from pipelines.errors.requests import EmptyMask, UnreadablePicture
from studio.ui.image.files import files_of, png
from studio.ui.image.picture_box import Boxed, boxed, bytes_of, url_of


def picture(mode: str = "RGB", size: tuple[int, int] = (8, 4), colour: object = None) -> bytes:
    return png(Image.new(mode, size, colour))  # type: ignore[arg-type]


def test_what_is_put_in_comes_out() -> None:
    value = boxed(b"one", b"two", "c" * 32)
    assert Boxed.read(value) == Boxed(b"one", b"two", "c" * 32)
    assert Boxed.read({}) == Boxed.read(None) == Boxed.read({"picture": "", "source": 5}) == Boxed()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "data:image/png;base64,",
        "data:image/png;base64,%%%",
        "/etc/passwd",
        "http://x/y.png",
        {"path": "/etc/passwd"},
    ],
)
def test_what_no_box_made_is_refused(url: object) -> None:
    with pytest.raises(UnreadablePicture):
        bytes_of(url, "picture")


def test_the_files_of_a_task_are_png_of_what_it_takes() -> None:
    jpeg = BytesIO()
    Image.new("CMYK", (8, 4)).save(jpeg, "JPEG")
    value = {"picture": url_of(jpeg.getvalue()), "mask": url_of(picture("L", (4, 2), 255)), "source": "c"}
    assert files_of("text-to-image", value) == ({}, "")
    files, source = files_of("image-to-image", value)
    assert list(files) == ["image"] and source == "c"
    files, _ = files_of("inpaint", value)
    with Image.open(BytesIO(files["image"])) as image, Image.open(BytesIO(files["mask"])) as mask:
        assert (image.mode, image.size, mask.mode, mask.size) == ("RGB", (8, 4), "L", (8, 4))


def test_an_inpainting_needs_something_painted() -> None:
    for mask in ("", url_of(picture("L", colour=0))):
        with pytest.raises(EmptyMask):
            files_of("inpaint", {"picture": url_of(picture()), "mask": mask})
    assert files_of("inpaint", {}) == ({}, ""), "the request says what is missing"

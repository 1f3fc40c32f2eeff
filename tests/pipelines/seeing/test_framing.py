"""A drawing is cut out of its ground, and a photograph left alone."""

import numpy
from PIL import Image, ImageDraw

from pipelines.seeing.framing import framed


def drawing(size: tuple[int, int], box: tuple[int, int, int, int], ground: str = "white") -> Image.Image:
    picture = Image.new("RGB", size, ground)
    ImageDraw.Draw(picture).rectangle(box, fill="red")
    return picture


def test_what_is_drawn_comes_into_the_middle_of_a_square():
    made = framed(drawing((400, 90), (300, 20, 339, 59), "navy"), 1.5)
    assert made.size == (60, 60)
    assert made.getpixel((30, 30)) == (255, 0, 0) and made.getpixel((2, 2)) == (0, 0, 128)
    assert made.getpixel((12, 30)) == (255, 0, 0) and made.getpixel((8, 30)) == (0, 0, 128)


def test_a_tall_one_is_not_squeezed():
    made = framed(drawing((100, 100), (45, 10, 54, 89)), 1.0)
    assert made.size == (80, 80)
    assert sum(made.getpixel((x, 40)) == (255, 0, 0) for x in range(80)) == 10


def test_without_an_even_ground_or_a_drawing_it_stays_as_it_is():
    noise = Image.fromarray(numpy.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=numpy.uint8))
    empty = Image.new("RGB", (40, 60), "white")
    assert framed(noise, 1.2) is noise and framed(empty, 1.2) is empty
    assert framed(Image.new("RGB", (1, 1)), 1.2).size == (1, 1)


def test_a_long_thin_picture_asks_for_no_huge_square():
    assert max(framed(drawing((40_000, 300), (10, 10, 39_000, 290), "navy"), 1.5).size) < 4000
    assert framed(Image.new("RGB", (60_000, 1), "white"), 1.5).height == 1

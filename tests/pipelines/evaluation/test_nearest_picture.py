"""The metric finds a picture among others by its pixels, and counts what it found."""

from PIL import Image, ImageDraw, ImageFilter

from pipelines.evaluation.nearest_picture import NearestPicture, hits


def disc(colour: str, at: int) -> Image.Image:
    picture = Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(picture).ellipse((at, at, at + 60, at + 60), fill=colour, outline="black")
    return picture


CATALOG = [disc(colour, at) for colour in ("red", "green", "blue") for at in (0, 30, 60)]


def test_every_picture_is_nearest_to_itself_even_when_blurred():
    search = NearestPicture(CATALOG)
    for place, picture in enumerate(CATALOG):
        assert search.nearest(picture)[0] == place
        assert search.nearest(picture.filter(ImageFilter.GaussianBlur(4)))[0] == place


def test_as_many_as_asked_for_nearest_first_by_place_before_colour():
    search = NearestPicture(CATALOG)
    assert search.nearest(CATALOG[0], 3)[0] == 0
    assert len(search.nearest(CATALOG[0])) == 5
    assert set(search.nearest(disc("darkred", 30), 1)) == {1}


def test_hits_counts_rows_where_one_of_the_wanted_was_found():
    assert hits([[1, 2], [3, 4], [5, 6]], [{2}, {9, 3}, {1}]) == 2
    assert hits([], []) == 0

"""A drawing cut out of its empty ground and put in the middle of a square. Knows no model."""

from typing import Any

LIKE = 24  # levels: grounds of two corners that differ by less are one
LONGEST = 2048  # pixels: what is longer is made smaller, so that no long thin picture asks for a huge square


def framed(picture: Any, room: float) -> Any:
    """Of an RGB picture (PIL) a square, `room` times as large as what is drawn; one without an even ground stays as it is."""
    from PIL import Image, ImageChops

    if max(picture.size) > LONGEST:
        picture = picture.copy()
        picture.thumbnail((LONGEST, LONGEST))

    # 1 The ground, where all four corners agree about it
    right, bottom = picture.width - 1, picture.height - 1
    corners = [picture.getpixel(corner) for corner in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
    if any(max(levels) - min(levels) > LIKE for levels in zip(*corners, strict=True)):
        return picture
    ground = tuple(sorted(levels)[1] for levels in zip(*corners, strict=True))

    # 2 What differs from it
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, ground))
    strongest = ImageChops.lighter(ImageChops.lighter(*difference.split()[:2]), difference.split()[2])
    box = strongest.point(lambda level: 255 * (level > LIKE)).getbbox()
    if box is None:
        return picture

    # 3 In the middle
    width, height = box[2] - box[0], box[3] - box[1]
    side = max(1, round(max(width, height) * room))
    square = Image.new("RGB", (side, side), ground)
    square.paste(picture.crop(box), ((side - width) // 2, (side - height) // 2))
    return square

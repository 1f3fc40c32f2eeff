"""The files of an image request, out of whatever pictures a person brought. Knows no gradio."""

from io import BytesIO
from typing import Any

from pipelines.errors.requests import EmptyMask
from pipelines.pictures.files import open_mask, open_picture
from pipelines.types.image import ImageTask
from studio.ui.image.chosen import WITH_SIZE
from studio.ui.image.picture_box import Boxed

QUICK_COMPRESSION = 1  # of zlib's 9 levels: these files live as long as a job


def files_of(mode: ImageTask, value: object) -> tuple[dict[str, bytes], str]:
    """The files that a task takes of what stands in the box, as PNG, and the creation that its picture is.

    Raises UnreadablePicture, PictureTooLarge or EmptyMask.
    """
    if mode in WITH_SIZE:
        return {}, ""
    boxed = Boxed.read(value)
    if boxed.picture is None:
        return {}, ""
    return files_from(mode, boxed.picture, boxed.mask), boxed.source


def files_from(mode: ImageTask, picture: bytes, mask: bytes | None) -> dict[str, bytes]:
    """As `files_of`, for files of any picture format. An inpainting without a mask has an empty one."""
    image = open_picture(picture)
    if mode != "inpaint":
        return {"image": png(image)}
    if mask is None:
        raise EmptyMask()
    return {"image": png(image), "mask": png(open_mask(mask, image.size))}


def png(image: Any) -> bytes:
    data = BytesIO()
    image.save(data, "PNG", compress_level=QUICK_COMPRESSION)
    return data.getvalue()

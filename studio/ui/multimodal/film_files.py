"""Files between the form of the Film sub-tab and a request: looked at before they are taken. Knows no gradio."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.errors.film import PicturesTooLarge, TooManyPictures, UnreadableFilm
from pipelines.film.taking import format_of
from pipelines.pictures.files import open_picture
from pipelines.types.clip import MOST_PICTURES
from studio.ui.audio.files import Given
from studio.ui.image.files import png

LIMIT_BYTES = 256_000_000  # of all pictures of a film, or of a film: they are in memory while a job is asked for


def pictures_given(paths: object) -> list[Given]:
    """Raises UnreadablePicture, PictureTooLarge, TooManyPictures or PicturesTooLarge."""
    named = [path for path in paths if isinstance(path, str)] if isinstance(paths, Sequence) else []
    if len(named) > MOST_PICTURES:
        raise TooManyPictures(count=len(named), limit=MOST_PICTURES)
    size = sum(Path(path).stat().st_size for path in named)
    if size > LIMIT_BYTES:
        raise PicturesTooLarge(megabytes=size / 1e6, limit=LIMIT_BYTES / 1e6)
    given = []
    for path in named:
        data = Path(path).read_bytes()
        open_picture(data, Path(path).name)
        given.append(Given(path, data))
    return given


def picture_given(path: object) -> Given | None:
    """Raises UnreadablePicture or PictureTooLarge."""
    return Given(path, png(open_picture(Path(path)))) if isinstance(path, str) and path else None


def film_given(path: object) -> Given | None:
    """Raises UnreadableFilm, in words, for what is none. The rest of it is looked at when its turn comes."""
    if not isinstance(path, str) or not path:
        return None
    name = Path(path).name
    with Path(path).open("rb") as file:
        data = file.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise UnreadableFilm(name=name, reason="it is larger than 256 MB")
    if not format_of(data[:16]):
        reason = "it is no film, whatever its name says" if data else "it is empty"
        raise UnreadableFilm(name=name, reason=reason)
    return Given(path, data)

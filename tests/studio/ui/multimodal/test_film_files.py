"""The files of the Film sub-tab: what is no film or too much is refused before a job is asked for."""

from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.film import PicturesTooLarge, TooManyPictures, UnreadableFilm
from pipelines.errors.requests import UnreadablePicture
from studio.ui.multimodal import film_files
from studio.ui.multimodal.film_files import film_given, picture_given, pictures_given


def file(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def test_what_is_no_film_or_too_large_is_refused_by_what_it_holds(tmp_path, monkeypatch):
    assert film_given(None) is None and film_given("") is None
    film = film_given(file(tmp_path, "film.mp4", b"\0\0\0\x20ftypisom"))
    assert film is not None and film.data[4:8] == b"ftyp"
    for name, data, said in (("text.mp4", b"text", "no film"), ("empty.mp4", b"", "empty")):
        with pytest.raises(UnreadableFilm, match=said):
            film_given(file(tmp_path, name, data))
    monkeypatch.setattr(film_files, "LIMIT_BYTES", 10)
    with pytest.raises(UnreadableFilm, match="larger"):
        film_given(str(tmp_path / "film.mp4"))


def test_pictures_come_in_their_order_and_in_bounds(tmp_path, monkeypatch):
    paths = []
    for name in "ba":
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    assert [one.path for one in pictures_given(paths)] == paths and pictures_given(None) == []
    assert picture_given(None) is None and picture_given(paths[0]) is not None
    with pytest.raises(TooManyPictures):
        pictures_given(paths * 51)
    with pytest.raises(UnreadablePicture, match="text"):
        pictures_given([*paths, file(tmp_path, "text.png", b"text")])
    monkeypatch.setattr(film_files, "LIMIT_BYTES", 10)
    with pytest.raises(PicturesTooLarge):
        pictures_given(paths)

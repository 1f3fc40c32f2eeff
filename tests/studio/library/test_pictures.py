"""Pictures in the library: files with more files beside them, found by what they were asked to show."""

import os
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.access import NotFound
from pipelines.errors.storage import DiskFull
from pipelines.types.crossing import to_json
from pipelines.types.image import ImageRequest
from studio.library.creations import Creations
from studio.library.pictures import THUMBNAIL_PIXELS, thumbnail

ANN, BEN = "visitor:ann", "login:ben"


def recipe_of(prompt: str) -> dict:
    return {"schema": 1, "request": to_json(ImageRequest("m", prompt=prompt, seed=7))}


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    library = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield library
    library.close()


def save(creations: Creations, prompt: str = "a red apple", parents: tuple[str, ...] = (), **parts: bytes) -> str:
    made = creations.save_file(ANN, "image", b"\x89PNG", recipe_of(prompt), prompt, "0" * 32, parents, parts)
    creations.index(ANN, made)
    return made


def test_a_picture_is_a_file_with_others_beside_it(creations: Creations) -> None:
    made = save(creations, image=b"input", mask=b"mask", thumbnail=b"small")
    assert creations.path(ANN, made).name == f"{made}.png"
    for part, data in (("", b"\x89PNG"), ("image", b"input"), ("mask", b"mask"), ("thumbnail", b"small")):
        assert creations.path(ANN, made, part).read_bytes() == data


def test_others_find_neither_the_file_nor_what_stands_beside_it(creations: Creations) -> None:
    made = save(creations, image=b"input")
    for part in ("", "image", "mask", "thumbnail", "../secret", ".json", "json"):
        with pytest.raises(NotFound):
            creations.path(BEN, made, part)
    for part in ("mask", "../secret", ".json", "json"):
        with pytest.raises(NotFound):
            creations.path(ANN, made, part)


def test_it_is_found_by_its_prompt_and_its_kind(creations: Creations) -> None:
    apple, cat = save(creations), save(creations, "一只猫")
    text = creations.save(ANN, "text", "an apple a day", {}, "Apple", "0" * 32)
    creations.index(ANN, text)
    assert [item.creation.id for item in creations.list(ANN, "apple", kind="image").items] == [apple]
    assert [item.creation.id for item in creations.list(ANN, "猫").items] == [cat]
    assert [item.creation.id for item in creations.list(ANN, "apple").items] == [text, apple]
    assert creations.list(ANN, kind="image").items[1].excerpt == "a red apple"


@pytest.mark.parametrize("request_", [None, 5, {"prompt": 5}, "text"])
def test_a_recipe_of_any_shape_is_indexed(creations: Creations, request_: object) -> None:
    made = creations.save_file(ANN, "image", b"x", {"request": request_}, "t", "0" * 32)
    creations.index(ANN, made)
    assert creations.list(ANN).items[0].excerpt == ""


def test_it_names_its_parents(creations: Creations) -> None:
    first = save(creations)
    assert creations.get(ANN, save(creations, parents=(first,))).parents == (first,)


def test_deleting_takes_everything_along(creations: Creations, tmp_path: Path) -> None:
    made, kept = save(creations, image=b"i", mask=b"m", thumbnail=b"t"), save(creations, image=b"i")
    creations.delete(ANN, made)
    names = {path.name for path in (tmp_path / "library").glob("*/*")}
    assert names == {f"{kept}.png", f"{kept}.json", f"{kept}.image.png"}


def test_what_a_crash_left_without_a_sidecar_is_swept_once_it_is_old(creations: Creations, tmp_path: Path) -> None:
    kept = save(creations, image=b"i")
    folder = creations.path(ANN, kept).parent
    left = [folder / f"{'f' * 32}{suffix}" for suffix in (".png", ".image.png", ".mask.png", ".thumbnail.webp")]
    for path in left:
        path.write_bytes(b"x")
    creations.refresh()
    assert all(path.exists() for path in left), "a worker may still be writing"
    for path in left:
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    creations.refresh()
    assert not any(path.exists() for path in left)
    assert creations.path(ANN, kept, "image").read_bytes() == b"i"


def test_a_full_disk_leaves_nothing(creations: Creations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = os.fsync
    calls = 0

    def full_after_three(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise OSError(28, "No space left on device")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", full_after_three)
    with pytest.raises(DiskFull):
        save(creations, image=b"i", thumbnail=b"t")
    assert list((tmp_path / "library").glob("*/*")) == []


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_thumbnail_is_small_and_keeps_the_shape(mode: str) -> None:
    with Image.open(BytesIO(thumbnail(Image.new(mode, (2000, 1000))))) as small:
        assert small.size == (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS // 2) and small.format == "WEBP"
    with Image.open(BytesIO(thumbnail(Image.new(mode, (64, 64))))) as small:
        assert small.size == (64, 64)

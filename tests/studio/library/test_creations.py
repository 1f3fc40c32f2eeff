"""The library: files are the truth, the index is made from them, and each person sees their own."""

import json
import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.storage import DiskFull
from pipelines.provenance import recipe
from pipelines.types.text import Message, Sampling, TextRequest
from studio.library.creations import PAGE_SIZE, Creation, Creations

ANN, BEN = "visitor:ann", "login:ben"
RECIPE = recipe.make(TextRequest(model="m", task="write", text="写一首诗", sampling=Sampling(seed=7)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def creations(home: Path) -> Iterator[Creations]:
    library = open_library(home)
    yield library
    library.close()


def open_library(home: Path) -> Creations:
    return Creations(home / "library", home / "studio.db")


def save(creations: Creations, text: str, title: str = "A poem", owner: str = ANN) -> str:
    """As a worker saves and the server then indexes."""
    id = creations.save(owner, "text", text, RECIPE, title, "0" * 32)
    creations.index(owner, id)
    return id


def found(creations: Creations, query: str = "", owner: str = ANN) -> list[str]:
    return [item.creation.id for item in creations.list(owner, query).items]


def test_a_saved_text_is_a_file_with_its_recipe_and_is_found(creations: Creations) -> None:
    id = save(creations, "床前明月光\n疑是地上霜")
    path = creations.path(ANN, id)
    assert path.suffix == ".md" and path.read_text().startswith("床前明月光\n疑是地上霜\n")
    assert recipe.read(path) == recipe.read(path.with_suffix(".json")) == RECIPE
    assert creations.text(ANN, id) == "床前明月光\n疑是地上霜"
    (item,) = creations.list(ANN).items
    assert item.excerpt == "床前明月光\n疑是地上霜"
    assert item.creation == creations.get(ANN, id)
    assert (item.creation.title, item.creation.kind, item.creation.job_id) == ("A poem", "text", "0" * 32)
    assert item.creation.recipe == RECIPE


def test_a_worker_never_opens_the_index(creations: Creations, home: Path) -> None:
    id = creations.save(ANN, "text", "by a worker", RECIPE, "t", "job", parents=["f" * 32])
    assert not (home / "studio.db").exists()
    assert creations.index(ANN, id).parents == ("f" * 32,)


def test_search_takes_every_word_as_it_is_written(creations: Creations) -> None:
    poem = save(creations, "床前明月光 100% sure_of it", "静夜思")
    other = save(creations, "100 percent surely! 春眠不觉晓")
    assert found(creations, "明月") == found(creations, "静夜 SURE") == found(creations, "100%") == [poem]
    assert found(creations, "sure_") == found(creations, "% _") == [poem]
    assert found(creations, "!") == found(creations, "晓") == [other]
    assert found(creations, "100") == [other, poem]
    assert found(creations, "明月 晓") == found(creations, "' OR 1=1 --") == []
    assert found(creations, "x" * 1_000_000) == found(creations, "\ud800") == []
    assert found(creations, "\0") == [other, poem]


def test_search_finds_what_was_asked(creations: Creations) -> None:
    poem = save(creations, "床前明月光", "静夜思")
    turns = (Message("user", "earlier"), Message("assistant", "yes"), Message("user", 'A "quoted" naïve question'))
    chat = creations.save(ANN, "text", "answer", recipe.make(TextRequest("m", messages=turns)), "t", "0" * 32)
    bare = creations.save(ANN, "text", "bare", {"odd": float("nan")}, "t", "0" * 32)
    for id in (chat, bare):
        creations.index(ANN, id)
    assert found(creations, "写一首") == found(creations, "明月 一首") == [poem]
    assert found(creations, '"quoted" naïve') == [chat]
    assert found(creations, "earlier") == found(creations, "assistant") == found(creations, "recipe") == []
    assert found(creations, "bare") == [bare]


def test_stars_stay_in_the_sidecar(creations: Creations, home: Path) -> None:
    first, second = save(creations, "one"), save(creations, "two")
    assert creations.star(ANN, first).is_starred
    assert [item.creation.id for item in creations.list(ANN, only_starred=True).items] == [first]
    assert json.loads(creations.path(ANN, first).with_suffix(".json").read_text())["is_starred"] is True
    creations.star(ANN, first, False)
    assert creations.list(ANN, only_starred=True).total == 0
    creations.star(ANN, second)
    creations.close()
    (home / "studio.db").unlink()
    assert [item.creation.id for item in open_library(home).list(ANN, only_starred=True).items] == [second]


def test_pages_of_the_newest_first(creations: Creations) -> None:
    ids = [save(creations, f"text {n}") for n in range(PAGE_SIZE + 2)][::-1]
    first, last = creations.list(ANN), creations.list(ANN, page=1)
    assert [item.creation.id for item in first.items] == ids[:PAGE_SIZE]
    assert [item.creation.id for item in last.items] == ids[PAGE_SIZE:]
    assert (first.number, first.pages, first.total) == (0, 2, PAGE_SIZE + 2)
    assert creations.list(ANN, page=99) == last
    assert creations.list(ANN, page=-1) == first
    assert creations.list(ANN, kind="text").total == PAGE_SIZE + 2
    assert creations.list(ANN, kind="image").items == ()


def test_delete_takes_the_files_and_the_row(creations: Creations, home: Path) -> None:
    id, kept = save(creations, "one"), save(creations, "two")
    creations.delete(ANN, id)
    assert found(creations) == [kept]
    assert sorted(path.stem for path in (home / "library").glob("*/*")) == [kept, kept]
    with pytest.raises(NotFound):
        creations.delete(ANN, id)


def test_somebody_elses_creation_does_not_exist(creations: Creations, home: Path) -> None:
    id = save(creations, "secret")
    before = {path: path.read_bytes() for path in (home / "library").glob("*/*")}
    for attempt in (creations.get, creations.path, creations.text, creations.star, creations.delete, creations.index):
        with pytest.raises(NotFound):
            attempt(BEN, id)
    assert creations.list(BEN).total == creations.list(BEN, "secret").total == 0
    assert {path: path.read_bytes() for path in (home / "library").glob("*/*")} == before
    assert found(creations) == [id]


def test_a_sidecar_copied_into_anothers_folder_is_not_theirs(creations: Creations) -> None:
    id = save(creations, "secret")
    theirs = creations.path(BEN, save(creations, "mine", owner=BEN)).parent
    path = creations.path(ANN, id)
    for name in (path, path.with_suffix(".json")):
        (theirs / name.name).write_bytes(name.read_bytes())
    with pytest.raises(NotFound):
        creations.path(BEN, id)


@pytest.mark.parametrize(
    "id", ["", "..", "../../studio", "a" * 31, "A" * 32, "a" * 32 + "\n", "/etc/passwd", "%2e%2e", "\0"]
)
def test_an_id_from_outside_never_becomes_a_path(creations: Creations, id: str) -> None:
    save(creations, "text")
    for attempt in (creations.get, creations.path, creations.text, creations.star, creations.delete, creations.index):
        with pytest.raises(NotFound):
            attempt(ANN, id)


@pytest.mark.parametrize("damage", ["deleted", "garbage", "cut", "no table"])
def test_the_index_is_made_again_from_the_files(creations: Creations, home: Path, damage: str) -> None:
    ids = [save(creations, f"text {n}") for n in range(30)][::-1]
    creations.star(ANN, ids[3])
    before = [creations.list(ANN, page=n) for n in range(2)]
    creations.close()
    index = home / "studio.db"
    if damage == "deleted":
        index.unlink()
    elif damage == "garbage":
        index.write_bytes(os.urandom(index.stat().st_size))
    elif damage == "cut":
        index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])
    else:
        database = sqlite3.connect(index)
        database.execute("DROP TABLE creations")
        database.close()
    again = open_library(home)
    assert [again.list(ANN, page=n) for n in range(2)] == before
    again.close()


def test_opening_takes_in_what_the_index_missed(creations: Creations, home: Path) -> None:
    gone, starred, kept = save(creations, "gone"), save(creations, "starred"), save(creations, "kept")
    creations.close()
    elsewhere = open_library(home)
    missed = elsewhere.save(ANN, "text", "the server was down", RECIPE, "t", "job")
    for path in (home / "library").glob(f"*/{gone}.*"):
        path.unlink()
    sidecar = next((home / "library").glob(f"*/{starred}.json"))
    sidecar.write_text(sidecar.read_text().replace('"is_starred": false', '"is_starred": true'))
    assert found(creations) == [missed, kept, starred]
    assert creations.list(ANN, only_starred=True).total == 1


def test_what_has_no_sidecar_is_ignored_and_swept_when_nobody_can_be_writing_it(
    creations: Creations, home: Path
) -> None:
    folder = creations.path(ANN, save(creations, "whole")).parent
    long_ago = time.time() - 7200
    for name in ("a" * 32 + ".md", ".x.part"):
        (folder / name).write_text("old")
        os.utime(folder / name, (long_ago, long_ago))
    for name in ("b" * 32 + ".md", ".y.part", "notes.txt"):
        (folder / name).write_text("new")
    (folder / ("c" * 32 + ".json")).write_text('{"id": "')
    (folder / ("d" * 32 + ".json")).write_text("[" * 100_000)
    creations.refresh()
    assert creations.list(ANN).total == 1
    names = {path.name for path in folder.iterdir()}
    assert {"b" * 32 + ".md", ".y.part", "notes.txt", "c" * 32 + ".json"} <= names
    assert not {"a" * 32 + ".md", ".x.part"} & names
    for id in ("a" * 32, "b" * 32, "c" * 32, "d" * 32):
        with pytest.raises(NotFound):
            creations.path(ANN, id)


def test_a_full_disk_leaves_no_half_creation(creations: Creations, home: Path) -> None:
    id = save(creations, "one")
    files = sorted((home / "library").glob("*/*"))
    huge_recipe = recipe.make(TextRequest(model="m", task="write", text="x" * 100_000))
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, was[1]))
    try:
        for text, used in (("x" * 100_000, RECIPE), ("short", huge_recipe)):
            with pytest.raises(DiskFull) as caught:
                creations.save(ANN, "text", text, used, "t", "job")
            assert str(home) in str(caught.value.details["path"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    assert sorted((home / "library").glob("*/*")) == files
    assert found(creations) == [id]


def test_when_the_index_cannot_grow_the_file_is_there_and_found_later(creations: Creations, home: Path) -> None:
    kept = save(creations, "one")
    id = creations.save(ANN, "text", "x" * 200_000, RECIPE, "t", "job")
    assert creations._index is not None
    creations._index.execute("PRAGMA max_page_count = 10")  # what SQLite may use of the disk
    with pytest.raises(DiskFull):
        creations.index(ANN, id)
    assert found(creations) == [kept]
    creations.close()
    assert found(creations) == [id, kept]


def test_text_with_lone_surrogates_or_a_recipe_of_its_own(creations: Creations) -> None:
    odd = save(creations, "a\ud800b", "t\udfff")
    assert creations.text(ANN, odd) == "a?b"
    assert creations.get(ANN, odd).title == "t?"
    inner = recipe.markdown("inner", recipe.make(TextRequest(model="other", task="write", text="x")))
    id = save(creations, inner)
    assert creations.text(ANN, id) == inner
    assert recipe.read(creations.path(ANN, id)) == RECIPE


def test_threads_and_workers_at_once(creations: Creations, home: Path) -> None:
    def work(k: int) -> list[str]:
        worker, made = open_library(home), []
        for n in range(8):
            made.append(worker.save(ANN, "text", f"text {k} {n}", RECIPE, "t", "job"))
            creations.index(ANN, made[-1])
            creations.star(ANN, made[-1])
            assert made[-1] in found(creations, f"{k} {n}")
        return made

    with ThreadPoolExecutor(6) as threads:
        made = {id for ids in threads.map(work, range(6)) for id in ids}
    assert creations.list(ANN, only_starred=True).total == len(made) == 48


def test_every_kind_in_the_table_of_suffixes_is_saved_by_it(creations: Creations) -> None:
    with pytest.raises(KeyError):
        creations.save(ANN, "opera", "text", RECIPE, "t", "job")
    assert isinstance(creations.get(ANN, save(creations, "text")), Creation)

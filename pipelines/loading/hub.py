"""Fetches a model from the Hugging Face hub: only the files that are opened here, never a pickle.

huggingface_hub keeps the files and reads the environment (HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE). This file
knows no model family.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import ModelGated, ModelNotHere, StudioError, UnknownModel, UnsafeModel
from pipelines.loading.weights import check_json_files
from pipelines.types import Loading, ModelSpec, OnEvent

TOKENIZER_FILES = ("*.json", "tokenizer.model", "*.jinja", "vocab.txt", "merges.txt", "spiece.model")
GGUF_PREFERENCE = ("q4_k_m", "q4_0", "q8_0")


def folder_on_disk(spec: ModelSpec) -> Path | None:
    """The folder of a model that is already here with all its weights, else None. Never goes to the network."""
    try:
        folder = _snapshot_folder(spec)
        index = folder / "model.safetensors.index.json"
        if index.exists():
            shards = json.loads(index.read_bytes())["weight_map"].values()
            return folder if all((folder / str(shard)).exists() for shard in shards) else None
        weights = (*folder.glob("*.safetensors"), *folder.glob("*.gguf"), *folder.glob("openvino_model.bin"))
        return folder if any(file.exists() for file in weights) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no such folder, no such index
        return None


def _snapshot_folder(spec: ModelSpec) -> Path:
    """Where the hub's cache keeps this revision; it need not be there.

    Source of the layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    from huggingface_hub import constants

    repository = Path(constants.HF_HUB_CACHE) / f"models--{spec.location.replace('/', '--')}"
    branch = repository / "refs" / spec.revision
    commit = branch.read_text().strip() if branch.is_file() else spec.revision
    return repository / "snapshots" / commit


def snapshot(spec: ModelSpec, on_event: OnEvent) -> Path:
    """The folder of the model (or LoRA adapter) at `spec.location`, fetched where needed.

    Raises ModelNotHere, ModelGated, UnknownModel, UnsafeModel. What `on_event` raises stops the download; the parts that
    are here are used the next time.
    """
    from huggingface_hub import HfApi, hf_hub_download

    folder = folder_on_disk(spec)
    if folder is not None:
        return folder
    with _in_plain_words(spec):
        # 1 What is there, and which of it is opened here
        info = HfApi().model_info(spec.location, revision=spec.revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        wanted = _wanted(sizes, spec.name)

        # 2 One by one, the small files first: a model that is refused is not downloaded, and weights that are here
        #   mean that everything else is
        progress = _progress(spec.name, sum(sizes[name] for name in wanted), on_event)
        folders = set()
        for name in wanted:
            file = Path(hf_hub_download(spec.location, name, revision=spec.revision, tqdm_class=progress))
            folders.add(file.parent)
            if name.endswith("config.json"):
                check_json_files(file.parent, spec.name, name)
        if len(folders) > 1:
            raise ModelNotHere(model=spec.name, reason="it changed on the hub during the download; start again")
        return folders.pop()


def _wanted(sizes: dict[str, int], model: str) -> list[str]:
    """The names at the top of the repository to fetch: configs, tokenizer, and last one form of the weights."""
    names = sorted(name for name in sizes if "/" not in name)
    small = [name for name in names if any(Path(name).match(pattern) for pattern in TOKENIZER_FILES)]
    openvino = [name for name in names if name.startswith("openvino_") and name.endswith((".xml", ".bin"))]
    tensors = [name for name in names if name.endswith(".safetensors") and not name.startswith("consolidated")]
    packed = [name for name in names if name.lower().endswith(".gguf")]
    if openvino and "openvino_model.xml" in openvino:
        return small + sorted(openvino, key=lambda name: name == "openvino_model.bin")
    if tensors:
        return small + tensors
    if packed:
        best = [name for wish in GGUF_PREFERENCE for name in packed if wish in name.lower()]
        return small + (best or packed)[:1]
    raise UnsafeModel(model=model, reason="its repository holds no safetensors or GGUF weights")


def _progress(model: str, total_bytes: int, on_event: OnEvent) -> type:
    """A tqdm that draws nothing and reports the bytes of all files together."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    done = {"bytes": 0}

    class Reporter(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts_bytes = kwargs.get("unit") == "B"
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            if self._counts_bytes:
                done["bytes"] += int(n or 0)
                on_event(Loading("download", model, min(done["bytes"], total_bytes), total_bytes))
            return super().update(n)

    return Reporter


@contextmanager
def _in_plain_words(spec: ModelSpec) -> Iterator[None]:
    """Turns what the hub, the network and the disk say into this project's errors."""
    import httpx2
    from huggingface_hub import errors

    link = f"https://huggingface.co/{spec.location}"
    try:
        yield
    except StudioError:
        raise
    except errors.GatedRepoError as error:
        raise ModelGated(model=spec.name, link=link) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise UnknownModel(model=spec.location) from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise ModelNotHere(model=spec.name, reason="the hub cannot be reached") from error
    except (httpx2.TransportError, ConnectionError, TimeoutError, socket.gaierror) as error:
        raise ModelNotHere(model=spec.name, reason="the hub cannot be reached") from error
    except (errors.HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ModelNotHere(model=spec.name, reason=reason) from error

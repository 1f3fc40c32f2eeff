"""Where the weights of a loaded model lie: in memory of their own, quantised, on a GPU, in RAM beside it, or on disk.

Single models are placed by accelerate while they load (`device_map`, with "cpu" and "disk" places); of a diffusers
pipeline, which takes no such maps, the largest components get accelerate's offload hooks. What has hooks is never moved:
closing takes them off. It knows no class of model.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.loading.placement import packed
from pipelines.loading.placement.devices import Place


def placed(place: Place, offload_folder: str) -> dict[str, Any]:
    """What `from_pretrained` of a single model wants to know of `place`. The folder is for what stays on disk."""
    if place.weights_in_memory_bytes is None:
        return {"device_map": place.device_map}
    device: int | str = 0 if place.device == "cuda" else place.device
    bounds = {device: place.weights_in_memory_bytes}
    if place.device == "cuda":
        import psutil

        bounds["cpu"] = int(psutil.virtual_memory().available * 0.8)
    return {"device_map": "auto", "max_memory": bounds, "offload_folder": offload_folder}


def quantised(place: Place, library: Any) -> dict[str, Any]:
    """What `from_pretrained` of `library` (transformers or diffusers) wants to know of the quantisation on a GPU; else {}.

    LLM.int8 (Dettmers et al. 2022, https://arxiv.org/abs/2208.07339) and NF4 (Dettmers et al. 2023,
    https://arxiv.org/abs/2305.14314), both by bitsandbytes.
    """
    if not place.quantisation or place.device != "cuda":
        return {}
    import torch

    settings: dict[str, Any] = {"load_in_8bit": True}
    if place.quantisation == "int4":
        compute = getattr(torch, place.dtype)
        settings = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": compute}
    return {"quantization_config": library.BitsAndBytesConfig(**settings)}


def settle(module: Any, place: Place, *, is_quantised: bool = True) -> None:
    """After a module has been loaded whole: to its device, its weights in memory of this process, and quantised where
    that was chosen and no GPU has done it (not where `is_quantised` is false: a decoder of pictures loses too much)."""
    if place.quantisation and place.device != "cuda" and is_quantised:
        packed.quantise(module, place.dtype, place.quantisation)
    if is_movable(module):
        module.to(place.device)
    own_weights(module)


def offload_folder(place: Place) -> "tempfile.TemporaryDirectory[str] | None":
    """A folder for what of one model stays on disk, to be cleaned up when it closes; None where nothing does.

    Those of processes that were killed are swept away here.
    """
    if place.weights_in_memory_bytes is None or place.offload_folder is None:
        return None
    place.offload_folder.mkdir(parents=True, exist_ok=True)
    for left in place.offload_folder.iterdir():
        with suppress(ValueError, OSError):
            if not _is_alive(int(left.name.partition("-")[0])):
                shutil.rmtree(left)
    return tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=place.offload_folder)


def offload_largest(modules: Iterable[Any], place: Place, folder: str) -> None:
    """Leaves the largest of `modules` on disk (on CUDA: in RAM) until the others fit into `place.weights_in_memory_bytes`.

    Their submodules' weights come when they are needed and go again (accelerate's hooks).
    """
    import torch
    from accelerate import cpu_offload, disk_offload

    assert place.weights_in_memory_bytes is not None
    by_size = sorted(modules, key=lambda module: bytes_in_memory([module]))
    held = bytes_in_memory(by_size)
    device = torch.device(place.device)
    while by_size and held > place.weights_in_memory_bytes:
        largest = by_size.pop()
        held -= bytes_in_memory([largest])
        if place.device == "cuda":
            cpu_offload(largest, execution_device=device, offload_buffers=True)
        else:
            disk_offload(largest, str(Path(folder) / str(len(by_size))), execution_device=device, offload_buffers=True)
    for module in by_size:
        module.to(device)


def own_weights(module: Any) -> None:
    """Copies weights on the CPU out of the mapped file into memory of this process.

    A mapped weight is read when it is first used, so the load would be over before it has begun, and it is counted nowhere;
    a file that is changed or cut short under it ends the process.
    """
    import torch

    for tensor in {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}.values():
        if tensor.device.type == "cpu" and type(tensor.data) is torch.Tensor:
            tensor.data = tensor.data.clone()


def bytes_in_memory(modules: Iterable[Any]) -> int:
    """Bytes of all weights and buffers that are there: nothing for those on disk, and quantised ones as they lie."""
    tensors = {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values() if not tensor.is_meta)


def device_of(module: Any) -> Any:
    """Where the inputs of `module` must be: of a dispatched one that is not where its weights are."""
    device = getattr(getattr(module, "_hf_hook", None), "execution_device", None)
    return module.device if device is None else device


def is_movable(module: Any) -> bool:
    """Whether `.to` may be called: not on what accelerate dispatched or a library has quantised."""
    is_dispatched = any(hasattr(part, "_hf_hook") for part in module.modules())
    return not is_dispatched and getattr(module, "hf_quantizer", None) is None


def move(modules: Iterable[Any], device: str) -> bool:
    """All of `modules` to `device`, or, where one of them cannot be moved, none of them (False)."""
    parts = list(modules)
    if not all(is_movable(part) for part in parts):
        return False
    for part in parts:
        part.to(device)
    return True


def drop(module: Any) -> None:
    """Takes accelerate's hooks off a dispatched model, so that nothing keeps its weights alive."""
    from accelerate.hooks import remove_hook_from_submodules

    for part in module.modules():
        hook = getattr(part, "_hf_hook", None)
        for one in (hook, *getattr(hook, "hooks", ())):
            if hasattr(one, "original_devices"):
                one.original_devices = {}  # else taking it off would first read all that lies on disk into memory
    remove_hook_from_submodules(module)


def _is_alive(process_id: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process_id))

"""Where a model goes and in which number format. Knows no model family; imports torch only where a GPU may be.

The placing itself is accelerate's (`device_map`): this file only gathers the facts that it wants.
"""

import ctypes
import gc
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

GPU_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True)
class Place:
    """`device` is "cpu", "cuda" or "mps"; `dtype` is torch's name of the number format; `device_map` as accelerate reads it."""

    device: str
    dtype: str
    device_map: str

    @property
    def label(self) -> str:
        """How a person calls it."""
        return {"cpu": "the CPU", "cuda": "the GPU", "mps": "the Apple GPU"}[self.device]


CPU = Place("cpu", "float32", "cpu")


def choose_place(device: str = "auto") -> Place:
    """The place for models on this machine. `device` is "auto", "cpu", "cuda" or "mps". Raises ValueError for another.

    float32 on a CPU: without AVX-512 or AMX bfloat16 is slower there. Does not import torch where no GPU can be.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(f"unknown device: {device}")
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return CPU
    import torch

    if device in ("auto", "cuda") and torch.cuda.is_available():
        return Place("cuda", "bfloat16" if torch.cuda.is_bf16_supported() else "float16", "auto")
    if device in ("auto", "mps") and torch.backends.mps.is_available():
        return Place("mps", "float16", "mps")
    return CPU


def fit(place: Place, parameters_bytes_16bit: int) -> Place:
    """`place`, in half the bytes where float32 weights would not fit into the memory that is free on a CPU."""
    if place.dtype == "float32" and parameters_bytes_16bit * 2 > 0.8 * _free_in_ram():
        return replace(place, dtype="bfloat16")
    return place


def budget_bytes(place: Place) -> int:
    """How much models may hold at `place` while nobody uses them; to be asked once, before any is loaded."""
    return _free_on_gpus() if place.device == "cuda" else int(0.7 * _free_in_ram())


def free_bytes(place: Place) -> int:
    """What one more model can have now. What a GPU cannot hold accelerate puts into the machine's own memory."""
    return _free_in_ram() + (_free_on_gpus() if place.device == "cuda" else 0)


def _free_in_ram() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _free_on_gpus() -> int:
    import torch

    return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is some library's way to say that memory ran out."""
    words = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (
            isinstance(error, RuntimeError)
            and any(w in words for w in ("out of memory", "bad_alloc", "allocate memory"))
        )
    )


def give_back_memory() -> None:
    """Gives the memory of dropped models back to the machine: Python's, the GPU's, and on Linux the C heap's."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _may_have_gpu() -> bool:
    return sys.platform == "darwin" or any(Path(node).exists() for node in GPU_NODES)

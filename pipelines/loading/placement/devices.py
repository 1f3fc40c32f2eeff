"""Where a model goes and in which number format. Knows no model family; imports torch only where a GPU may be.

The placing itself is accelerate's (`device_map`): this file only gathers the facts that it wants.
"""

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Quantisation = Literal["int8", "int4"]

GPU_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True)
class Place:
    """`device` is "cpu", "cuda" or "mps"; `dtype` is torch's name of the number format; `device_map` as accelerate reads it.

    `quantisation` is of the weights only. With `weights_in_memory_bytes` only so much of them is in the device's memory at
    a time: the rest stays on disk, in `offload_folder` where it has to be written again, and for a GPU in RAM first.
    """

    device: str
    dtype: str
    device_map: str
    quantisation: Quantisation | Literal[""] = ""
    weights_in_memory_bytes: int | None = None
    offload_folder: Path | None = None

    @property
    def label(self) -> str:
        """How a person calls it."""
        return {"cpu": "the CPU", "cuda": "the GPU", "mps": "the Apple GPU"}[self.device]


CPU = Place("cpu", "float32", "cpu")


def quantisations(device: str) -> tuple[Quantisation, ...]:
    """How weights can be quantised on `device`: on CUDA by bitsandbytes, so only where that is installed
    (requirements-cuda.txt); elsewhere by `packed.py`."""
    if device == "cuda" and importlib.util.find_spec("bitsandbytes") is None:
        return ()
    return ("int8", "int4")


def wait_asleep() -> None:
    """Let torch's threads sleep while they wait for each other; to be called before torch is imported.

    They spin otherwise, and take the cores from the very threads they wait for as soon as two processes compute: on two
    cores the image starter made 29 steps/s alone and 0.5 beside a second one; asleep 30, and 20 beside the second.
    Source: OMP_WAIT_POLICY, https://gcc.gnu.org/onlinedocs/libgomp/OMP_005fWAIT_005fPOLICY.html
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def usable_cores() -> int:
    """How many processors this process may use: as many threads for engines that do not find that out themselves."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _may_have_gpu() -> bool:
    return sys.platform == "darwin" or any(Path(node).exists() for node in GPU_NODES)

"""What memory there is and what this process holds of it: measured, not guessed. Gives back what is no longer needed.

Knows no model. "ram" is a machine's own memory, where the CPU and Apple's GPU keep their models; "cuda" are its GPUs,
counted together, as accelerate fills them together.
"""

import ctypes
import gc
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Store = Literal["ram", "cuda"]

SHARE_FOR_MODELS = 0.7  # of what is free at the start; the rest is for their work, other programs and the file cache
CGROUP = Path("/sys/fs/cgroup")

# glibc's mallopt, /usr/include/malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
OWN_MAPPING_BYTES = 128 * 1024
USUAL_MAPPING_BYTES = 32 * 2**20  # where glibc's own, moving thresholds end up in a process that handles tensors
USUAL_TRIM_BYTES = 64 * 2**20


def store_of(device: str) -> Store:
    """Where the models of `device` ("cpu", "cuda", "mps") lie."""
    return "cuda" if device == "cuda" else "ram"


# ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────────────


def free_bytes(store: Store) -> int:
    """What can be had now, whoever holds the rest."""
    return _free_on_gpus() if store == "cuda" else _free_in_ram()


def usual_budget_bytes(store: Store) -> int:
    """How much all models may take where nobody said so; to be asked once, before any is loaded."""
    return _free_on_gpus() if store == "cuda" else int(SHARE_FOR_MODELS * _free_in_ram())


def ram_bytes() -> int:
    """All RAM of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def _free_in_ram() -> int:
    import psutil

    return min(int(psutil.virtual_memory().available), _free_in_container())


def _free_in_container() -> int:
    """What the limit of a container still allows (cgroup v2; files that were read can be forgotten); without one, no limit.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    """
    try:
        limit = int((CGROUP / "memory.max").read_text())
        held = int((CGROUP / "memory.current").read_text())
        counts = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        return max(limit - held + int(counts["inactive_file"]), 0)
    except (OSError, ValueError, KeyError):  # no cgroup v2, or "max"
        return sys.maxsize


def _free_on_gpus() -> int:
    import torch

    return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))


# ── what this process holds ───────────────────────────────────────────────────────────────────────────────────────────


def peak_bytes(store: Store) -> int:
    """The most that this process has held so far, of RAM with what it has mapped."""
    if store == "cuda":
        import torch

        return sum(torch.cuda.max_memory_reserved(index) for index in range(torch.cuda.device_count()))
    if (seen := _status_bytes("VmHWM")) is not None:
        return seen
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS; on Linux it counts the parent, too


def bound_growth(more_bytes: int) -> None:
    """From now on this process cannot have more than so many bytes besides what it has: a request for more fails as one that
    no memory is left for, instead of taking it from everybody (RLIMIT_DATA, getrlimit(2); on Linux alone)."""
    import resource

    data = _status_bytes("VmData")
    if data is None:  # not Linux
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + max(more_bytes, 0)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def _status_bytes(name: str) -> int | None:
    """A line of /proc/self/status in bytes; None where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def held_bytes(store: Store) -> int:
    """The memory of this process that only ending, or giving back, frees: anonymous pages in RAM, torch's on the GPUs."""
    if store == "cuda":
        import torch

        return sum(torch.cuda.memory_reserved(index) for index in range(torch.cuda.device_count()))
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    except OSError:  # macOS
        pass
    import psutil

    return int(psutil.Process().memory_full_info().uss)


# ── giving it back ────────────────────────────────────────────────────────────────────────────────────────────────────


def one_heap() -> None:
    """From now on all threads of this process share one C heap; to be called before there are many.

    Each thread would get its own, whose holes nobody else fills: after ten models had come and gone in three threads a
    process kept 6 % more than after they had in one, now 1 %.
    """
    if _has_glibc():
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1)


@contextmanager
def mappings_of_their_own() -> Iterator[None]:
    """While models load: every tensor above 128 KiB gets a mapping of its own, which goes back when the tensor goes.

    Otherwise glibc puts those below 32 MB into its heap, between what stays: after a few models came and went, half a
    model's size was never given back. Afterwards activations are reused from the heap again, which is faster.
    """
    if not _has_glibc():
        yield
        return
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_THRESHOLD, USUAL_MAPPING_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, USUAL_TRIM_BYTES)


def give_back_memory() -> None:
    """Gives the memory of dropped models back to the machine: Python's, the GPU's, and on Linux the C heap's."""
    gc.collect()
    give_back_unused()


def give_back_unused() -> None:
    """The same without a look for cycles, which takes tenths of a second: after a model has only been moved there are none."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim_heap()


def trim_heap() -> None:
    """Gives back what is free in the C heap of glibc, also between what is not."""
    if _has_glibc():
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def wait_until_back(store: Store, wanted_bytes: int, held_before: int, timeout_seconds: float = 2.0) -> bool:
    """Gives memory back until this process holds `wanted_bytes` less than `held_before`. False: it did not come in time.

    A driver or a library's thread may take a moment over it.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        give_back_memory()
        if held_bytes(store) <= held_before - wanted_bytes:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


def _has_glibc() -> bool:
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"

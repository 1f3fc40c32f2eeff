"""Where models go on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.loading.devices import (
    CPU,
    Place,
    budget_bytes,
    choose_place,
    fit,
    free_bytes,
    give_back_memory,
    is_out_of_memory,
)


def test_the_cpu_is_chosen_without_torch():
    code = (
        "import sys; from pipelines.loading.devices import choose_place;"
        "assert choose_place('cpu').dtype == 'float32'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_auto_is_what_torch_can_use():
    import torch

    place = choose_place("auto")
    assert place.device == (
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )
    assert hasattr(torch, place.dtype) and place.label


@pytest.mark.parametrize("device", ["cuda:1", "gpu", ""])
def test_a_device_that_does_not_exist_is_refused(device):
    with pytest.raises(ValueError, match="unknown device"):
        choose_place(device)


def test_most_of_the_free_memory_is_the_budget(monkeypatch):
    import psutil
    import torch

    available = psutil.virtual_memory().available
    assert 0.6 * available < budget_bytes(CPU) < 0.8 * available
    assert 0.9 * available < free_bytes(CPU) < 1.1 * available
    gpu = Place("cuda", "bfloat16", "auto")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ([3, 4][index] * 10**12, 10**13))
    assert budget_bytes(gpu) == 7 * 10**12
    assert 7 * 10**12 + 0.9 * available < free_bytes(gpu)


def test_weights_too_large_for_float32_go_in_half():
    assert fit(CPU, 1000).dtype == "float32"
    assert fit(CPU, 2**50).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_recognised(error, expected):
    assert is_out_of_memory(error) is expected


def test_memory_is_really_given_back():
    import numpy
    import psutil

    blocks = [numpy.ones(50_000, numpy.uint8) for _ in range(2000)]  # small ones stay in the C heap
    full = psutil.Process().memory_info().rss
    del blocks
    give_back_memory()
    assert psutil.Process().memory_info().rss < full - 50_000_000

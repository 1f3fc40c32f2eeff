"""Where models go on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.loading.placement.devices import choose_place, is_out_of_memory


def test_the_cpu_is_chosen_without_torch():
    code = (
        "import sys; from pipelines.loading.placement.devices import choose_place;"
        "assert choose_place('cpu').dtype == 'float32'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])


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


@pytest.mark.parametrize(("own", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_a_person_wants_otherwise(tmp_path, own, policy):
    code = (
        "import os, sys; from pathlib import Path; from pipelines.text import TextPipeline;"
        "TextPipeline.on_this_machine(Path(sys.argv[1]), cache_folder=Path(sys.argv[1]), device='cpu');"
        "assert 'torch' not in sys.modules, 'it would not read it any more'; print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment | ({"OMP_WAIT_POLICY": own} if own else {}),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    assert told.stdout.strip() == policy

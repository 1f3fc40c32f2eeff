"""The words by which one training runs as several processes: as the studio starts it itself, and as a person copies it.

A machine with several GPUs trains on all of them, one process for each. Knows no run; what the processes say to each other stands in
pipelines/training/ranks.py.
"""

import json
import os
import shlex
import sys
from pathlib import Path

from pipelines.loading.placement.devices import choose_place
from pipelines.training.ranks import launched
from pipelines.types.training import TrainRequest

PROCESSES_VARIABLE = "AIGC_STUDIO_PROCESSES"
# Set by launchers; a studio that one of them started is no part of a run
OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
NVIDIA = Path("/proc/driver/nvidia/gpus")
ANY_PORT = 0  # several runs may be launched side by side


def launch_if_many(words: list[str], run: Path) -> None:
    """Become the launcher of several processes `python -m words`, where this is none of them and they are wanted.

    Where `run` has begun, of as many as can share out the batches of its steps. The launcher keeps this process's id and session,
    and ends when all of them have.
    """
    if launched()[1] > 1:
        return
    count = int(os.environ.get(PROCESSES_VARIABLE) or _gpus())
    if count > 1 and (run / "run.json").exists():
        begun = json.loads((run / "run.json").read_text(encoding="utf-8"))
        batches = begun.get("batches", begun["settings"].get("plan.accumulation", 1))
        count = max(number for number in range(1, count + 1) if batches % number == 0)
    if count > 1:
        port = ["--main_process_port", str(ANY_PORT)]
        os.execv(
            sys.executable, [sys.executable, "-m", "accelerate.commands.launch", *_flags(count), *port, "-m", *words]
        )


def command(request: TrainRequest, home: Path, processes: int, machine: tuple[int, int, str] = (0, 1, "")) -> str:
    """What trains `request` by so many processes in all, as a shell reads it; `machine` is its rank, of how many, and the first one's
    address."""
    rank, machines, address = machine
    words = ["accelerate", "launch", *_flags(processes, machines)]
    if machines > 1:
        words += ["--machine_rank", str(rank), "--main_process_ip", address, "--main_process_port", "29500"]
    words += ["-m", "pipelines.training", request.trainer, request.dataset, "--home", str(home)]
    for name, text in (("preset", request.preset), ("model", request.model), ("name", request.name)):
        words += [f"--{name}={text}"] if text else []
    words += [f"--set={name}={json.dumps(value, ensure_ascii=False)}" for name, value in request.settings.items()]
    return shlex.join(words)


def _flags(processes: int, machines: int = 1) -> list[str]:
    """Everything that accelerate would else warn of, or take from what a person once said to `accelerate config`. Half
    precision is the plan's business (`plan.bf16`)."""
    count = ["--num_processes", str(processes), "--num_machines", str(machines)]
    return ["--multi_gpu", *count, "--gpu_ids", "all", "--mixed_precision", "no", "--dynamo_backend", "no"]


def nvidia_gpus() -> int | None:
    """How many there are, as their driver says without torch; None where that driver is not."""
    return len([*NVIDIA.iterdir()]) if NVIDIA.is_dir() else None


def _gpus() -> int:
    """How many GPUs torch can train on; 1 without any. Torch is asked only where there may be several."""
    if nvidia_gpus() == 1 or choose_place().device != "cuda":
        return 1
    import torch

    return torch.cuda.device_count()

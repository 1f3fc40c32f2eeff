"""python -m tests.pipelines.training.two_ranks FOLDER TRAINER … : one of two processes that train together, as a launcher starts it.

The second one asks to stop after three steps; then both go on to the end. What they hold stands in FOLDER/<trainer>/weights-<rank>.
Last of all the second one disappears; FOLDER/told says that the first one was told.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.errors.training import RankLost
from pipelines.training.average import carried
from pipelines.training.loop import train
from pipelines.training.plan import Plan
from pipelines.training.ranks import joined
from pipelines.training.trainer import Course, find_trainers
from tests.pipelines.training.short import data_of, settings_of
from tests.pipelines.training.tiny_course import Notes, Wishes

ROOT = Path(__file__).parents[3]
STEPS, STOPPED = 6, 3
SIZE = 2


def start(name: str, accumulation: int = 1) -> tuple[Course, Plan]:
    """Weights are not averaged: only the first process would."""
    settings: Any = settings_of(name, STEPS)
    settings = replace(settings, plan=replace(settings.plan, accumulation=accumulation, ema_decay=0.0))
    torch.manual_seed(settings.plan.seed)
    trainer = find_trainers()[name]
    return trainer.start(settings, data_of(trainer.DATA), "cpu", None), settings.plan


def train_together(folder: Path, names: Sequence[str]) -> None:
    """Both, to their ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"WORLD_SIZE": str(SIZE), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), *names],
            cwd=ROOT, env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(SIZE)
    ]  # fmt: skip
    try:
        assert [one.wait(timeout=600) for one in both] == [0] * SIZE
    finally:
        for one in both:
            one.kill()


def weights(folder: Path, name: str, rank: int) -> dict[str, torch.Tensor]:
    return load_file(folder / name / f"weights-{rank}")


def main(folder: Path, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    with joined("cpu") as ranks:
        for name in names:
            place, notes = folder / name, Notes()
            mine = place / f"of-{ranks.rank}"  # as on a machine of its own
            course, plan = start(name)
            stopped = train(course, plan, mine, notes, Wishes(stop_at=STOPPED if ranks.rank else None), ranks=ranks)
            assert (stopped.step, stopped.reason) == (STOPPED, "saved")
            course, plan = start(name)
            ended = train(course, plan, mine, notes, Wishes(), ranks=ranks)
            assert (ended.step, ended.reason) == (STEPS, "stop")
            assert mine.exists() == bool(notes.rows) == ranks.is_main, "the first one alone tells and writes"
            place.mkdir(parents=True, exist_ok=True)
            save_file(
                {key: one.clone() for key, one in carried(course.networks).items()}, place / f"weights-{ranks.rank}"
            )

        # One goes without a word: the other is told, and does not wait
        course, plan = start(names[0])
        if not ranks.is_main:
            os._exit(0)
        with pytest.raises(RankLost):
            train(course, plan, folder / "lost", Notes(), Wishes(), ranks=ranks)
        (folder / "told").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""How a run becomes several processes. That they stop as one and leave nobody behind: tests/bench/ranks.py"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.training.metrics import read_metrics
from pipelines.types.training import TrainRequest
from studio.jobs import launching
from studio.jobs.launching import command, launch_if_many

ROOT = Path(__file__).parents[3]
SETTINGS: dict[str, str | int | float | bool] = {
    "plan.steps": 4,
    "plan.bf16": False,
    "side": "8",
    "width": 16,
    "batch": 8,
}
ASKED = TrainRequest("vae", "digits", SETTINGS, "cpu", name="it's --mine")


def test_the_command_that_is_shown_trains_as_it_says(tmp_path: Path) -> None:
    words = shlex.split(command(ASKED, tmp_path, 2))
    assert words[:2] == ["accelerate", "launch"]
    for readme in ("README.md", "README.zh-CN.md"):  # the same, shorter: without what only keeps accelerate from asking
        (told,) = re.findall(r"`\.venv/bin/(accelerate launch [^`]+) --home DIR`", (ROOT / readme).read_text())
        assert set(told.split()) <= set(words)
    made = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *words[2:]], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "2 processes" in made.stdout
    (run,) = (tmp_path / "runs").iterdir()
    assert [row["step"] for row in read_metrics(run / "metrics.jsonl")] == list(range(5))
    assert len([*(tmp_path / "models").iterdir()]) == 1


def test_on_several_machines_each_has_a_command_of_its_own() -> None:
    first, second = (shlex.split(command(ASKED, Path("/data"), 8, (rank, 2, "10.0.0.1"))) for rank in (0, 1))
    assert [(a, b) for a, b in zip(first, second, strict=True) if a != b] == [("0", "1")]
    flags = " ".join(first)
    assert "--num_processes 8 --num_machines 2" in flags and "--main_process_ip 10.0.0.1" in flags


@pytest.mark.parametrize(("wanted", "gpus", "size", "count"), [
    ("", 1, 1, None), ("", 4, 1, "4"), ("2", 4, 1, "2"), ("1", 4, 1, None), ("2", 0, 1, "2"), ("", 4, 4, None),
])  # fmt: skip
def test_a_run_becomes_as_many_processes_as_there_are_gpus_or_as_was_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str, gpus: int, size: int, count: str | None
) -> None:
    """Once: what is launched launches nothing."""
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: became.append(words))
    monkeypatch.setattr(launching, "_gpus", lambda: gpus)
    monkeypatch.setenv(launching.PROCESSES_VARIABLE, wanted)
    monkeypatch.setenv("WORLD_SIZE", str(size))
    launch_if_many(["studio.jobs.training", "--job", "1"], tmp_path)
    assert [words[words.index("--num_processes") + 1] for words in became] == ([count] if count else [])
    assert all(words[-4:] == ["-m", "studio.jobs.training", "--job", "1"] for words in became)

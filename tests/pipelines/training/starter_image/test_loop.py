"""Training stops, resumes, and ends with the very weights of a run that was never stopped."""

import shutil
from pathlib import Path

import pytest
import torch

from pipelines.training.metrics import read_metrics
from pipelines.training.plan import Plan
from pipelines.training.starter_image.loop import load_average, train

pytestmark = pytest.mark.usefixtures("one_thread")
PLAN = Plan(steps=50, learning_rate=0.01, warmup_steps=5, decay_steps=20, weight_decay=0.01, checkpoint_seconds=3600)


def network() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.GELU(), torch.nn.Linear(8, 1))


def run(folder: Path, stop_after: int | None = None) -> tuple[torch.nn.Module, bool]:
    model = network()
    calls = 0

    def loss() -> torch.Tensor:
        nonlocal calls
        calls += 1
        inputs = torch.randn(16, 4)
        return (model(inputs) - inputs.sum(1, keepdim=True)).pow(2).mean()

    finished = train(model, loss, PLAN, folder, lambda: stop_after is not None and calls >= stop_after)
    return model, finished


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_stopped_and_resumed_run_ends_with_the_same_bits(tmp_path):
    whole, finished = run(tmp_path / "whole")
    assert finished
    for stop in (7, 20, 11):
        _, finished = run(tmp_path / "parts", stop_after=stop)
        assert not finished
    resumed, finished = run(tmp_path / "parts")
    assert finished
    assert same(whole, resumed)
    assert not same(whole, network())


def test_metrics_have_every_point_once_after_a_resume(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    run(parts, stop_after=40)
    shutil.rmtree(parts / "step-00000040")  # as if it had died at 40 with its last checkpoint at 0
    run(parts)
    assert [row["step"] for row in read_metrics(parts / "metrics.jsonl")] == [20, 40, 50]
    expected = [row["loss"] for row in read_metrics(whole / "metrics.jsonl")]
    assert [row["loss"] for row in read_metrics(parts / "metrics.jsonl")] == expected
    assert expected[-1] < expected[0]


def test_a_torn_last_line_of_the_metrics_is_passed_over(tmp_path):
    run(tmp_path)
    path = tmp_path / "metrics.jsonl"
    whole = read_metrics(path)
    path.write_text(path.read_text() + '{"step": 60, "lo')
    assert read_metrics(path) == whole


def test_the_average_is_what_a_finished_run_holds(tmp_path):
    trained, _ = run(tmp_path)
    other = network()
    assert load_average(other, tmp_path) == 50
    assert same(trained, other)
    with pytest.raises(FileNotFoundError):
        load_average(other, tmp_path / "nothing")

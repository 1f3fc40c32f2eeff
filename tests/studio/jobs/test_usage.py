"""What runs took, and what is forecast from it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipelines.types.training import Metrics, Sampled, TrainRequest
from studio.jobs import usage
from studio.jobs.usage import FILE, Meter, Usage, cost_of, expected

REQUEST = TrainRequest("cnn", "digits", {"batch": 8, "plan.steps": 100}, "cpu")


def write(runs: Path, name: str, about: Usage) -> None:
    (runs / name).mkdir(parents=True)
    (runs / name / FILE).write_text(json.dumps(asdict(about)))


def test_steps_seed_and_rate_cost_nothing_and_a_batch_does() -> None:
    same = TrainRequest("cnn", "digits", {"plan.seed": 3, "plan.learning_rate": 0.1, "batch": 8}, "cpu", name="other")
    assert cost_of(same) == cost_of(REQUEST)
    for other in ({"batch": 16}, {"batch": 8, "width": 32}):
        assert cost_of(TrainRequest("cnn", "digits", other, "cpu")) != cost_of(REQUEST)
    assert cost_of(TrainRequest("cnn", "mnist5k", {"batch": 8}, "cpu")) != cost_of(REQUEST)


def test_a_run_is_forecast_from_one_of_the_same_cost(tmp_path: Path) -> None:
    assert expected(tmp_path, REQUEST) is None
    write(tmp_path, "other", Usage("something else", 1.0, 1.0, 1))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / FILE).write_text('{"cost"')
    assert expected(tmp_path, REQUEST) is None
    known = Usage(cost_of(REQUEST), start_seconds=5.0, step_seconds=0.1, peak_bytes=300)
    write(tmp_path, "same", known)
    assert expected(tmp_path, REQUEST) == known and known.seconds(100) == pytest.approx(15.0)


def test_the_meter_measures_between_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "WRITE_SECONDS", 0.0)
    meter = Meter(tmp_path, REQUEST, "ram")
    meter(Metrics(0, 100, {}))
    meter(Sampled(0, texts=("one",)))
    assert not (tmp_path / FILE).exists(), "one reading is no pace"
    meter(Metrics(10, 100, {}))
    measured = Usage(**json.loads((tmp_path / FILE).read_text()))
    assert measured.cost == cost_of(REQUEST) and measured.peak_bytes == meter.peak_bytes > 1_000_000
    assert 0 < measured.step_seconds < 60 and 0 <= measured.start_seconds < 60

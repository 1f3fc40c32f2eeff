"""What a run has told, read a little further at each look."""

import json
from pathlib import Path

from pipelines.types.training import Metrics, Sampled, TrainRequest
from studio.jobs.curve import Curve, Told
from studio.jobs.folder import JobFolder


def lines(*steps: int) -> str:
    return "".join(json.dumps({"step": step, "loss": 1.0}) + "\n" for step in steps)


def test_a_curve_grows_and_a_torn_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    curve = Curve(path)
    assert curve.read() == []
    path.write_text(lines(0, 20) + '{"step": 4')
    assert [point["step"] for point in curve.read()] == [0, 20]
    with path.open("a") as file:
        file.write("0}\nno json\n[1]\n" + lines(60))
    assert [point["step"] for point in curve.read()] == [0, 20, 40, 60]


def test_a_resumed_run_tells_its_later_points_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    curve = Curve(path)
    path.write_text(lines(0, 20, 40))
    assert len(curve.read()) == 3
    part = tmp_path / "part"
    part.write_text(lines(0, 20) + lines(40, 60))
    part.replace(path)
    assert [point["step"] for point in curve.read()] == [0, 20, 40, 60]


def test_the_newest_of_each_kind_is_told(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:x", TrainRequest("cnn", "digits"))
    told = Told(folder)
    told.listen()
    assert told.metrics is None and told.sampled is None
    with folder.writer() as events:
        events(Metrics(0, 10, {"loss": 2.0}))
        events(Sampled(0, texts=("first",)))
        events(Metrics(5, 10, {"loss": 1.0}))
    told.listen()
    assert told.metrics == Metrics(5, 10, {"loss": 1.0}) and told.sampled == Sampled(0, texts=("first",))

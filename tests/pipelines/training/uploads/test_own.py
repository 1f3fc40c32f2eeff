"""A person's data as trainers get it."""

import json
from pathlib import Path

import pytest
import torch

from pipelines.errors.training import PicturesTooMany, UnknownDataset, WrongData
from pipelines.training.data import Dialogues, LabelledTexts, Pictures, Texts
from pipelines.training.order import order_of
from pipelines.training.run import run
from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.own import OwnData, write
from pipelines.types.training import TrainRequest
from tests.pipelines.training.uploads.seeded import asked, jsonl, packed, spoken, texts

OWN = "own_0123456789abcdef"
pytestmark = pytest.mark.usefixtures("one_thread")


def kept(home: Path, files: list[tuple[str, bytes]]) -> OwnData:
    (home / "datasets" / OWN).mkdir(parents=True)
    write(home / "datasets" / OWN, examine(files), {"owner": "ann", "title": "Mine", "created": 1.0})
    return OwnData(home / "datasets" / OWN)


def test_pictures_become_squares_with_their_labels(tmp_path: Path) -> None:
    data = kept(tmp_path, packed()).load(tmp_path)
    assert isinstance(data, Pictures) and data.names == ("cat", "dog")
    assert data.pictures.shape == (8, 3, 16, 16) and data.held_out.shape == (4, 3, 16, 16)
    assert data.pictures.dtype == torch.uint8 and set(data.labels.tolist()) == {0, 1}


def test_what_a_file_calls_test_is_held_out(tmp_path: Path) -> None:
    rows = [{"text": f"Held out, {number}."} for number in range(4)]
    data = kept(tmp_path, jsonl(texts(), "train.jsonl") + jsonl(rows, "test.jsonl")).load(tmp_path)
    assert isinstance(data, Texts) and data.held_out == tuple(row["text"] for row in rows) and len(data.texts) == 12


def test_a_split_with_too_little_on_one_side_is_none(tmp_path: Path) -> None:
    data = kept(tmp_path, jsonl(texts(), "train.jsonl") + jsonl([{"text": "Alone."}], "test.jsonl")).load(tmp_path)
    assert isinstance(data, Texts) and (len(data.texts), len(data.held_out)) == (9, 4)


def test_a_file_of_nothing_but_test_is_split_all_the_same(tmp_path: Path) -> None:
    data = kept(tmp_path, jsonl(texts(), "test.jsonl")).load(tmp_path)
    assert isinstance(data, Texts) and (len(data.texts), len(data.held_out)) == (8, 4)


@pytest.mark.parametrize(("count", "classes"), [(10, 2), (100, 2), (100, 5), (100, 10), (40, 20)])
def test_classes_in_turn_stand_on_both_sides(tmp_path: Path, count: int, classes: int) -> None:
    rows = [{"text": f"text number {number}", "label": f"class {number % classes}"} for number in range(count)]
    data = kept(tmp_path, jsonl(rows)).load(tmp_path)
    assert isinstance(data, LabelledTexts) and set(data.labels) == set(range(classes))
    held_out = [data.held_out_labels.count(label) for label in range(classes)]
    assert max(held_out) - min(held_out) <= 1 and sum(held_out) == max(4, count // 10) + (count == 10)


def test_what_there_is_one_of_is_trained_on(tmp_path: Path) -> None:
    rows = [{"text": f"text number {n}", "label": f"class {n}" if n % 2 else "many"} for n in range(20)]
    data = kept(tmp_path, jsonl(rows)).load(tmp_path)
    assert isinstance(data, LabelledTexts) and set(data.labels) == set(range(11))


def test_more_pictures_than_there_is_memory_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = kept(tmp_path, packed())
    monkeypatch.setattr("pipelines.training.uploads.own.free_bytes", lambda store: 20_000)
    with pytest.raises(PicturesTooMany, match="12 pictures"):
        data.load(tmp_path)


@pytest.mark.parametrize("rows", [asked(), spoken()], ids=["instructions", "messages"])
def test_dialogues(tmp_path: Path, rows: list) -> None:
    data = kept(tmp_path, jsonl(rows)).load(tmp_path)
    assert isinstance(data, Dialogues)
    assert [one["role"] for one in data.dialogues[0]] == ["user", "assistant"] and len(data.held_out) == 4


def test_a_trainer_takes_what_it_learns_from(tmp_path: Path) -> None:
    kept(tmp_path, packed())
    own = tmp_path / "datasets"
    assert order_of(TrainRequest("vae", OWN), own).dataset.facts["title"] == "Mine"
    with pytest.raises(WrongData):
        order_of(TrainRequest("lstm", OWN), own)
    for dataset, folder in ((OWN, None), ("own_ffffffffffffffff", own)):
        with pytest.raises(UnknownDataset):
            order_of(TrainRequest("vae", dataset), folder)


def test_a_run_learns_from_it(tmp_path: Path) -> None:
    kept(tmp_path, packed())
    settings = {"side": "8", "width": 8, "batch": 4, "plan.steps": 3, "plan.ema_decay": 0.0}
    result = run(TrainRequest("vae", OWN, settings, run="0" * 32), tmp_path / "runs" / ("0" * 32))
    facts = json.loads((tmp_path / "models" / result.model / "model.json").read_text())
    assert result.finish_reason == "stop" and facts["dataset"] == OWN

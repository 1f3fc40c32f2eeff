"""Data sets of people: kept whole or not at all, each for its owner."""

from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from studio.library.datasets import Datasets
from tests.pipelines.training.uploads.test_doctor import jsonl, texts

ANN, BO = "visitor:ann", "visitor:bo"


def test_a_data_set_is_its_owners(tmp_path: Path) -> None:
    datasets = Datasets(tmp_path)
    kept, examined = datasets.add(ANN, "My texts", jsonl(texts({"text": ""})))
    assert kept is not None and kept.count == 12 and kept.kind == "texts"
    assert [(one.kind, one.row) for one in kept.defects] == [("empty", 6)] and examined.defects == kept.defects
    assert datasets.of_owner(ANN) == [kept] == [datasets.get(ANN, kept.id)]
    assert datasets.of_owner(BO) == []
    for owner, dataset_id in ((BO, kept.id), (ANN, "own_ffffffffffffffff"), (ANN, f"../datasets/{kept.id}")):
        with pytest.raises(NotFound):
            datasets.get(owner, dataset_id)
    with pytest.raises(NotFound):
        datasets.remove(BO, kept.id)
    datasets.remove(ANN, kept.id)
    assert datasets.of_owner(ANN) == [] and list((tmp_path / "datasets").iterdir()) == []


def test_too_little_is_told_and_not_kept(tmp_path: Path) -> None:
    kept, examined = Datasets(tmp_path).add(ANN, "Nothing", [("a.jsonl", b'{"text": "one"}\n{bad')])
    assert kept is None and [one.kind for one in examined.defects] == ["bad_json"]
    assert not (tmp_path / "datasets").exists()


def test_a_write_that_is_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.training.uploads.own.write_whole", full)
    with pytest.raises(Exception, match="space"):
        Datasets(tmp_path).add(ANN, "Mine", jsonl(texts()))
    assert list((tmp_path / "datasets").iterdir()) == []

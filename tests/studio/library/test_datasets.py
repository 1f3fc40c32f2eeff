"""Data sets of people: kept whole or not at all, each for its owner."""

from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.training import TookTooLong
from studio.library import datasets as kept_there
from studio.library.datasets import Datasets, OwnDataset, Report
from tests.pipelines.training.uploads.seeded import jsonl, texts

ANN, BO = "visitor:ann", "visitor:bo"


def brought(folder: Path, files: list[tuple[str, bytes]]) -> list[tuple[str, Path]]:
    for name, data in files:
        (folder / name).write_bytes(data)
    return [(name, folder / name) for name, _ in files]


def test_a_data_set_is_its_owners(tmp_path: Path) -> None:
    datasets = Datasets(tmp_path)
    kept = datasets.add(ANN, "My texts", brought(tmp_path, jsonl(texts({"text": ""}))))
    assert isinstance(kept, OwnDataset) and (kept.count, kept.found, kept.left_out) == (12, 1, 1)
    assert [(one.kind, one.row) for one in kept.defects] == [("empty", 6)]
    assert [one.id for one in datasets.of_owner(ANN)] == [kept.id] and datasets.get(ANN, kept.id) == kept
    assert datasets.of_owner(BO) == []
    for owner, dataset_id in ((BO, kept.id), (ANN, "own_ffffffffffffffff"), (ANN, f"../datasets/{kept.id}")):
        with pytest.raises(NotFound):
            datasets.get(owner, dataset_id)
    with pytest.raises(NotFound):
        datasets.remove(BO, kept.id)
    datasets.remove(ANN, kept.id)
    assert datasets.of_owner(ANN) == [] and list((tmp_path / "datasets").iterdir()) == []


def test_too_little_is_told_and_not_kept(tmp_path: Path) -> None:
    told = Datasets(tmp_path).add(ANN, "Nothing", brought(tmp_path, [("a.jsonl", b'{"text": "one"}\n{bad')]))
    assert isinstance(told, Report) and told.count == 1 and [one.kind for one in told.defects] == ["bad_json"]
    assert list((tmp_path / "datasets").iterdir()) == []


def test_what_takes_too_long_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_there, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(TookTooLong):
        Datasets(tmp_path).add(ANN, "Mine", brought(tmp_path, jsonl(texts())))
    assert list((tmp_path / "datasets").iterdir()) == []


def test_what_was_cut_short_goes_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "datasets" / f"{kept_there.AT_WORK}own_0123456789abcdef" / "pictures").mkdir(parents=True)
    Datasets(tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == []

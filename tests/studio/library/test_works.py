"""What a person made as a data set: pictures with their prompts, texts, only what is kept and theirs."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors.training import NothingInLibrary
from studio.library.creations import Creations
from studio.library.datasets import Datasets, OwnDataset
from studio.library.works import works
from tests.pipelines.training.uploads.seeded import GOOD, png
from tests.studio.library.test_datasets import ANN, BO


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    creations = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield creations
    creations.close()


def drawn(creations: Creations, owner: str, number: int, *, is_starred: bool = False) -> str:
    file = BytesIO()
    Image.open(BytesIO(png(number))).save(file, "PNG")
    recipe = {"request": {"kind": "image", "prompt": f"thing number {number}"}}
    made = creations.save_file(owner, "image", file.getvalue(), recipe, "it", "0" * 32)
    creations.index(owner, made)
    if is_starred:
        creations.star(owner, made)
    return made


def test_starred_pictures_with_their_prompts_become_a_data_set(creations: Creations, tmp_path: Path) -> None:
    for number in range(12):
        drawn(creations, ANN, number, is_starred=number < 10)
    drawn(creations, BO, 50, is_starred=True)
    creations.delete(ANN, drawn(creations, ANN, 51, is_starred=True))
    into = tmp_path / "into"
    into.mkdir()
    kept = Datasets(tmp_path).add(ANN, "Mine", works(creations, ANN, "image", into, only_starred=True))
    assert isinstance(kept, OwnDataset) and (kept.DATA, kept.count, kept.found) == ("captioned pictures", 10, 0)
    said = Datasets(tmp_path).said(ANN, kept.id)
    assert {one.caption for one in said} == {f"thing number {number}" for number in range(10)}


def test_texts_become_rows_without_their_recipes(creations: Creations, tmp_path: Path) -> None:
    for number, text in enumerate(GOOD):
        made = creations.save(ANN, "text", text, {"request": {"kind": "text", "text": "?"}}, f"{number}", "0" * 32)
        creations.index(ANN, made)
    into = tmp_path / "into"
    into.mkdir()
    kept = Datasets(tmp_path).add(ANN, "Mine", works(creations, ANN, "text", into, only_starred=False))
    assert isinstance(kept, OwnDataset) and (kept.DATA, kept.count) == ("texts", 12)
    assert set(kept.glance) <= set(GOOD) and len(kept.glance) == 3


def test_too_few_are_told(creations: Creations, tmp_path: Path) -> None:
    drawn(creations, ANN, 1)
    for kind in ("image", "text", "sound"):
        with pytest.raises(NothingInLibrary):
            works(creations, ANN, kind, tmp_path, only_starred=False)  # type: ignore[arg-type]

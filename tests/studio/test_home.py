"""The home folder."""

import json
from pathlib import Path

import pytest

from pipelines.errors import HomeDamaged, HomeInUse, HomeTooNew
from studio.home import FOLDERS, SCHEMA, Home


def test_a_home_is_made_with_its_schema_number(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "new" / "home")
    assert json.loads((home.path / "home.json").read_bytes()) == {"schema": SCHEMA}
    assert all((home.path / folder).is_dir() for folder in FOLDERS)
    home.close()


def test_a_second_server_is_refused_and_let_in_when_the_first_has_gone(tmp_path: Path) -> None:
    first = Home.open(tmp_path)
    with pytest.raises(HomeInUse):
        Home.open(tmp_path)
    first.close()
    Home.open(tmp_path).close()


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"schema": "x"}'])
def test_a_torn_schema_number_is_said_plainly(tmp_path: Path, torn: str) -> None:
    (tmp_path / "home.json").write_text(torn)
    with pytest.raises(HomeDamaged, match=r"home\.json"):
        Home.open(tmp_path)


def test_a_home_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    with pytest.raises(HomeTooNew, match=f"schema {SCHEMA + 1}"):
        Home.open(tmp_path)
    assert not (tmp_path / "jobs").exists()
    with pytest.raises(HomeTooNew):  # and its lock was given back
        Home.open(tmp_path)

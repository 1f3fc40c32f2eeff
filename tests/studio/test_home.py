"""The home folder."""

import json
from pathlib import Path

import pytest

from pipelines.errors.storage import HomeDamaged, HomeInUse, HomeTooNew
from studio.database import open_database
from studio.home import FOLDERS, SCHEMA, Home


def test_a_home_is_made_with_its_schema_number(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "new" / "home")
    assert json.loads((home.path / "home.json").read_bytes()) == {"schema": SCHEMA}
    assert all((home.path / folder).is_dir() for folder in FOLDERS)
    home.close()


def test_a_new_home_is_its_users_own_and_an_old_one_is_left_as_it_is(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    old.chmod(0o755)
    for path, mode in ((tmp_path / "new", 0o700), (old, 0o755)):
        home = Home.open(path)
        database = open_database(path / "studio.db", "CREATE TABLE IF NOT EXISTS x (y TEXT);")
        assert path.stat().st_mode & 0o777 == mode
        assert {file.stat().st_mode & 0o777 for file in path.glob("studio.db*")} == {0o600}
        database.close()
        home.close()
    (old / "studio.db").chmod(0o640)
    open_database(old / "studio.db", "").close()
    assert (old / "studio.db").stat().st_mode & 0o777 == 0o640


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

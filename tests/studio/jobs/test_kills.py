"""Nothing acknowledged is lost, whatever is killed when. `make prove` does many more rounds."""

from pathlib import Path

from tests.studio.jobs.kills import kill_rounds


def test_killed_servers_and_workers_lose_nothing(tmp_path: Path) -> None:
    tally = kill_rounds(tmp_path / "home", rounds=6, seed=20)
    assert tally.acknowledged >= 6
    assert tally.states.total() == tally.acknowledged
    assert (tally.lost, tally.done_without_result, tally.answers_missing) == (0, 0, 0)
    assert (tally.unlisted_folders, tally.damaged_indexes) == (0, 0)
    assert tally.states["failed"] == 0

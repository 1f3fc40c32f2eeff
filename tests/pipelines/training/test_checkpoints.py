"""A checkpoint is whole or not there at all."""

import subprocess
import sys
from pathlib import Path

import torch

from pipelines.training import checkpoints

ROOT = Path(__file__).parents[3]


def test_a_damaged_checkpoint_is_passed_over_and_only_two_stay(tmp_path):
    for step in (1, 2, 3):
        checkpoints.save(tmp_path, step, {"value": torch.tensor(step)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    newest = tmp_path / "step-00000003" / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    state = checkpoints.latest(tmp_path)
    assert state is not None
    assert (state["step"], int(state["value"])) == (2, 2)
    (tmp_path / "step-00000002" / "manifest.json").unlink()
    assert checkpoints.latest(tmp_path) is None


def test_half_a_checkpoint_is_not_a_checkpoint(tmp_path):
    (tmp_path / ".writing-00000005").mkdir()
    (tmp_path / ".writing-00000005" / "state.safetensors").write_bytes(b"half")
    assert checkpoints.latest(tmp_path) is None
    checkpoints.save(tmp_path, 5, {"value": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_what_an_earlier_save_has_left_is_cleared_away(tmp_path):
    (tmp_path / ".writing-00000004").mkdir()
    (tmp_path / ".writing-00000004" / "state.safetensors").write_bytes(b"half")
    checkpoints.save(tmp_path, 5, {"value": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_a_step_that_stands_whole_is_never_taken_away_for_a_copy(tmp_path):
    place = checkpoints.save(tmp_path, 7, {"value": torch.tensor(7)})
    written = (place / "state.safetensors").stat().st_ino
    assert checkpoints.save(tmp_path, 7, {"value": torch.tensor(7)}) == place
    assert (place / "state.safetensors").stat().st_ino == written
    (place / "state.safetensors").write_bytes(b"torn")
    checkpoints.save(tmp_path, 7, {"value": torch.tensor(7)})
    assert checkpoints.is_whole(place)


def test_a_disk_that_is_full_says_so_and_nothing_half_stays(tmp_path):
    """In a process of its own, whose files may hold no more than a checkpoint's beginning."""
    code = (
        "import errno, resource, signal, sys, torch; from pathlib import Path; from pipelines.training import checkpoints\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: checkpoints.save(Path(sys.argv[1]), 3, {'value': torch.zeros(100_000)})\n"
        "except OSError as error: print(errno.errorcode[error.errno])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert told.stdout.strip() == "EFBIG" and not list(tmp_path.iterdir())

"""A checkpoint is whole or not there at all."""

import torch

from pipelines.training import checkpoints


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

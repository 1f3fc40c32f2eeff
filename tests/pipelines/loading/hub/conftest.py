"""A hub that stands on 127.0.0.1 and speaks the hub's own protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.loading.hub import transfer
from tests.hub import LocalHub, ask_here


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[LocalHub]:
    """The hub, as HF_ENDPOINT would name it, and a cache of its own."""
    with LocalHub() as local:
        ask_here(monkeypatch, local.address, tmp_path / "hub")
        monkeypatch.setattr(transfer, "PATIENCE_SECONDS", 0.05)
        yield local


@pytest.fixture
def large(hub, make_causal) -> Path:
    """A model of a megabyte or so, on the hub as owner/large."""
    folder = make_causal("Llama", hidden_size=128, intermediate_size=512)
    hub.add("owner/large", folder)
    return folder

"""A model is pushed from the page: how far it is, where it stands, and what an error leaves."""

import asyncio
import threading
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from safetensors.torch import save_file

from pipelines.errors.pushing import PushTokenRefused
from studio.ui.training.layout import lay_out
from studio.ui.training.pushing import Pushing, far
from tests.hub import LocalHub, ask_here

TOKEN = "hf_secretOfPirates"


def pushed(folder, token, busy=None):
    """Everything that the page was told; `busy` is what the person pushes already."""
    services = SimpleNamespace(
        identity=SimpleNamespace(who=lambda request: "jane"), runs=SimpleNamespace(model=lambda owner, run_id: folder)
    )
    with gr.Blocks():
        pushing = Pushing(services, lay_out(["cnn"], is_offered=True))
    if busy is not None:
        pushing._uploads["jane"] = busy

    async def every():
        request = SimpleNamespace(headers={}, cookies={}, query_params={})
        return [told async for told in pushing._push("0" * 32, "", token, True, request)]

    try:
        return asyncio.run(every())
    finally:
        assert [one for one in pushing._uploads.values() if one is not busy] == []


def test_it_is_told_where_the_model_stands_and_the_token_goes_out_of_its_box(tmp_path, monkeypatch):
    folder = tmp_path / "pirate"
    folder.mkdir()
    save_file({"weight": torch.ones(9)}, folder / "model.safetensors")
    with LocalHub() as hub:
        hub.accounts[TOKEN] = "jane"
        ask_here(monkeypatch, hub.address, tmp_path / "cache")
        first, *_, last = pushed(folder, TOKEN)
        assert 'role="status"' in first[0] and first[2]["interactive"] is False
        assert "jane/pirate" in last[0] and last[1] == "" and last[2]["interactive"] is True
        assert hub.repositories["jane/pirate"].is_private
        with pytest.raises(PushTokenRefused):
            pushed(folder, "hf_other")
        with pytest.raises(gr.Error, match="already"):
            pushed(folder, TOKEN, busy=threading.current_thread())


def test_how_far_it_is_is_a_bar():
    assert 'aria-valuenow="25"' in far("pirate", 25, 100, "en") and "pirate" in far("pirate", 25, 100, "zh")
    assert "aria-valuenow" not in far("pirate", 0, 0, "en")

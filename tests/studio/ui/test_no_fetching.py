"""No value of any component makes the server fetch an address."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import gradio as gr
import pytest
from gradio import processing_utils
from gradio.blocks import Block

from studio.ui.no_fetching import forbid_fetching


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret", paths
    server.shutdown()
    server.server_close()


def test_nothing_is_fetched(asked: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, paths = asked
    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", None)  # put back what was there, afterwards
    forbid_fetching()
    with pytest.raises(gr.Error):
        asyncio.run(processing_utils.async_ssrf_protected_download(url, str(tmp_path)))
    with pytest.raises(gr.Error):
        processing_utils.save_url_to_cache(url, str(tmp_path))
    with pytest.raises(gr.Error):
        asyncio.run(processing_utils.async_move_files_to_cache(_file(url), _component(), check_in_upload_folder=True))
    assert paths == []


def _file(url: str) -> dict:
    return {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}


def _component() -> Block:
    with gr.Blocks():
        return gr.File()

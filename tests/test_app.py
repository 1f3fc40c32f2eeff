"""`python app.py` as a person starts it: what it says when it cannot, and what it keeps out of its process."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gradio_client import Client

from tests.server import ROOT, StudioServer, free_port
from tests.test_readme import blocks


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a studio that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _is_plain(ended: subprocess.CompletedProcess[str]) -> bool:
    return ended.returncode == 1 and "Traceback" not in ended.stderr and len(ended.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = _start("--port", str(port), "--home", str(tmp_path / "home"))
    assert _is_plain(ended) and str(port) in ended.stderr and "--port" in ended.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "x" * 70])
def test_an_address_that_is_not_here_is_said_plainly(host: str, tmp_path: Path) -> None:
    ended = _start("--host", host, "--port", str(free_port()), "--home", str(tmp_path / "home"))
    assert _is_plain(ended) and f"no address {host}" in ended.stderr and "taken" not in ended.stderr
    assert not (tmp_path / "home").exists()


def test_a_second_studio_on_the_same_home_is_refused_plainly(tmp_path: Path) -> None:
    server = StudioServer(tmp_path / "home").start(is_worker_awaited=False)
    try:
        ended = _start("--port", str(free_port()), "--home", str(server.home))
        assert _is_plain(ended) and "already running" in ended.stderr
        assert server.health()["status"] == "ok"
    finally:
        server.stop()


def test_a_home_of_a_newer_version_is_refused_in_the_persons_language(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text(json.dumps({"schema": 99}))
    ended = _start("--port", str(free_port()), "--home", str(tmp_path), LC_ALL="zh_CN.UTF-8")
    assert _is_plain(ended) and "99" in ended.stderr and "更新" in ended.stderr


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere, and there is no setpriv"
)
def test_a_home_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    drop = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "app.py", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    tmp_path.chmod(0o700)
    assert _is_plain(ended) and "--home" in ended.stderr


def test_a_file_in_the_place_of_the_home_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    ended = _start("--port", str(free_port()), "--home", str(tmp_path / "home"))
    assert _is_plain(ended) and "--home" in ended.stderr


def test_a_share_link_without_a_login_is_refused(tmp_path: Path) -> None:
    ended = _start("--share", "--home", str(tmp_path / "home"))
    assert _is_plain(ended) and "--auth" in ended.stderr


def test_the_client_example_of_the_readme_runs(tmp_path: Path) -> None:
    server = StudioServer(tmp_path / "home").start()
    try:
        (example,) = [block for block in blocks((ROOT / "README.md").read_text(), "python") if "gradio_client" in block]
        code = example.replace("http://127.0.0.1:7860", server.url) + "\nprint(answer, conversation)"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
        assert len(told.stdout.split()) > 3
    finally:
        server.stop()


def test_the_server_answers_and_never_loads_a_model_library(tmp_path: Path) -> None:
    server = StudioServer(tmp_path / "home").start()
    try:
        client = Client(server.url, verbose=False)
        answer = client.predict(prompt="Say hello.", max_new_tokens=16, seed=1, api_name="/generate_text")
        assert answer.strip()
        assert server.process is not None
        maps = Path(f"/proc/{server.process.pid}/maps")
        if maps.exists():
            loaded = maps.read_text()
            assert not [name for name in ("libtorch", "libopenvino", "llvmlite") if name in loaded]
        assert server.health()["loaded_models"][0]["model"] == "smollm2-135m-instruct"
    finally:
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()

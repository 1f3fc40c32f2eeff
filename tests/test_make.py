"""`make run`, the first command of the README, in the environment that make made."""

import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.server import ROOT, free_port


@pytest.mark.skipif(not (ROOT / ".venv" / "installed").exists(), reason="this environment was not made by make setup")
def test_make_run_works_again_without_any_network(tmp_path: Path) -> None:
    port = free_port()
    nowhere = {"PIP_NO_INDEX": "1", "HTTPS_PROXY": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    with (tmp_path / "log").open("wb") as log:
        made = subprocess.Popen(
            ["make", "run", f"ARGS=--port {port} --home {tmp_path / 'home'}"],
            cwd=ROOT, env={**os.environ, **nowhere}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (_answers(port) and f":{port}" in (tmp_path / "log").read_text()):  # it says where it is, too
            assert made.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
    finally:
        os.killpg(made.pid, signal.SIGTERM)
        made.wait(timeout=30)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False

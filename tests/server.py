"""A real studio in a process of its own, on a free port of 127.0.0.1, with a home of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
START_SECONDS = 240.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StudioServer:
    """`python app.py` on `home`; its output goes to `<home>.log`, never to a pipe that could fill."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.log = home.with_name(home.name + ".log")
        self._arguments = arguments
        self._environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self, *, is_worker_awaited: bool = True) -> "StudioServer":
        command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(self.port), "--home", str(self.home)]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1", **self._environment}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self._arguments],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the studio ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            if self._is_up(is_worker_awaited):
                return self
            time.sleep(0.1)
        raise RuntimeError(f"the studio did not answer within {START_SECONDS} s:\n{self.log.read_text()[-4000:]}")

    def health(self) -> dict:
        with urlopen(self.url + "health", timeout=10) as answer:
            return dict(json.load(answer))

    def files_with(self, words: str) -> list[Path]:
        """The files of the home that hold `words`. What goes while one looks holds nothing."""
        found = []
        for folder, _, names in os.walk(self.home):
            for name in names:
                with suppress(FileNotFoundError):
                    path = Path(folder, name)
                    found += [path] if words.encode() in path.read_bytes() else []
        return found

    def worker_pids(self) -> list[int]:
        """The worker processes of this server, found among its children."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not children.exists():
            found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
            return [int(pid) for pid in found.stdout.split()]
        pids = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            pids += [int(pid) for pid in (task / "children").read_text().split()]
        return [pid for pid in pids if b"studio.jobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def kill(self) -> None:
        """SIGKILL to the server alone: what a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def _is_up(self, is_worker_awaited: bool) -> bool:
        try:
            health = self.health()
        except (URLError, OSError, ValueError):
            return False
        return not is_worker_awaited or health["workers"][0]["state"] == "ready"

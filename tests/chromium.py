"""Finds the Chromium that the browser tests drive, and gets one where there is none: `python -m tests.chromium`.

Knows nothing of the tests. `find()` is what they call.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
APT_PACKAGES = ("chromium", "fonts-noto-cjk")

WHAT_TO_DO = """No Chromium was found, and none could be installed from here. The browser tests need one. Do one of these:
  - install Chromium or Google Chrome with your system's package manager, so that it is on the PATH
  - run: .venv/bin/python -m playwright install --with-deps chromium
then run the command again."""


def find() -> str | None:
    """The path of a Chromium that starts: one of the system, else the one that Playwright keeps; None without any."""
    system = [path for name in NAMES if (path := shutil.which(name))] + list(MAC_APPS)
    return next(filter(_starts, system), None) or next(filter(_starts, [_of_playwright()]), None)


def _of_playwright() -> str:
    """Asked for in a process of its own, because Playwright refuses to start inside a running event loop."""
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def _starts(path: str) -> bool:
    """A browser without its system libraries is there, but ends at once."""
    if not Path(path).exists():
        return False
    return subprocess.run([path, "--version"], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def main() -> int:
    # 1. what is there already
    if path := find():
        print(f"Chromium for the browser tests: {path}")
        return 0
    # 2. Playwright's own build, without any system package
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdin=subprocess.DEVNULL)
    # 3. the system's package, where this user may install it
    if not find() and shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update"], stdin=subprocess.DEVNULL, env=environment)
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *APT_PACKAGES],
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    # 4. say what came of it
    path = find()
    print(f"Chromium for the browser tests: {path}" if path else WHAT_TO_DO)
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())

"""Writes figures to `tests/bench/results/<name>.json` with the commit and the machine they were measured on."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def record(name: str, figures: dict) -> Path:
    """Keep `figures` and print them as a table."""
    about = {"commit": _commit(), "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine()}
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "figures": figures}, indent=2, ensure_ascii=False) + "\n")
    width = max(len(key) for key in figures)
    for key, value in figures.items():
        print(f"{key:<{width}}  {value:,.3f}" if isinstance(value, float) else f"{key:<{width}}  {value}")
    return path


def _commit() -> str:
    """The commit, marked where the tree differs from it in more than results."""
    named = _git("rev-parse", "--short=12", "HEAD")
    return named + ("-dirty" if _git("status", "--porcelain", "--", ":!tests/bench/results") else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def _machine() -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }

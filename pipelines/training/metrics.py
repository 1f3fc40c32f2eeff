"""The measured points of a run: one JSON line a step, every step at most once, in order.

A line is whole or passed over; those after the checkpoint that a run goes on from are dropped, and made again.
"""

import json
from pathlib import Path

from pipelines.training.files import write_whole


def read_metrics(path: Path) -> list[dict]:
    """Every whole line of a run's metrics, in order; a torn last line is passed over."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def append_metrics(path: Path, row: dict) -> None:
    """Adds `row`, which has a `step` after all others."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def forget_after(path: Path, step: int) -> None:
    """Drops the lines after `step`, so that no point is there twice after a resume."""
    rows = [row for row in read_metrics(path) if row["step"] <= step]
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))

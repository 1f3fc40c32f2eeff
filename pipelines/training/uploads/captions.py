"""What is said of the pictures or sounds of a data set, as it was changed since they were brought: by a person, or by a model.

    captions.jsonl   {"row", "caption", "by"} a line, written behind the last one; of several lines of a row the last one counts

The rows themselves are never written again. Every caption that is read is examined like one that was brought.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.judging import judge_caption

FILE = "captions.jsonl"
BY_PERSON = "person"
OF_CAPTIONS = frozenset({"no_caption", "too_long", "garbled", "markup", "broken_characters"})


@dataclass(frozen=True)
class Caption:
    """`row` counts from 0 in rows.jsonl. `by` is BY_PERSON or the id of a model."""

    row: int
    caption: str
    by: str


def add(folder: Path, captions: Sequence[Caption]) -> None:
    """Write them behind those that are there; they outlive a loss of power."""
    lines = "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in captions)
    with (folder / FILE).open("a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # the last one was cut short
                file.write(b"\n")
        file.write(lines.encode("utf-8", "replace"))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> dict[int, Caption]:
    """The newest of each row that was changed."""
    try:
        lines = (
            (folder / FILE).read_bytes().decode("utf-8", "replace").split("\n")
        )  # what else ends a line may stand in a caption
    except OSError:
        return {}
    found = {}
    for line in lines:
        try:
            one = Caption(**json.loads(line))
            found[int(one.row)] = Caption(int(one.row), str(one.caption), str(one.by))
        except (ValueError, TypeError):  # cut short by a crash
            continue
    return found


def examined(rows: Sequence[dict], changed: dict[int, Caption], before: Sequence[Defect]) -> tuple[Defect, ...]:
    """The defects of a data set with its captions as they are now."""
    places = {(row.get("file", ""), row.get("number", 0)) for number, row in enumerate(rows) if number in changed}
    kept = [one for one in before if one.kind not in OF_CAPTIONS or (one.file, one.row) not in places]
    for number, one in changed.items():
        if number < len(rows):
            _, wrong = judge_caption(one.caption)
            file, at = rows[number].get("file", ""), rows[number].get("number", 0)
            kept += [Defect(kind, file, at, detail) for kind, detail in wrong]
    return tuple(sorted(kept, key=lambda defect: (defect.file, defect.row)))

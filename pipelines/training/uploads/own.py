"""A person's data set on the disk, in canonical form, and what trainers ask of it: the same as of a packaged one.

<home>/datasets/<id>/
  rows.jsonl     {"text", "label"?, "held_out"} · {"messages", "held_out"} · {"picture": name, "label"?, "held_out"}
  pictures/      0.png …
  dataset.json   written last: what it is, whose, and what was wrong with the files
"""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.training.data import HELD_OUT_EVERY, Dialogues, Kind, Pictures, Texts
from pipelines.training.files import make_durable, write_whole
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.doctor import Examined, Example

OWN_ID = re.compile(r"own_[0-9a-f]{16}")
SIDES = (16, 32, 64, 128)  # what pictures are scaled to: the largest that is no larger than most of them
SCHEMA = 1


def write(folder: Path, examined: Examined, about: dict[str, Any]) -> None:
    """Into the new `folder`; `about` goes into dataset.json beside what was found."""
    (folder / "pictures").mkdir(parents=True)
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number, (example, is_held_out) in enumerate(_split(examined.examples)):
            fields = dict(example.fields)
            if "picture" in fields:
                (folder / "pictures" / f"{number}.png").write_bytes(fields["picture"])
                fields["picture"] = f"{number}.png"
            file.write(json.dumps({**fields, "held_out": is_held_out}, ensure_ascii=False) + "\n")
    make_durable(folder / "rows.jsonl")
    facts = {
        "schema": SCHEMA,
        **about,
        "kind": examined.kind,
        "count": len(examined.examples),
        "labels": examined.labels,
        "defects": [asdict(defect) for defect in examined.defects],
    }
    write_whole(folder / "dataset.json", json.dumps(facts, ensure_ascii=False, indent=1))


def _split(examples: tuple[Example, ...]) -> list[tuple[Example, bool]]:
    """As the files say, where they say it of some; else every tenth is held out, and of few examples four."""
    said = [example.is_held_out for example in examples]
    if any(said) and not all(said):
        return list(zip(examples, said, strict=True))
    every = max(2, min(HELD_OUT_EVERY, len(examples) // 4))
    return [(example, number % every == every - 1) for number, example in enumerate(examples)]


class OwnData:
    """A data set of a person, with the attributes of a module of datasets/. Its folder is read when it is loaded."""

    LICENCE = ""
    SOURCE = ""
    ATTRIBUTION = ""
    LANGUAGES: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError where there is none."""
        self.facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        self.DATA: Kind = self.facts["kind"]
        self._folder = folder

    @property
    def defects(self) -> tuple[Defect, ...]:
        return tuple(Defect(**one) for one in self.facts["defects"])

    def load(self, packages: Path) -> Pictures | Texts | Dialogues:
        """All of it; `packages` is not needed."""
        with (self._folder / "rows.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        parts = [[row for row in rows if row["held_out"] is wanted] for wanted in (False, True)]
        if "pictures" in self.DATA:
            return self._pictures(*parts)
        if self.DATA == "dialogues":
            return Dialogues(*(tuple(tuple(row["messages"]) for row in part) for part in parts))
        return Texts(*(tuple(row["text"] for row in part) for part in parts))

    def _pictures(self, train: list[dict], held_out: list[dict]) -> Pictures:
        """Squares from their middles, in colour, all of one size."""
        import numpy
        import torch
        from PIL import Image, ImageOps

        names = tuple(self.facts["labels"])
        opened = {row["picture"]: Image.open(self._folder / "pictures" / row["picture"]) for row in train + held_out}
        sides = sorted(min(picture.size) for picture in opened.values())
        side = max((one for one in SIDES if one <= sides[len(sides) // 2]), default=SIDES[0])

        def pixels(rows: list[dict]) -> torch.Tensor:
            fitted = [ImageOps.fit(opened[row["picture"]].convert("RGB"), (side, side)) for row in rows]
            return (
                torch.from_numpy(numpy.stack([numpy.asarray(one) for one in fitted])).permute(0, 3, 1, 2).contiguous()
            )

        def labels(rows: list[dict]) -> torch.Tensor:
            return torch.tensor([names.index(row["label"]) for row in rows if names], dtype=torch.long)

        return Pictures(pixels(train), pixels(held_out), labels(train), labels(held_out), names, background=255)

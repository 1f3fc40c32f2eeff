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
SIDES = (16, 32, 64, 128)  # what pictures are scaled to
SCHEMA = 1
LEAST_OF_A_SIDE = 4  # of examples to train on, and of those to measure on
DEFECTS_KEPT = 300


def write(folder: Path, examined: Examined, about: dict[str, Any]) -> None:
    """Into the empty `folder`; `about` goes into dataset.json beside what was found."""
    (folder / "pictures").mkdir()
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number, (example, is_held_out) in enumerate(_split(examined.examples)):
            fields = dict(example.fields)
            if "picture" in fields:
                (folder / "pictures" / f"{number}.png").write_bytes(fields["picture"])
                fields["picture"] = f"{number}.png"
            file.write(json.dumps({**fields, "held_out": is_held_out}, ensure_ascii=False) + "\n")
    make_durable(folder / "rows.jsonl")
    defects = [asdict(defect) for defect in examined.defects[:DEFECTS_KEPT]]
    write_whole(folder / "defects.json", json.dumps(defects, ensure_ascii=False))
    facts = {
        "schema": SCHEMA,
        **about,
        "kind": examined.kind,
        "count": len(examined.examples),
        "labels": examined.labels,
        "found": len(examined.defects),
        "left_out": sum(defect.is_left_out for defect in examined.defects),
    }
    write_whole(folder / "dataset.json", json.dumps(facts, ensure_ascii=False, indent=1))


def _split(examples: tuple[Example, ...]) -> list[tuple[Example, bool]]:
    """As the files say, where there are enough on both sides; else every tenth is held out, and of few examples four."""
    said = [example.is_held_out for example in examples]
    if min(said.count(True), said.count(False)) >= LEAST_OF_A_SIDE:
        return list(zip(examples, said, strict=True))
    every = max(2, min(HELD_OUT_EVERY, len(examples) // LEAST_OF_A_SIDE))
    return [(example, number % every == every - 1) for number, example in enumerate(examples)]


class OwnData:
    """A data set of a person, with the attributes of a module of datasets/. Its folder is read when it is loaded."""

    LICENCE = ""
    SOURCE = ""
    ATTRIBUTION = ""
    LANGUAGES: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError where there is none of this version."""
        self.facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        if self.facts["schema"] != SCHEMA:
            raise ValueError(f"{folder} is of version {self.facts['schema']}")
        self.DATA: Kind = self.facts["kind"]
        self._folder = folder

    @property
    def defects(self) -> tuple[Defect, ...]:
        """The first DEFECTS_KEPT."""
        return tuple(Defect(**one) for one in json.loads((self._folder / "defects.json").read_text(encoding="utf-8")))

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
        side = self._side([row["picture"] for row in train + held_out])

        def pixels(rows: list[dict]) -> torch.Tensor:
            fitted = numpy.empty((len(rows), side, side, 3), numpy.uint8)
            for number, row in enumerate(rows):
                with Image.open(self._folder / "pictures" / row["picture"]) as picture:
                    fitted[number] = numpy.asarray(ImageOps.fit(picture.convert("RGB"), (side, side)))
            return torch.from_numpy(fitted).permute(0, 3, 1, 2).contiguous()

        def labels(rows: list[dict]) -> torch.Tensor:
            return torch.tensor([names.index(row["label"]) for row in rows if names], dtype=torch.long)

        return Pictures(pixels(train), pixels(held_out), labels(train), labels(held_out), names, background=255)

    def _side(self, pictures: list[str]) -> int:
        """The largest that is no larger than most of them."""
        from PIL import Image

        sides = []
        for name in pictures:
            with Image.open(self._folder / "pictures" / name) as picture:
                sides.append(min(picture.size))
        return max((one for one in SIDES if one <= sorted(sides)[len(sides) // 2]), default=SIDES[0])

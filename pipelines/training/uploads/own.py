"""A person's data set on the disk, in canonical form, and what trainers ask of it: the same as of a packaged one.

<home>/datasets/<id>/
  rows.jsonl     {"text", "label"?, "held_out"} · {"messages", "held_out"} · {"picture" or "sound": name, "label"?, "caption"?,
                 "file", "number": where it came from, "held_out"}
  captions.jsonl what was changed of captions since (captions.py)
  pictures/      0.png …
  sounds/        0.flac …
  dataset.json   written last: what it is, whose, and what was wrong with the files
"""

import json
import re
from collections import defaultdict
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.errors.training import PicturesTooMany
from pipelines.loading.memory.measure import free_bytes
from pipelines.sound.files import open_sound
from pipelines.training.data import HELD_OUT_EVERY, Dialogues, Kind, LabelledTexts, Pictures, Sounds, Texts
from pipelines.training.files import make_durable, write_whole
from pipelines.training.uploads import captions
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.doctor import Examined, Example
from pipelines.training.uploads.judging import SAMPLING_RATE

OWN_ID = re.compile(r"own_[0-9a-f]{16}")
SIDES = (16, 32, 64, 128, 256, 512, 1024)  # what pictures are scaled to
USUAL_SIDE = 128  # at most, unless a trainer reads more
SCHEMA = 1
COPIES = 3  # of all pixels in memory, while they are split and hashed
LEAST_OF_A_SIDE = 4  # of examples to train on, and of those to measure on
DEFECTS_KEPT = 300
GLANCE, GLANCE_CHARACTERS = 3, 160


def write(folder: Path, examined: Examined, about: dict[str, Any]) -> None:
    """Into the empty `folder`; `about` goes into dataset.json beside what was found."""
    media = {"picture": ("pictures", "png"), "sound": ("sounds", "flac")}
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number, (example, is_held_out) in enumerate(_split(examined.examples)):
            fields = dict(example.fields)
            for name, (place, suffix) in media.items():
                if name in fields:
                    (folder / place).mkdir(exist_ok=True)
                    (folder / place / f"{number}.{suffix}").write_bytes(fields[name])
                    fields[name] = f"{number}.{suffix}"
                    fields |= {"file": example.row.file, "number": example.row.number}
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
    """As the files say, where there are enough on both sides; else every tenth of each class is held out, and of few examples four."""
    said = [example.is_held_out for example in examples]
    if min(said.count(True), said.count(False)) >= LEAST_OF_A_SIDE:
        return list(zip(examples, said, strict=True))
    every = max(2, min(HELD_OUT_EVERY, len(examples) // LEAST_OF_A_SIDE))
    classes: dict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        classes[example.fields.get("label", "")].append(number)
    dealt = [
        number for of_class in classes.values() for number in of_class
    ]  # one class after the other, and on from where it ended
    held_out = set(dealt[every - 1 :: every])
    alone = {numbers[0] for numbers in classes.values() if len(numbers) == 1}  # what is never trained on cannot be told
    return [(example, number in held_out - alone) for number, example in enumerate(examples)]


class OwnData:
    """A data set of a person, with the attributes of a module of datasets/. Its folder is read when it is loaded."""

    ATTRIBUTION = ""
    LANGUAGES: tuple[str, ...] = ()

    def __init__(self, folder: Path, most_side: int = USUAL_SIDE) -> None:
        """`most_side` is how large a trainer reads pictures, in pixels. Raises OSError or ValueError where there is none of this version."""
        self.facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        if self.facts["schema"] != SCHEMA:
            raise ValueError(f"{folder} is of version {self.facts['schema']}")
        self.LICENCE, self.SOURCE = str(self.facts.get("licence", "")), str(self.facts.get("source", ""))
        self._folder, self._most_side = folder, most_side
        self._captions = (
            captions.read(folder) if "pictures" in self.facts["kind"] or "sounds" in self.facts["kind"] else {}
        )
        self.DATA: Kind = self._kind()

    def _kind(self) -> Kind:
        """A third that is captioned since makes it a captioned one."""
        kind, count = self.facts["kind"], sum(bool(one.caption) for one in self._captions.values())
        return f"captioned {kind}" if kind in ("pictures", "sounds") and count * 3 >= self.facts["count"] else kind  # type: ignore[return-value]

    @property
    def defects(self) -> tuple[Defect, ...]:
        """The first DEFECTS_KEPT, and those of captions that were changed since."""
        found = json.loads((self._folder / "defects.json").read_text(encoding="utf-8"))
        defects = tuple(Defect(**one) for one in found)
        return captions.examined(self.rows(), self._captions, defects) if self._captions else defects

    def glance(self) -> tuple[str, ...]:
        """How its first texts or dialogues begin; () of pictures and sounds."""
        begun = []
        with (self._folder / "rows.jsonl").open(encoding="utf-8") as file:
            for line in islice(file, GLANCE):
                row = json.loads(line)
                text = row.get("text") or "\n".join(one["content"] for one in row.get("messages", ()))
                label = f"{row['label']}: " if "label" in row else ""
                begun.append(f"{label}{text[:GLANCE_CHARACTERS]}" if text else "")
        return tuple(filter(None, begun))

    def rows(self) -> list[dict]:
        """Every row in canonical form, captions as they are now; `by` is who changed one, "" for nobody."""
        with (self._folder / "rows.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        for number, one in self._captions.items():
            if number < len(rows):
                rows[number] |= {"caption": one.caption, "by": one.by}
        return rows

    def load(self, packages: Path) -> Pictures | Sounds | Texts | Dialogues:
        """All of it; `packages` is not needed."""
        rows = self.rows()
        parts = [[row for row in rows if row["held_out"] is wanted] for wanted in (False, True)]
        if "pictures" in self.DATA:
            return self._pictures(*parts)
        if "sounds" in self.DATA:
            return self._sounds(*parts)
        if self.DATA == "dialogues":
            return Dialogues(*(tuple(tuple(row["messages"]) for row in part) for part in parts))
        train, held_out = (tuple(row["text"] for row in part) for part in parts)
        if self.DATA != "labelled texts":
            return Texts(train, held_out)
        names = tuple(self.facts["labels"])
        labels, held_out_labels = (tuple(names.index(row["label"]) for row in part) for part in parts)
        return LabelledTexts(train, held_out, labels, held_out_labels, names)

    def _pictures(self, train: list[dict], held_out: list[dict]) -> Pictures:
        """Squares from their middles, in colour, all of one size."""
        import numpy
        import torch
        from PIL import Image, ImageOps

        names = tuple(self.facts["labels"])
        side = self._side([row["picture"] for row in train + held_out])
        needed, free = len(train + held_out) * side * side * 3 * COPIES, free_bytes("ram")
        if needed > free:
            raise PicturesTooMany(count=len(train + held_out), needed_gb=needed / 1e9, free_gb=free / 1e9)

        def pixels(rows: list[dict]) -> torch.Tensor:
            fitted = numpy.empty((len(rows), side, side, 3), numpy.uint8)
            for number, row in enumerate(rows):
                with Image.open(self._folder / "pictures" / row["picture"]) as picture:
                    fitted[number] = numpy.asarray(ImageOps.fit(picture.convert("RGB"), (side, side)))
            return torch.from_numpy(fitted).permute(0, 3, 1, 2).contiguous()

        def labels(rows: list[dict]) -> torch.Tensor:
            return torch.tensor([names.index(row["label"]) for row in rows if names], dtype=torch.long)

        return Pictures(
            pixels(train), pixels(held_out), labels(train), labels(held_out), names, background=255,
            captions=_words(train) if any(_words(train + held_out)) else (),
            held_out_captions=_words(held_out) if any(_words(train + held_out)) else (),
        )  # fmt: skip

    def _sounds(self, train: list[dict], held_out: list[dict]) -> Sounds:
        """One channel each, all at the rate at which they are kept."""
        import torch

        names = tuple(self.facts["labels"])

        def heard(rows: list[dict]) -> tuple[torch.Tensor, ...]:
            return tuple(torch.from_numpy(open_sound(self._folder / "sounds" / row["sound"]).samples) for row in rows)

        def labels(rows: list[dict]) -> tuple[int, ...]:
            return tuple(names.index(row["label"]) for row in rows if names)

        return Sounds(
            heard(train), heard(held_out), labels(train), labels(held_out), names, _words(train), _words(held_out),
            SAMPLING_RATE,
        )  # fmt: skip

    def _side(self, pictures: list[str]) -> int:
        """The largest that is no larger than most of them, and not more than the trainer reads."""
        from PIL import Image

        sides = []
        for name in pictures:
            with Image.open(self._folder / "pictures" / name) as picture:
                sides.append(min(picture.size))
        return max(
            (one for one in SIDES if one <= min(self._most_side, sorted(sides)[len(sides) // 2])), default=SIDES[0]
        )


def _words(rows: list[dict]) -> tuple[str, ...]:
    """What is said of each, "" where nothing is."""
    return tuple(row.get("caption", "") for row in rows)

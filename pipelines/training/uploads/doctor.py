"""Examines a person's data before anything is trained on it: which kind it is, which rows are good, what is wrong with the others.

Every defect has its file and row. A row with one is left out, unless it is only told of (`ONLY_TOLD`). Two rows are the same
when they differ in nothing but spaces and the size of letters.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from pipelines.training.data import Kind
from pipelines.training.uploads.columns import LABEL, MEDIA_FILE, SIDE, first, has, is_held_out, kind_of
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.judging import JUDGES
from pipelines.training.uploads.reading import PICTURES, SHOWN_CHARACTERS, SOUNDS, TEXTS, File, Row, read

RARE = 5  # of a class
IMBALANCE = 20  # times as many of one class as of another


@dataclass(frozen=True)
class Example:
    """A good row in canonical form: {"text", "label"?} · {"messages": [{"role", "content"} …]} · {"picture" or "sound",
    "label"?, "caption"?}."""

    row: Row
    fields: dict[str, Any]
    is_held_out: bool


@dataclass(frozen=True)
class Examined:
    kind: Kind
    examples: tuple[Example, ...]
    defects: tuple[Defect, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({example.fields["label"] for example in self.examples if "label" in example.fields}))


def examine(files: Sequence[File]) -> Examined:
    """`files` are (name, content) each, as somebody chose them."""
    # 1 Rows, and of which kind most of them are
    found = read(files)
    rows, defects = _with_captions(found.rows, found.defects)
    kind = kind_of(rows)

    # 2 Each row by itself
    examples: list[Example] = []
    for row in rows:
        fields, wrong = JUDGES[kind](row)
        defects += [Defect(what, row.file, row.number, detail[:SHOWN_CHARACTERS]) for what, detail in wrong]
        if fields is not None:
            examples.append(Example(replace(row, picture=None, sound=None), fields, is_held_out(row)))

    # 3 Each beside the others
    examples = _without_copies(examples, defects)
    if kind.startswith("labelled"):
        _compare_classes(examples, defects)
    defects.sort(key=lambda defect: (defect.file, defect.row))
    return Examined(kind, tuple(examples), tuple(defects))


# ── pictures and sounds, and what is said of them ─────────────────────────────────────────────────────────────────────


def _with_captions(rows: list[Row], defects: list[Defect]) -> tuple[list[Row], list[Defect]]:
    """Files of pictures and sounds with what other files say of them, else with their folder as label; such files' rows are
    no rows of their own. What stands within a row of a table has all it needs."""
    defects = list(defects)
    media: dict[str, Row] = {}
    whole = [row for row in rows if row.is_media and row.number]
    for row in rows:
        if row.is_media and not row.number and media.setdefault(row.file, row) is not row:
            defects.append(Defect("duplicate", row.file, row.number, row.file))
    if not media:
        return rows, defects
    told: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        if not row.is_media:
            name = _media_of(row, media)
            if name is None:
                what = "no_sound" if all(one.sound is not None for one in media.values()) else "no_picture"
                said = str(first(row.fields, MEDIA_FILE) or "")
                defects.append(Defect(what, row.file, row.number, said[:SHOWN_CHARACTERS]))  # type: ignore[arg-type]
            else:
                told[name] |= row.fields
    folders = {name: PurePosixPath(name).parent.name for name in media}
    classes = {folder for folder in folders.values() if folder and not SIDE.search(folder)}
    out = []
    for name, row in media.items():
        fields = told[name]
        if len(classes) > 1 and not has(fields, LABEL) and folders[name] in classes:
            fields = {**fields, "label": folders[name]}
        out.append(replace(row, fields=fields))
    return [*whole, *out], defects


def _media_of(row: Row, media: Collection[str]) -> str | None:
    """The file that a row speaks of: by its path from where the row's file lies, or from the top; of a caption its twin."""
    here = PurePosixPath(row.file).parent
    if (said := first(row.fields, MEDIA_FILE)) is not None:
        places = [str(here / PurePosixPath(str(said))), str(PurePosixPath(str(said)))]
    elif PurePosixPath(row.file).suffix in TEXTS:
        places = [str(PurePosixPath(row.file).with_suffix(suffix)) for suffix in (*PICTURES, *SOUNDS)]
    else:
        places = []
    return next((place for place in places if place in media), None)


# ── each beside the others ────────────────────────────────────────────────────────────────────────────────────────────


def _without_copies(examples: list[Example], defects: list[Defect]) -> list[Example]:
    """The first of those that are the same. A copy on the other side of the split is a leak: the one to train on goes."""
    held_out = {_same(example): example.row for example in examples if example.is_held_out}
    seen: dict[object, Row] = {}
    kept = []
    for example in examples:
        row, same = example.row, _same(example)
        if not example.is_held_out and same in held_out:
            other, what = held_out[same], "leak"
        elif same in seen:
            other, what = seen[same], "duplicate"
        else:
            seen[same] = row
            kept.append(example)
            continue
        defects.append(Defect(what, row.file, row.number, f"{other.file}:{other.number}"))  # type: ignore[arg-type]
    return kept


def _same(example: Example) -> object:
    fields = example.fields
    if "picture" in fields or "sound" in fields:
        return fields.get("picture") or fields["sound"]
    text = fields.get("text") or "\n".join(one["content"] for one in fields["messages"])
    return " ".join(text.lower().split())


def _compare_classes(examples: list[Example], defects: list[Defect]) -> None:
    """Too few of a class, far fewer than of another, or of a split that the files name on one side alone."""
    sides = {side: {one.fields["label"] for one in examples if one.is_held_out is side} for side in (False, True)}
    counts = Counter(example.fields["label"] for example in examples)
    if not counts:
        return
    first = {example.fields["label"]: example.row for example in reversed(examples)}
    most, largest = counts.most_common(1)[0]
    for label, count in counts.items():
        row = first[label]
        if count < RARE:
            defects.append(Defect("rare_class", row.file, row.number, f"{label}: {count}"))
        elif largest > IMBALANCE * count:
            defects.append(Defect("imbalance", row.file, row.number, f"{label}: {count} – {most}: {largest}"))
        if all(sides.values()) and label not in sides[False] & sides[True]:
            defects.append(Defect("one_sided_class", row.file, row.number, label[:SHOWN_CHARACTERS]))

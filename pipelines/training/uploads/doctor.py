"""Examines a person's data before anything is trained on it: which kind it is, which rows are good, what is wrong with the others.

Every defect has its file and row. A row with one is left out, unless it is only told of (`ONLY_TOLD`). Two rows are the same
when they differ in nothing but spaces and the size of letters.
"""

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipelines.errors.requests import PictureTooLarge, UnreadablePicture
from pipelines.pictures import open_picture
from pipelines.training.data import Kind
from pipelines.training.uploads.defects import Defect, DefectKind
from pipelines.training.uploads.reading import PICTURES, SHOWN_CHARACTERS, TEXTS, File, Row, read

TEXT = ("text", "content", "document", "sentence", "文本", "内容")
LABEL = ("label", "class", "category", "标签", "类别")
ASKED = ("instruction", "prompt", "question", "指令", "问题", "input")
MORE = ("input", "context", "输入")  # goes below what is asked
ANSWERED = ("output", "response", "answer", "completion", "输出", "回答", "答案")
MESSAGES = ("messages", "conversations", "conversation", "对话")
PICTURE_FILE = ("file_name", "file", "image", "图片")
SPLIT = ("split", "划分")
HELD_OUT = re.compile(r"(?:^|[^a-z])(test|valid|validation|val|dev|eval|held.?out)(?:[^a-z]|$)", re.IGNORECASE)
SIDE = re.compile(
    rf"{HELD_OUT.pattern}|^train(ing)?$", re.IGNORECASE
)  # a folder that names a side of the split, and no class

MOST_CHARACTERS = 100_000
LEAST_SIDE = 8
RARE = 5  # of a class
IMBALANCE = 20  # times as many of one class as of another
GARBLED = re.compile("\ufffd|Ã[\u0080-\u00bf]|â€|锟斤拷|[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Example:
    """A good row in canonical form: {"text", "label"?} · {"messages": [{"role", "content"} …]} · {"picture", "label"?}."""

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
    kind = _kind_of(rows)

    # 2 Each row by itself
    examples: list[Example] = []
    for row in rows:
        fields, wrong = _CANONICAL[kind](row)
        defects += [Defect(what, row.file, row.number, detail[:SHOWN_CHARACTERS]) for what, detail in wrong]
        if fields is not None:
            examples.append(Example(row, fields, _is_held_out(row)))

    # 3 Each beside the others
    examples = _without_copies(examples, defects)
    if kind.startswith("labelled"):
        _compare_classes(examples, defects)
    defects.sort(key=lambda defect: (defect.file, defect.row))
    return Examined(kind, tuple(examples), tuple(defects))


# ── which kind ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _first(fields: dict[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of `names` that is a column, in small letters or large; None where none is."""
    lower = {str(name).strip().lower(): value for name, value in fields.items()}
    return next((lower[name] for name in names if name in lower), None)


def _has(fields: dict[str, Any], names: Sequence[str]) -> bool:
    return any(str(name).strip().lower() in names for name in fields)


def _kind_of(rows: Sequence[Row]) -> Kind:
    """What most rows are."""
    counts = Counter(_kind_of_row(row) for row in rows)
    kind = counts.most_common(1)[0][0] if counts else "texts"
    if kind in ("texts", "pictures") and counts[_labelled(kind)] * 2 >= counts[kind]:
        return _labelled(kind)
    return kind


def _labelled(kind: Kind) -> Kind:
    return "labelled texts" if kind == "texts" else "labelled pictures"


def _kind_of_row(row: Row) -> Kind:
    if row.picture is not None:
        return "labelled pictures" if _has(row.fields, LABEL) else "pictures"
    if _has(row.fields, MESSAGES) or (_has(row.fields, ASKED) and _has(row.fields, ANSWERED)):
        return "dialogues"
    return "labelled texts" if _has(row.fields, LABEL) else "texts"


def _with_captions(rows: list[Row], defects: list[Defect]) -> tuple[list[Row], list[Defect]]:
    """Pictures with what other files say of them, else with their folder as label; such files' rows are no rows of their own."""
    defects = list(defects)
    pictures: dict[str, Row] = {}
    for row in rows:
        if row.picture is not None and pictures.setdefault(row.file, row) is not row:
            defects.append(Defect("duplicate", row.file, row.number, row.file))
    if not pictures:
        return rows, defects
    told: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        if row.picture is None:
            name = _picture_of(row, pictures)
            if name is None:
                said = str(_first(row.fields, PICTURE_FILE) or "")
                defects.append(Defect("no_picture", row.file, row.number, said[:SHOWN_CHARACTERS]))
            else:
                told[name] |= row.fields
    folders = {name: PurePosixPath(name).parent.name for name in pictures}
    classes = {folder for folder in folders.values() if folder and not SIDE.search(folder)}
    out = []
    for name, row in pictures.items():
        fields = told[name]
        if len(classes) > 1 and not _has(fields, LABEL) and folders[name] in classes:
            fields = {**fields, "label": folders[name]}
        out.append(Row(name, 0, fields, row.picture))
    return out, defects


def _picture_of(row: Row, pictures: Collection[str]) -> str | None:
    """The picture that a row speaks of: by its path from where the row's file lies, or from the top; of a caption its twin."""
    here = PurePosixPath(row.file).parent
    if (said := _first(row.fields, PICTURE_FILE)) is not None:
        places = [str(here / PurePosixPath(str(said))), str(PurePosixPath(str(said)))]
    elif PurePosixPath(row.file).suffix in TEXTS:
        places = [str(PurePosixPath(row.file).with_suffix(suffix)) for suffix in PICTURES]
    else:
        places = []
    return next((place for place in places if place in pictures), None)


def _is_held_out(row: Row) -> bool:
    split = _first(row.fields, SPLIT)
    return bool(HELD_OUT.search(split if isinstance(split, str) and split else row.file))


# ── each row by itself ────────────────────────────────────────────────────────────────────────────────────────────────

Wrong = list[tuple[DefectKind, str]]
Judged = tuple[dict[str, Any] | None, Wrong]


def _text(fields: dict[str, Any], names: Sequence[str], wrong: Wrong) -> str | None:
    """The text of a column; None, and what is wrong in `wrong`, where there is none."""
    if not _has(fields, names):
        wrong.append(("missing_column", names[0]))
        return None
    value = _first(fields, names)
    if not isinstance(value, str):
        wrong.append(("empty", names[0]) if value is None else ("wrong_type", f"{names[0]}: {value!r}"))
        return None
    if not value.strip():
        wrong.append(("empty", names[0]))
        return None
    if len(value) > MOST_CHARACTERS:
        wrong.append(("too_long", f"{len(value):,} > {MOST_CHARACTERS:,}"))
    if any("\ud800" <= character <= "\udfff" for character in value):
        wrong.append(("broken_characters", names[0]))
        return None
    if seen := GARBLED.search(value):
        wrong.append(("garbled", value[max(0, seen.start() - 10) : seen.end() + 10]))
    return value


def _as_text(row: Row) -> Judged:
    wrong: Wrong = []
    if _kind_of_row(row) == "dialogues":
        return None, [("other_kind", "dialogues")]
    text = _text(row.fields, TEXT, wrong)
    return ({"text": text} if text is not None else None), wrong


def _as_labelled_text(row: Row) -> Judged:
    fields, wrong = _as_text(row)
    label = _label(row, wrong)
    return ({**fields, "label": label} if fields is not None and label else None), wrong


def _label(row: Row, wrong: Wrong) -> str | None:
    label = _first(row.fields, LABEL)
    if isinstance(label, bool | int):
        label = str(label)
    if not isinstance(label, str) or not label.strip() or any("\ud800" <= one <= "\udfff" for one in label):
        wrong.append(("no_label", "" if label is None else repr(label)))
        return None
    return label.strip()


def _as_dialogue(row: Row) -> Judged:
    """Messages as they are, or an instruction and its answer as two."""
    wrong: Wrong = []
    if _has(row.fields, MESSAGES):
        return _as_messages(_first(row.fields, MESSAGES))
    if not (_has(row.fields, ASKED) or _has(row.fields, ANSWERED)):
        return None, [("missing_column", ASKED[0])]
    asked, answer = _text(row.fields, ASKED, wrong), _text(row.fields, ANSWERED, wrong)
    if asked is None or answer is None:
        return None, wrong
    more = _first(row.fields, MORE)
    if isinstance(more, str) and more.strip() and more != asked:
        asked = f"{asked}\n\n{more}"
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}, wrong


def _as_messages(value: object) -> Judged:
    """Roles take turns, a system message may come first, and the last word is the assistant's."""
    if not isinstance(value, list) or not value:
        return None, [("wrong_type", repr(value)) if value else ("empty", MESSAGES[0])]
    names = {"human": "user", "gpt": "assistant", "bot": "assistant"}
    messages, wrong = [], Wrong()
    for one in value:
        if not isinstance(one, dict):
            return None, [("wrong_type", repr(one))]
        role = one.get("role", one.get("from"))
        text = _text({"content": one.get("content", one.get("value"))}, ("content",), wrong)
        if text is None:
            return None, wrong
        messages.append({"role": names.get(str(role), str(role)), "content": text})
    roles = [one["role"] for one in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if len(turns) % 2 or turns != ["user", "assistant"] * (len(turns) // 2) or not turns:
        return None, [*wrong, ("wrong_roles", " → ".join(roles))]
    return {"messages": messages}, wrong


def _as_picture(row: Row) -> Judged:
    if row.picture is None:
        return None, [("no_picture", "")]
    try:
        picture = open_picture(row.picture, row.file)
    except PictureTooLarge:
        return None, [("too_large", "")]
    except UnreadablePicture:
        return None, [("corrupt_picture", "")]
    if min(picture.size) < LEAST_SIDE:
        return None, [("tiny_picture", f"{picture.width} × {picture.height}")]
    file = io.BytesIO()
    picture.thumbnail((512, 512))  # no trainer here reads more
    picture.save(file, "PNG")
    return {"picture": file.getvalue()}, []


def _as_labelled_picture(row: Row) -> Judged:
    fields, wrong = _as_picture(row)
    label = _label(row, wrong)
    return ({**fields, "label": label} if fields is not None and label else None), wrong


_CANONICAL: dict[Kind, Callable[[Row], Judged]] = {
    "texts": _as_text,
    "labelled texts": _as_labelled_text,
    "dialogues": _as_dialogue,
    "pictures": _as_picture,
    "labelled pictures": _as_labelled_picture,
}


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
    if "picture" in fields:
        return fields["picture"]
    text = fields.get("text") or "\n".join(one["content"] for one in fields["messages"])
    return " ".join(text.lower().split())


def _compare_classes(examples: list[Example], defects: list[Defect]) -> None:
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

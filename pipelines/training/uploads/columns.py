"""What columns of a person's data are called, in English and Chinese, and which kind of data a row is by them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipelines.training.data import Kind
from pipelines.training.uploads.reading import Row

TEXT = ("text", "content", "document", "sentence", "文本", "内容")
LABEL = ("label", "class", "category", "标签", "类别")
ASKED = ("instruction", "prompt", "question", "指令", "问题", "input")
MORE = ("input", "context", "输入")  # goes below what is asked
ANSWERED = ("output", "response", "answer", "completion", "输出", "回答", "答案")
MESSAGES = ("messages", "conversations", "conversation", "对话")
MEDIA_FILE = ("file_name", "file", "path", "image", "audio", "图片", "音频")
CAPTION = ("caption", "text", "prompt", "description", "transcription", "sentence", "说明", "文本")
SPLIT = ("split", "划分")
HELD_OUT = re.compile(r"(?:^|[^a-z])(test|valid|validation|val|dev|eval|held.?out)(?:[^a-z]|$)", re.IGNORECASE)
SIDE = re.compile(
    rf"{HELD_OUT.pattern}|^train(ing)?$", re.IGNORECASE
)  # a folder that names a side of the split, and no class


def first(fields: dict[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of `names` that is a column, in small letters or large; None where none is."""
    lower = {str(name).strip().lower(): value for name, value in fields.items()}
    return next((lower[name] for name in names if name in lower), None)


def has(fields: dict[str, Any], names: Sequence[str]) -> bool:
    return any(str(name).strip().lower() in names for name in fields)


def is_held_out(row: Row) -> bool:
    """Whether its column or the name of its file says so."""
    split = first(row.fields, SPLIT)
    return bool(HELD_OUT.search(split if isinstance(split, str) and split else row.file))


def kind_of(rows: Sequence[Row]) -> Kind:
    """What most rows are; with labels where a third of those have one, else with captions likewise."""
    counts = Counter(kind_of_row(row) for row in rows)
    bases = ("texts", "dialogues", "pictures", "sounds")
    base = max(bases, key=lambda name: sum(count for kind, count in counts.items() if kind.endswith(name)))
    total = sum(count for kind, count in counts.items() if kind.endswith(base))
    for more in ("labelled", "captioned"):
        if (some := counts[f"{more} {base}"]) and some * 3 >= total:  # type: ignore[index]
            return f"{more} {base}"  # type: ignore[return-value]
    return base  # type: ignore[return-value]


def kind_of_row(row: Row) -> Kind:
    if row.picture is not None or row.sound is not None:
        base = "pictures" if row.picture is not None else "sounds"
        if has(row.fields, LABEL):
            return f"labelled {base}"  # type: ignore[return-value]
        return f"captioned {base}" if has(row.fields, CAPTION) else base  # type: ignore[return-value]
    if has(row.fields, MESSAGES) or (has(row.fields, ASKED) and has(row.fields, ANSWERED)):
        return "dialogues"
    return "labelled texts" if has(row.fields, LABEL) else "texts"

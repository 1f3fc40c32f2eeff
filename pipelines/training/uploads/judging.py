"""Each row of a person's data by itself: what is good of it in canonical form, and what is wrong with it. Knows no other row."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from pipelines.errors.requests import PictureTooLarge, UnreadablePicture, UnreadableSound
from pipelines.pictures.files import open_picture
from pipelines.sound.files import open_sound, to_bytes
from pipelines.training.data import Kind
from pipelines.training.uploads.columns import (
    ANSWERED,
    ASKED,
    CAPTION,
    LABEL,
    MESSAGES,
    MORE,
    TEXT,
    first,
    has,
    kind_of_row,
)
from pipelines.training.uploads.defects import DefectKind
from pipelines.training.uploads.reading import Row
from pipelines.types.sound import Wave

MOST_CHARACTERS = 100_000
MOST_CAPTION_CHARACTERS = 2000
LEAST_SIDE, MOST_SIDE = 8, 1024  # pixels: no trainer here reads more
SAMPLING_RATE = 24_000  # Hz, one channel: no trainer here reads more
LEAST_SECONDS, MOST_SECONDS = 0.1, 30.0
MOST_OPENED_SECONDS = 600.0
SILENCE = 0.001  # −60 dB below the loudest there can be
GARBLED = re.compile("\ufffd|Ã[\u0080-\u00bf]|â€|锟斤拷|[\x00-\x08\x0e-\x1f]")
# With an attribute or its other half: <p> alone may be a type in code.
MARKUP = re.compile(
    r"<(?:script|iframe|object|embed)\b[^<>]*>"
    r"|<(?:style|svg|img|a|div|span|table|tr|td|font|br|p|ul|li|h[1-6]|html|body|input|form)\s+[a-z-]+\s*=[^<>]*>"
    r"|<(style|svg|a|div|span|table|tr|td|font|p|ul|li|h[1-6]|html|body)>(?=.*?</\1>)"
    r"|<br ?/?>",
    re.IGNORECASE | re.DOTALL,
)

Wrong = list[tuple[DefectKind, str]]
Judged = tuple[dict[str, Any] | None, Wrong]


def _text(fields: dict[str, Any], names: Sequence[str], wrong: Wrong, most: int = MOST_CHARACTERS) -> str | None:
    """The text of a column; None, and what is wrong in `wrong`, where there is none."""
    if not has(fields, names):
        wrong.append(("missing_column", names[0]))
        return None
    value = first(fields, names)
    if not isinstance(value, str):
        wrong.append(("empty", names[0]) if value is None else ("wrong_type", f"{names[0]}: {value!r}"))
        return None
    if not value.strip():
        wrong.append(("empty", names[0]))
        return None
    if len(value) > most:
        wrong.append(("too_long", f"{len(value):,} > {most:,}"))
    if any("\ud800" <= character <= "\udfff" for character in value):
        wrong.append(("broken_characters", names[0]))
        return None
    if seen := GARBLED.search(value):
        wrong.append(("garbled", value[max(0, seen.start() - 10) : seen.end() + 10]))
    if seen := MARKUP.search(value):
        wrong.append(("markup", seen[0]))
    return value


def _as_text(row: Row) -> Judged:
    wrong: Wrong = []
    if kind_of_row(row) == "dialogues":
        return None, [("other_kind", "dialogues")]
    text = _text(row.fields, TEXT, wrong)
    return ({"text": text} if text is not None else None), wrong


def _label(row: Row, wrong: Wrong) -> str | None:
    label = first(row.fields, LABEL)
    if isinstance(label, float) and label.is_integer():  # so pandas writes a column of numbers with gaps
        label = int(label)
    if isinstance(label, bool | int):
        label = str(label)
    if not isinstance(label, str) or not label.strip() or any("\ud800" <= one <= "\udfff" for one in label):
        wrong.append(("no_label", "" if label is None else repr(label)))
        return None
    return label.strip()


def _as_dialogue(row: Row) -> Judged:
    """Messages as they are, or an instruction and its answer as two."""
    wrong: Wrong = []
    if has(row.fields, MESSAGES):
        return _as_messages(first(row.fields, MESSAGES))
    if not (has(row.fields, ASKED) or has(row.fields, ANSWERED)):
        return None, [("missing_column", ASKED[0])]
    asked, answer = _text(row.fields, ASKED, wrong), _text(row.fields, ANSWERED, wrong)
    if asked is None or answer is None:
        return None, wrong
    more = first(row.fields, MORE)
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


def judge_caption(text: str) -> tuple[str, Wrong]:
    """What of a caption is kept, "" for none, and what is wrong with it."""
    wrong: Wrong = []
    said = _text({"caption": text}, ("caption",), wrong, MOST_CAPTION_CHARACTERS)
    return said.strip() if said is not None else "", [("no_caption", "") if one[0] == "empty" else one for one in wrong]


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
    picture.thumbnail((MOST_SIDE, MOST_SIDE))
    picture.save(file, "PNG")
    caption, wrong = _caption(row)
    return {"picture": file.getvalue(), **caption}, wrong


def _as_sound(row: Row) -> Judged:
    """One channel, at most MOST_SECONDS of it."""
    if row.sound is None:
        return None, [("no_sound", "")]
    try:
        wave = open_sound(
            row.sound, sampling_rate=SAMPLING_RATE, is_mono=True, limit_seconds=MOST_OPENED_SECONDS, name=row.file
        )
    except UnreadableSound as error:
        return None, [("corrupt_sound", str(error.details.get("reason", "")))]
    seconds, loudest = len(wave.samples) / SAMPLING_RATE, float(numpy.abs(wave.samples).max())
    if seconds < LEAST_SECONDS:
        return None, [("short_sound", f"{seconds:.3f} s")]
    if loudest < SILENCE:
        return None, [("silent_sound", f"{seconds:.1f} s")]
    caption, wrong = _caption(row)
    if seconds > MOST_SECONDS:
        wrong.append(("long_sound", f"{seconds:.0f} s > {MOST_SECONDS:.0f} s"))
    kept = Wave(wave.samples[: int(MOST_SECONDS * SAMPLING_RATE)], SAMPLING_RATE)
    return {"sound": to_bytes(kept, "flac"), **caption}, wrong


def _caption(row: Row) -> tuple[dict[str, str], Wrong]:
    """What the row says of its picture or sound, where it has a column for that."""
    if not has(row.fields, CAPTION):
        return {}, []
    said = first(row.fields, CAPTION)
    text, wrong = judge_caption(said if isinstance(said, str) else "")
    return ({"caption": text} if text else {}), wrong


def _captioned(judge: Callable[[Row], Judged]) -> Callable[[Row], Judged]:
    """Where most rows have a caption, one without is told of."""

    def judged(row: Row) -> Judged:
        fields, wrong = judge(row)
        if fields is not None and not has(row.fields, CAPTION):
            wrong = [*wrong, ("no_caption", "")]
        return fields, wrong

    return judged


def _labelled(judge: Callable[[Row], Judged]) -> Callable[[Row], Judged]:
    """Where most rows have a label, one without is left out."""

    def judged(row: Row) -> Judged:
        fields, wrong = judge(row)
        label = _label(row, wrong)
        return ({**fields, "label": label} if fields is not None and label else None), wrong

    return judged


JUDGES: dict[Kind, Callable[[Row], Judged]] = {
    "texts": _as_text,
    "labelled texts": _labelled(_as_text),
    "dialogues": _as_dialogue,
    "pictures": _as_picture,
    "labelled pictures": _labelled(_as_picture),
    "captioned pictures": _captioned(_as_picture),
    "sounds": _as_sound,
    "labelled sounds": _labelled(_as_sound),
    "captioned sounds": _captioned(_as_sound),
}

"""The forms of regular Chinese verse, and what a request for a poem may hold."""

import re
from typing import Literal, get_args

from pipelines.errors.requests import NoSuchForm, WrongFirstLine, WrongHeads, WrongTitle

Form = Literal["五绝", "七绝", "五律", "七律"]
FORMS: dict[str, tuple[int, int]] = {
    "五绝": (4, 5),
    "七绝": (4, 7),
    "五律": (8, 5),
    "七律": (8, 7),
}  # lines, characters
CHARACTERS = re.compile(r"[\u3400-\u9fff]+")


MOST_TITLE = 12  # characters: longer ones its model has not read


def check_poem(form: str, title: str, first_line: str, heads: str) -> None:
    """Raises NoSuchForm, WrongTitle, WrongFirstLine or WrongHeads."""
    if form not in FORMS:
        raise NoSuchForm(form=form, forms=" · ".join(get_args(Form)))
    if title and (len(title) > MOST_TITLE or not CHARACTERS.fullmatch(title)):
        raise WrongTitle(length=MOST_TITLE)
    lines, length = FORMS[form]
    if first_line and (len(first_line) != length or not CHARACTERS.fullmatch(first_line)):
        raise WrongFirstLine(form=form, length=length)
    if heads and (len(heads) > lines or not CHARACTERS.fullmatch(heads)):
        raise WrongHeads(form=form, lines=lines)

"""Chinese poems in regular form, written line by line by a language model that has read many under such headings.

A line that has not the right length, ends on another rhyme where it should rhyme, or stands there already is drawn again: what
a poet does, and what a model of a few million parameters needs. It knows the model as text in, text out.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence

from pipelines.evaluation.rhyme import CLASSES, rhyme_of
from pipelines.types.poem import CHARACTERS, FORMS

TRIES = 8

_STOPS = re.compile(r"[，。！？；]")

Draw = Callable[[str, int, int], str]
"""(prompt, how many characters, seed) → what the model writes after the prompt, of at most so many characters."""


def heading(form: str, title: str, rhyme: str) -> str:
    """The line above a poem, as in the training texts."""
    return f"{form} {title} {rhyme}\n"


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a poem without their punctuation."""
    return tuple(line for line in _STOPS.split(re.sub(r"\s", "", text)) if line)


def form_of(lines: Sequence[str]) -> str | None:
    """The form that these lines have, or None."""
    lengths = {len(line) for line in lines}
    found = [form for form, shape in FORMS.items() if len(lengths) == 1 and shape == (len(lines), max(lengths))]
    return found[0] if found else None


def compose(draw: Draw, form: str, title: str, first_line: str, heads: str, seed: int) -> Iterator[str]:
    """The poem line by line, each with its punctuation. `heads`: the first characters of its lines (藏头诗), from the first on.

    The rhyme is that of the first line where there is one, else the model's choice.
    """
    # 1 What rhyme
    chance = random.Random(seed)
    if first_line:
        rhyme = rhyme_of(first_line[-1])
    else:
        rhyme = draw(heading(form, title, "").rstrip("\n"), 2, chance.getrandbits(32))
    if rhyme not in CLASSES:
        rhyme = chance.choice(CLASSES)

    # 2 Line after line
    count, length = FORMS[form]
    text, lines = heading(form, title, rhyme), list[str]()
    for number in range(count):
        head = heads[number : number + 1]
        if number == 0 and first_line:
            line = first_line
        else:
            attempts = (head + draw(text + head, length - len(head), chance.getrandbits(32)) for _ in range(TRIES))
            line = _first_good(attempts, length, lines, rhyme if number % 2 else "")
        lines.append(line)
        stop = "。\n" if number % 2 else "，"
        text += line + stop
        yield line + stop


def _first_good(attempts: Iterator[str], length: int, before: Sequence[str], rhyme: str) -> str:
    """The first attempt that is all a line should be; where none is, the best of them."""
    best, best_score = "", -1
    for line in attempts:
        is_line = len(line) == length and bool(CHARACTERS.fullmatch(line))
        merits = (is_line, is_line and line not in before, is_line and (not rhyme or rhyme_of(line[-1]) == rhyme))
        if all(merits):
            return line
        if sum(merits) > best_score:
            best, best_score = line, sum(merits)
    return best

"""Text cut into sentences, and sentences into runs of one language, as a voice needs them. Knows no model.

Which language a run is in follows from its script: kana is Japanese, Han is Chinese (Japanese where kana stands in the same
sentence, or where that was asked for), everything else is in the language of Latin letters that was asked for, or English.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_SENTENCE = 220  # characters of Latin script; one character of Han or kana counts as three: about 15 seconds
LONGEST_FIRST = 110  # the first part of a text, where it has a comma: it is waited for
WIDE = 3
ABBREVIATIONS = r"(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bProf)(?<!\bvs)(?<!\bNo)(?<!\bno)(?<!\bJr)(?<!\bSr)(?<!\bJan)(?<!\bFeb)(?<!\bAug)(?<!\bSept)(?<!\bOct)(?<!\bNov)(?<!\bDec)(?<!\b[A-Z])(?<!e\.g)(?<!i\.e)(?<!\ba\.m)(?<!\bp\.m)(?<!\bapprox)(?<!\bCapt)(?<!\bGen)(?<!\bMt)"
# Each run of dots is looked at once: from its beginning, where one dot alone may belong to an abbreviation
END = re.compile(rf"(?:(?<!\.)(?:{ABBREVIATIONS}\.|\.\.)\.*+|[!?…]++)[\"'”’)\]]*+(?=\s)|[。！？!?…]+[”’」』）》]*|\n+")
CLAUSE = re.compile(r"[,;:，；：、—–](?:\s|(?<=[，；：、]))|(?<=\w)\s[-–—]+\s")
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々"
KANA = "ぁ-ゖァ-ヺー"
RUN = re.compile(rf"[{HAN}{KANA}]+|[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'’.&-]*")
HAS_KANA = re.compile(f"[{KANA}]")
HAS_WIDE = re.compile(f"[{HAN}{KANA}]")
READABLE = re.compile(r"\w")


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is said in one go. `ends` is where it ends: how long the pause after it is."""

    text: str
    ends: str  # "clause", "sentence" or "paragraph"


def pieces(text: str) -> Iterator[Piece]:
    """The sentences of `text`, long ones cut at commas, and at spaces where there are none. Those without a word are left out."""
    start, is_first = 0, True
    for end in [*END.finditer(text), None]:
        stop = end.end() if end else len(text)
        sentence = text[start:stop].strip()
        start = stop
        if not READABLE.search(sentence):
            continue
        *clauses, last = _cut(sentence, is_first=is_first)
        is_first = False
        yield from (Piece(clause, "clause") for clause in clauses)
        is_last_line = end is None or "\n" in end[0] or text[stop : stop + 2].strip(" ").startswith("\n")
        yield Piece(last, "paragraph" if is_last_line else "sentence")


def runs(sentence: str, language: str, latin: str = "en") -> list[tuple[str, str]]:
    """(language, text) one after the other. `language` "" is found out; figures and signs go with what stands before."""
    wide = "ja" if language == "ja" or (language != "zh" and HAS_KANA.search(sentence)) else "zh"
    found: list[tuple[str, str]] = []
    end = 0
    for run in RUN.finditer(sentence):
        of = wide if HAS_WIDE.search(run[0]) else latin
        between = sentence[end : run.start()]
        if found and found[-1][0] == of:
            found[-1] = (of, found[-1][1] + between + run[0])
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + between)
            found.append((of, run[0]))
        else:
            found.append((of, between + run[0]))
        end = run.end()
    rest = sentence[end:]
    if found:
        found[-1] = (found[-1][0], found[-1][1] + rest)
        return found
    return [(language or latin, rest)]


def _cut(sentence: str, *, is_first: bool) -> list[str]:
    """Parts of at most `LONGEST_SENTENCE`, cut behind a clause where there is one, else behind a word."""
    parts = []
    if is_first and _length(sentence) > LONGEST_FIRST:
        clauses = [stop.end() for stop in CLAUSE.finditer(sentence, 0, _reach(sentence, LONGEST_FIRST))]
        if clauses and READABLE.search(sentence[: clauses[-1]]):
            parts.append(sentence[: clauses[-1]].strip())
            sentence = sentence[clauses[-1] :].strip()
    while _length(sentence) > LONGEST_SENTENCE:
        most = _reach(sentence, LONGEST_SENTENCE)
        clauses = [stop.end() for stop in CLAUSE.finditer(sentence, 0, most)]
        stops = clauses or [space.end() for space in re.finditer(r"\s", sentence[:most])]
        stop = next((stop for stop in reversed(stops) if READABLE.search(sentence[:stop])), most)
        parts.append(sentence[:stop].strip())
        sentence = sentence[stop:].strip()
    return [part for part in [*parts, sentence] if READABLE.search(part)] or [sentence]


def _length(text: str) -> int:
    return len(text) + (WIDE - 1) * len(HAS_WIDE.findall(text))


def _reach(text: str, limit: int) -> int:
    """How many characters of `text` make up `limit`."""
    length = 0
    for number, sign in enumerate(text):
        length += WIDE if HAS_WIDE.match(sign) else 1
        if length > limit:
            return number
    return len(text)

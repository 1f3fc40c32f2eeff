"""What a scene's picture shows, out of the scene's words, for models that know a list of names. Knows no model.

The longest name that stands in the text is best; a synonym is less than a name, a keyword less than both, and what an
earlier scene showed less than something new. Faces and signs are left out: a story hardly means them.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WORD = re.compile(r"[a-z]+")
HAS_HAN = re.compile(r"[\u4e00-\u9fff]")
LONGEST_WORDS = 4
SHORTEST_KEYWORD = 4  # letters; shorter ones are mostly no things
COMMON_KEYWORD = 3  # a keyword of more pictures than this says little
NAME, SYNONYM, HEAD, KEYWORD = 4.0, 3.0, 2.5, 1.0  # a head: the last word of a longer name, as "moon" is of "full moon"
OF_THEME = 0.7  # what stands in the theme alone counts so much
AGAIN = 0.4  # what was shown before counts so much
NOT_SHOWN = ("face-smiling", "face-neutral", "face-hand", "face-tongue", "face-sleepy", "face-unwell", "face-hat", "face-glasses", "face-concerned", "face-negative", "face-affection", "emotion", "heart", "hand", "body", "sign", "arrow", "keycap", "alphanum", "punctuation", "math", "currency", "geometric", "flag", "zodiac", "av-symbol", "gender", "warning", "other-symbol")  # fmt: skip
OF_SOMETHING = re.compile(r" (?:at|with|in|on|of|and|behind|without|over) ")  # its last word is not what it shows
NOT_MEANT = re.compile(
    "one|two|three|day|time|end|back|up|on|so|first|last|good|place|home|way|top|left|right|new|old|done|no|yes|ok|night|"
    "building|made|make|see|look|looked|said|say|group|people|person|thing|room|free|cool|party|button|shed|scared|sleeping|"
    "walking|walked|running|standing|stood|eating|playing|friends|together|leave|return|water|talk|call|long|down|work|know|where|help|mean|small|large|turn|here|again|change|spell|"
    "point|study|hold|hurt|late|live|life|easy|hard|high|kick|grow|help|lazy|loud|list|lift|male|race|rise|ride|rich|save|sent|soft|"
    "slow|step|stop|view|wild|drop|edge|fall|fix|flat|idea|join|love|wait|want|happy|angry|afraid|alone|quick|quickly|proud|brave"
)


@dataclass(frozen=True)
class Names:
    """What can be drawn: each phrase in lower case with the name that draws it and how well it says so."""

    en: dict[str, tuple[str, float]]
    zh: dict[str, tuple[str, float]]

    def best(self, text: str, theme: str = "", shown: Collection[str] = ()) -> str:
        """The name that `text` is most about, or its `theme`; "" where neither holds one. `shown` are those of earlier scenes."""
        found = self._found(text)
        for name, worth in self._found(theme).items():
            found[name] = max(found.get(name, 0.0), OF_THEME * worth)
        return max(found, key=lambda name: found[name] * (AGAIN if name in shown else 1.0)) if found else ""

    def _found(self, text: str) -> dict[str, float]:
        """The names that stand in `text`, and how well they say what it is about."""
        found: dict[str, float] = {}
        is_han = HAS_HAN.search(text) is not None
        known = self.zh if is_han else self.en
        for place, phrase in enumerate(_han(text, known) if is_han else _phrases(text)):
            if phrase in known:
                name, weight = known[phrase]
                found[name] = max(found.get(name, 0.0), weight + 0.5 * phrase.count(" ") - 0.005 * place)
        return found


@cache
def read_names(path: Path) -> Names:
    """From a JSON list of {"en", "zh", "group", "aliases_en", "tags_en" …}."""
    rows = [row for row in json.loads(path.read_bytes()) if not any(word in row["group"] for word in NOT_SHOWN)]
    return Names(_table(rows, "en"), _table(rows, "zh"))


def _table(rows: list[dict], language: str) -> dict[str, tuple[str, float]]:
    table: dict[str, tuple[str, float]] = {}
    keywords: dict[str, list[str]] = {}
    for row in rows:
        for tag in row[f"tags_{language}"]:
            keywords.setdefault(tag.lower(), []).append(row[language])
    for tag, names in keywords.items():
        if len(names) <= COMMON_KEYWORD and (language != "en" or len(tag) >= SHORTEST_KEYWORD):
            table[tag] = (min(names, key=len), KEYWORD)
    for name in sorted((row[language] for row in rows), key=len, reverse=True):
        if " " in name and not OF_SOMETHING.search(name):
            table[name.lower().split()[-1]] = (name, HEAD)
    for row in rows:
        for alias in row[f"aliases_{language}"]:
            table[alias.lower()] = (row[language], SYNONYM)
    for row in rows:
        table[row[language].lower()] = (row[language], NAME)
    return {phrase: found for phrase, found in table.items() if not NOT_MEANT.fullmatch(phrase)}


def _phrases(text: str) -> list[str]:
    """Every run of words, as it stands and in the singular, in the order in which they come."""
    words = WORD.findall(text.lower())
    found = []
    for start in range(len(words)):
        for stop in range(start + 1, min(start + LONGEST_WORDS, len(words)) + 1):
            whole = words[start:stop]
            found += [" ".join([*whole[:-1], last]) for last in _forms(whole[-1])]
    return found


def _forms(word: str) -> list[str]:
    forms = [word]
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith(("ses", "xes", "ches", "shes", "oes")):
        forms.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
    if word == "mice":
        forms.append("mouse")
    return forms


def _han(text: str, known: Collection[str]) -> list[str]:
    """Every stretch of Chinese that is a name, in the order in which they come."""
    longest = max(map(len, known), default=0)
    return [
        text[start:stop]
        for start in range(len(text))
        for stop in range(start + 1, min(start + longest, len(text)) + 1)
        if text[start:stop] in known
    ]

"""Do the lines of a Chinese poem rhyme, as they are read today? By the thirteen rhymes (十三辙) of northern stage tradition.

Tang poets rhymed by the books of their time, so that many true rhymes are none any more: the rate of real poems, not 1,
is what a model's rate is to be held against. Readings come from pypinyin; a character with several has the usual one.
"""

from collections import Counter
from collections.abc import Sequence

_CLASSES = {
    "发花": "a ia ua",
    "梭坡": "o e uo",
    "乜斜": "ie üe ê",
    "一七": "i ü er",
    "姑苏": "u",
    "怀来": "ai uai",
    "灰堆": "ei uei",
    "遥条": "ao iao",
    "油求": "ou iou",
    "言前": "an ian uan üan",
    "人辰": "en in uen ün",
    "江阳": "ang iang uang",
    "中东": "eng ing ueng ong iong",
}
CLASSES = tuple(_CLASSES)
_CLASS_OF = {final: name for name, finals in _CLASSES.items() for final in finals.split()}


def rhyme_of(character: str) -> str:
    """The rhyme of a character, one of CLASSES; "" for one without a reading."""
    from pypinyin import Style, pinyin

    finals = pinyin(character, style=Style.FINALS, errors="ignore", strict=True, v_to_u=True)
    return _CLASS_OF.get(finals[0][0], "") if finals else ""


def rhyme_of_poem(lines: Sequence[str]) -> str:
    """The rhyme that most of the even lines end on; "" where none of them has one."""
    ends = Counter(rhyme for line in lines[1::2] if (rhyme := rhyme_of(line[-1])))
    return ends.most_common(1)[0][0] if ends else ""


def does_rhyme(lines: Sequence[str]) -> bool:
    """Whether all even lines (the second, the fourth …) end on one rhyme; the others are free."""
    ends = {rhyme_of(line[-1]) for line in lines[1::2]}
    return len(ends) == 1 and "" not in ends

"""What a picture of the catalog may be called: names, aliases, telling tags and plain sentences, in English and Chinese.

The held-out wordings of the evaluation occur in none of them; `tests/pipelines/training/starter_image/test_words.py` looks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.training.datasets.openmoji import Entry

SENTENCES_EN = ("a {}", "a picture of {}", "a drawing of a {}", "{} icon")
SENTENCES_ZH = ("一个{}", "{}的图片", "画一张{}", "{}图标")
SHARED_TAG_OWNERS = 3  # a tag of more pictures than this says too little about any one of them


@dataclass(frozen=True)
class Caption:
    """One wording for picture number `picture` of the catalog; `weight` is how often it is drawn among that picture's."""

    picture: int
    text: str
    english: str  # the same meaning in English
    weight: float


def captions(entries: Sequence[Entry]) -> list[Caption]:
    """Every caption of every picture. A picture's weights need not add up to anything."""
    owners = Counter(tag for entry in entries for tag in {*entry.tags_en, *entry.tags_zh})
    made = []
    for place, entry in enumerate(entries):
        made += [Caption(place, entry.en, entry.en, 4.0), Caption(place, entry.zh, entry.en, 4.0)]
        made += [Caption(place, alias, entry.en, 1.5) for alias in (*entry.aliases_en, *entry.aliases_zh)]
        for english, chinese in zip(SENTENCES_EN, SENTENCES_ZH, strict=True):
            made.append(Caption(place, english.format(entry.en), english.format(entry.en), 0.5))
            made.append(Caption(place, chinese.format(entry.zh), english.format(entry.en), 0.5))
        for tag in (*entry.tags_en, *entry.tags_zh):
            if owners[tag] <= SHARED_TAG_OWNERS:
                english = tag if tag in entry.tags_en else entry.en
                made.append(Caption(place, tag, english, 1.0 / owners[tag]))
    return made

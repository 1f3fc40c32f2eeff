"""The words of the page in the language that the person reads. Knows no gradio.

Words that never change are put on the page by key and translated in the browser (`i18n.py`). Sentences with numbers or
names in them are said here, in the language that the person's browser shows.
"""

import re
from collections.abc import Mapping

from studio.ui.vocabulary import (
    audio,
    datasets,
    frame,
    image,
    library,
    models,
    multimodal,
    text,
    trainers,
    training,
    training_settings,
)

# key: (English, Chinese)
WORDS = (
    frame.WORDS
    | text.WORDS
    | image.WORDS
    | audio.WORDS
    | multimodal.WORDS
    | library.WORDS
    | models.WORDS
    | training.WORDS
    | trainers.WORDS
    | training_settings.WORDS
    | datasets.WORDS
)
_LANGUAGE_COOKIE = re.compile(r"(?:^|;\s*)studio_language=([A-Za-z-]{2,12})")


def language_of(headers: Mapping[str, str]) -> str:
    """ "zh" or "en": what the page is shown in (it leaves a cookie), else what the browser asks for first."""
    cookie = _LANGUAGE_COOKIE.search(headers.get("cookie") or "")
    asked = cookie[1] if cookie else (headers.get("accept-language") or "")
    return "zh" if asked.strip().lower().startswith("zh") else "en"


def say(key: str, language: str, **values: object) -> str:
    """The words of `key`, with `values` filled in."""
    return WORDS[key][1 if language == "zh" else 0].format(**values)

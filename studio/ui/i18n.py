"""The fixed words of the page as gradio translates them in the browser.

Gradio 6.31 also translates values that happen to be keys: a choice "precise" came back to the server as "Precise". The
prefix makes keys that nothing else can be.
"""

import gradio as gr
from gradio.i18n import I18nData

from studio.ui.words import WORDS, language_of

PREFIX = "studio."


def t(key: str) -> I18nData:
    """The words of `key`, translated in the browser. For labels, help lines, placeholders and buttons."""
    if key not in WORDS:
        raise KeyError(key)
    return I18nData(PREFIX + key)


def translations() -> gr.I18n:
    """All words, for `launch`. The key "zh" serves zh-CN and zh-TW."""
    by_language = {
        name: {PREFIX + key: words[at] for key, words in WORDS.items()} for at, name in enumerate(("en", "zh"))
    }
    return gr.I18n(**by_language)


def language(request: gr.Request | None) -> str:
    """ "en" or "zh" for sentences that are said in Python."""
    return language_of(request.headers) if request is not None else "en"

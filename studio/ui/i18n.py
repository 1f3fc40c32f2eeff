"""The fixed words of the page as gradio translates them in the browser."""

import gradio as gr
from gradio.i18n import I18nData

from studio.ui.words import WORDS, language_of


def t(key: str) -> I18nData:
    """The words of `key`, translated in the browser. For labels, help lines, placeholders and buttons."""
    if key not in WORDS:
        raise KeyError(key)
    return I18nData(key)


def translations() -> gr.I18n:
    """All words, for `launch`. The key "zh" serves zh-CN and zh-TW."""
    return gr.I18n(**{name: {key: words[at] for key, words in WORDS.items()} for at, name in enumerate(("en", "zh"))})


def language(request: gr.Request | None) -> str:
    """ "en" or "zh" for sentences that are said in Python."""
    return language_of(request.headers) if request is not None else "en"

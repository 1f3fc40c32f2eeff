"""What the Look sub-tab shows, as our own HTML and lines of text. Everything in it is escaped here. Knows no gradio."""

from pipelines.types.caption import CaptionResult, Name
from studio.ui import lists
from studio.ui.facts import duration
from studio.ui.safe import escape
from studio.ui.words import say


def stage(url: str, text: str, result: CaptionResult | None, language: str) -> str:
    """The picture (`url` is "" where it was not kept), what it is said to be, and the names that it may have."""
    picture = f'<img class="looked-at" src="{escape(url)}" alt="{escape(text)}">' if url else ""
    told = f'<p class="written">{escape(text)}</p>' if text else ""
    names = ""
    if result is not None and result.names:
        rows = "".join(_row(name) for name in result.names)
        title = say("look_names" if result.is_known else "look_guesses", language)
        names = f'<h4>{escape(title)}</h4><ol class="names">{rows}</ol>'
    if result is not None and not result.is_known:
        told = f'<p class="written" role="status">{escape(say("look_unknown", language))}</p>'
    if not (told or names):
        return f'<div class="stage stage-empty">{lists.empty(escape(say("look_nothing", language)))}</div>'
    return f'<div class="stage stage-looked">{picture}<div>{told}{names}</div></div>'


def _row(name: Name) -> str:
    """Every language's word, and a bar as long as it is likely."""
    words = "".join(f'<span lang="{escape(code)}">{escape(word)}</span>' for code, word in name.texts.items())
    share = f"{name.probability:.0%}"
    return (
        f'<li><span class="name-words">{words}</span><span class="meter"><span style="width:{share}"></span></span>'
        f'<span class="mono">{share}</span></li>'
    )


def facts(result: CaptionResult, name: str, language: str) -> str:
    """ "Icon names · 0.3 s · loaded in 2 s"."""
    parts = [name, duration(result.seconds, language)]
    if result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason != "stop":
        parts.append(say(f"finish_{result.finish_reason}", language))
    return " · ".join(parts)

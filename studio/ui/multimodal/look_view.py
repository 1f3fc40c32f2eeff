"""What the Look sub-tab shows, as our own HTML and lines of text. Everything in it is escaped here. Knows no gradio."""

from collections.abc import Sequence

from pipelines.seeing.describing import READ
from pipelines.types.caption import CaptionRequest, CaptionResult, Name
from pipelines.types.model import ModelSpec
from studio.library.creations import Creation
from studio.ui import lists, sending
from studio.ui.facts import duration, size
from studio.ui.safe import escape
from studio.ui.stream import Live
from studio.ui.words import say
from studio.ui.working import meter


def stage(url: str, text: str, result: CaptionResult | None, language: str, asked: CaptionRequest) -> str:
    """The picture (`url` is "" where it was not kept), what was said about it before, what it is said to be, and the names that
    it may have.
    """
    picture = f'<img class="looked-at" src="{escape(url)}" alt="{escape(text)}">' if url else ""
    told = f'<p class="written">{escape(text)}</p>' if text else ""
    names = ""
    if result is not None and result.names:
        rows = "".join(_row(name) for name in result.names)
        title = say("look_names" if result.is_known else "look_guesses", language)
        names = f'<h4>{escape(title)}</h4><ol class="names">{rows}</ol>'
    if result is not None and not result.is_known:
        told = f'<p class="written" role="status">{escape(say("look_unknown", language))}</p>'
    before = _before(asked, language)
    if not (told or names) and before:
        silent = result is not None and result.finish_reason != "cancelled"
        told = (
            f'<p class="written" role="status">{escape(say("look_silent" if silent else "look_nothing", language))}</p>'
        )
    if not (told or names):
        return f'<div class="stage stage-empty">{lists.empty(escape(say("look_nothing", language)))}</div>'
    return f'<div class="stage stage-looked">{picture}<div>{before}{told}{names}</div></div>'


def working_stage(asked: CaptionRequest, live: Live, language: str) -> str:
    """The talk so far, and the answer as it comes."""
    told = f'<p class="written">{escape(live.text)}</p>' if live.text else ""
    return f'<div class="stage stage-asked">{_before(asked, language)}{told}{meter(live, language)}</div>'


def _before(asked: CaptionRequest, language: str) -> str:
    """What was asked and answered, up to the question whose answer is the newest."""
    turns = [(one.question, one.answer or say("look_silent", language)) for one in asked.earlier]
    said = "".join(f'{_question(question)}<p class="written">{escape(answer)}</p>' for question, answer in turns)
    return said + _question(asked.question)


def _question(question: str) -> str:
    return f'<p class="asked">{escape(question)}</p>' if question else ""


def question_of(asked: CaptionRequest) -> str:
    """What a model was asked, in words; "" for what is on the picture."""
    return READ.get(asked.language, READ["en"]) if asked.reads else asked.question


def _row(name: Name) -> str:
    """Every language's word, and a bar as long as it is likely."""
    words = "".join(f'<span lang="{escape(code)}">{escape(word)}</span>' for code, word in name.texts.items())
    share = f"{name.probability:.0%}"
    return (
        f'<li><span class="name-words">{words}</span><span class="meter"><span style="width:{share}"></span></span>'
        f'<span class="mono">{share}</span></li>'
    )


def actions(creation: Creation, job_id: str, language: str) -> str:
    """Use settings, run again (`job_id` is "" where its job is gone), send to, star, download."""
    star = say("unstar" if creation.is_starred else "star", language)
    parts = [
        lists.button("use", creation.id, say("use_settings", language)),
        lists.button("again", job_id, say("run_again", language)) if job_id else "",
        sending.menu("text", creation.id, language),
        lists.button("star", creation.id, star, is_pressed=creation.is_starred),
        f'<a class="item-button" href="media/{escape(creation.id)}" download="{escape(creation.id)}.md" '
        f'aria-label="{escape(say("download_as", language, name="MD"))}">MD</a>',
    ]
    return f'<div class="item-actions">{"".join(parts)}</div>'


def no_model(offered: Sequence[ModelSpec], language: str) -> str:
    """Which models could be added to talk about pictures."""
    names = [f"{spec.name} ({size(spec.size_bytes)})" if spec.size_bytes else spec.name for spec in offered]
    return escape(say("look_models_none", language, names=" · ".join(names)))


def facts(result: CaptionResult, name: str, language: str) -> str:
    """ "Icon names · 0.3 s · loaded in 2 s"."""
    parts = [name, duration(result.seconds, language)]
    if result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason != "stop":
        parts.append(say(f"finish_{result.finish_reason}", language))
    return " · ".join(parts)

"""Try a classifier that was trained here: a drawing, a picture, a text or a sound in, the likeliest classes and what spoke for
them out. One of pictures, words and sounds is given several of them, and says how near they are."""

import json
from collections.abc import AsyncIterator
from typing import Any, get_args

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.types.classification import (
    SOUND_LIMIT_SECONDS,
    ClassifyRequest,
    ClassifyResult,
    ClassifySoundRequest,
    ClassifyTask,
    ClassifyTextRequest,
    ClassifyTextResult,
    Span,
)
from pipelines.types.search import EmbedResult
from studio.services import Services
from studio.ui.audio.files import sound
from studio.ui.components import quietly
from studio.ui.i18n import language
from studio.ui.image.picture_box import bytes_of
from studio.ui.safe import escape
from studio.ui.stream import follow
from studio.ui.told import refuse, told
from studio.ui.training import nearness
from studio.ui.training.bars import bars
from studio.ui.training.layout import Parts
from studio.ui.training.pad import CLEAR, WITH_DRAWING
from studio.ui.training.view import TRIED
from studio.ui.words import say

MOST_CLASSES = 30  # of a table that is still read
LEAST_SHARE = 0.05  # of what spoke most: less is not marked


class Trying:
    """Knows no run: it is told which classifier is shown."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._parts = parts

    def wire(self) -> None:
        p, quiet = self._parts, quietly()
        p.tried.change(told(self._show), p.tried, self._shown, **quiet)
        asked = p.tell.click(
            told(self._tell), [p.tried, p.drawn, p.pasted, p.heard], [p.answer, p.tell], js=WITH_DRAWING, **quiet
        )
        p.clear.click(None, None, None, js=CLEAR, api_visibility="private")
        asked.failure(lambda: gr.update(interactive=True), None, p.tell, **quiet)

    @property
    def _shown(self) -> list[Any]:
        p = self._parts
        return [p.trying, p.drawing, p.pasted, p.heard, p.answer, p.confusion]

    def _show(self, model: str, request: gr.Request) -> tuple[Any, ...]:
        task = self._task(model)
        boxes = [gr.update(visible=task in (of, "embed-together")) for of in get_args(ClassifyTask)]
        return gr.update(visible=bool(model)), *boxes, "", self._confusion(model, language(request))

    def _task(self, model: str) -> str:
        """Whether it is asked about pictures, texts, sounds or all of them; "" for no model, and for one that was removed."""
        try:
            tasks = self._services.catalog.find(model).tasks if model else ()
        except StudioError:
            return ""
        return next((task for task in TRIED if task in tasks), "")

    def _confusion(self, model: str, lang: str) -> str:
        """Its held-out examples as a table, where it was trained here."""
        folder = self._services.catalog.local_path(model)
        try:
            facts = json.loads((folder / "model.json").read_text("utf-8")) if folder is not None else {}
            names = json.loads((folder / "config.json").read_text("utf-8"))["id2label"] if folder is not None else {}
            return confusion_table([str(name) for name in names.values()], facts["confusion"], lang)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ""

    async def _tell(
        self, model: str, drawn: str, pasted: str, heard: str | None, request: gr.Request
    ) -> AsyncIterator[tuple[str, Any]]:
        """Ask the model. It keeps nothing. Raises UnreadablePicture, UnreadableSound, and what `submit` raises."""
        lang, owner, jobs = language(request), self._services.identity.who(request), self._services.jobs
        task = self._task(model)
        if task == "embed-together":
            async for told_now in self._tell_nearness(model, drawn, pasted, heard, owner, lang):
                yield told_now
            return
        if task == "classify-sound":
            given = sound(heard, limit_seconds=SOUND_LIMIT_SECONDS)
            files = {"audio": given.data} if given is not None else {}
            job = jobs.submit(owner, ClassifySoundRequest(model), keep=False, files=files)
        elif task == "classify-text":
            job = jobs.submit(owner, ClassifyTextRequest(model, str(pasted or "")), keep=False)
        elif drawn:
            picture = bytes_of(drawn, "picture")
            job = jobs.submit(owner, ClassifyRequest(model), keep=False, files={"image": picture})
        else:
            raise refuse(say("try_empty", lang))
        yield gr.skip(), gr.update(interactive=False)
        async for live in follow(jobs, owner, job.id):
            if live.error is not None:
                raise live.error
            if live.end is not None:
                result = live.end.result
                yield (
                    answer_of(result, lang, "try_heard" if task == "classify-sound" else "try_heat"),
                    gr.update(interactive=True),
                )

    async def _tell_nearness(
        self, model: str, drawn: str, pasted: str, heard: str | None, owner: str, lang: str
    ) -> AsyncIterator[tuple[str, Any]]:
        given = sound(heard)
        picture = bytes_of(drawn, "picture") if drawn else b""
        asked, files = nearness.asking(model, str(pasted or ""), picture, given.data if given is not None else b"")
        if len(files) + (len(asked.texts) > 1) < 2:
            raise refuse(say("near_empty", lang))
        job = self._services.jobs.submit(owner, asked, keep=False, files=files)
        yield gr.skip(), gr.update(interactive=False)
        async for live in follow(self._services.jobs, owner, job.id):
            if live.error is not None:
                raise live.error
            if live.end is not None:
                result = live.end.result
                shown = nearness.answer(asked, result, lang) if isinstance(result, EmbedResult) else ""
                yield shown, gr.update(interactive=True)


def answer_of(result: object, lang: str, words: str) -> str:
    """What came out, of either kind; "" of a question that was cancelled. `words` is the key of what stands below a picture."""
    if isinstance(result, ClassifyTextResult):
        return text_answer(result, lang)
    return answer(result, lang, words) if isinstance(result, ClassifyResult) else ""


def text_answer(result: ClassifyTextResult, lang: str) -> str:
    """The classes, and the text: what spoke for the first of them marked, the more the stronger; what spoke against it underlined."""
    if not result.likelihoods:
        return ""
    most = max((abs(span.weight) for span in result.spans if span.weight is not None), default=0.0) or 1.0
    marked = "".join(_marked(span, most) for span in result.spans)
    words = say("try_spoke", lang, label=result.likelihoods[0].label)
    return (
        f'{bars(result.likelihoods)}<p class="help">{escape(words)}</p><p class="text-heat" tabindex="0">{marked}</p>'
    )


def _marked(span: Span, most: float) -> str:
    share = 0.0 if span.weight is None else span.weight / most
    if abs(share) < LEAST_SHARE:
        return escape(span.text)
    kind = "for" if share > 0 else "against"
    return f'<mark class="{kind}" style="--share:{abs(share):.0%}">{escape(span.text)}</mark>'


def answer(result: ClassifyResult, lang: str, words: str) -> str:
    """The classes with bars of their probabilities, and the picture or the sound as it was seen."""
    seen = ""
    if result.looked_at and result.likelihoods:
        below = say(words, lang, label=result.likelihoods[0].label)
        seen = (
            f'<figure class="looked-at"><img src="data:image/png;base64,{escape(result.looked_at)}" alt="">'
            f"<figcaption>{escape(below)}</figcaption></figure>"
        )
    return f"{bars(result.likelihoods)}{seen}"


def confusion_table(names: list[str], counts: list[list[int]], lang: str) -> str:
    """Rows are what the examples are, columns what they were taken for."""
    if len(names) > MOST_CLASSES or len(counts) != len(names):
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(
            f'<td class="{"right" if at == place else "wrong" if count else ""}">{int(count) or ""}</td>'
            for at, count in enumerate(row)
        )
        + "</tr>"
        for place, (name, row) in enumerate(zip(names, counts, strict=True))
    )
    corner = escape(say("confusion_is", lang))
    return f'<div class="confusion"><table><thead><tr><th>{corner}</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

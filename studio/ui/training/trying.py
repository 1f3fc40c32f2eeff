"""Try a classifier that was trained here: a drawing or a picture in, the likeliest classes and what spoke for them out."""

import json
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from pipelines.types.classification import ClassifyRequest, ClassifyResult
from studio.services import Services
from studio.ui.components import quietly
from studio.ui.i18n import language
from studio.ui.image.picture_box import bytes_of
from studio.ui.safe import escape
from studio.ui.stream import follow
from studio.ui.told import refuse, told
from studio.ui.training.layout import Parts
from studio.ui.training.pad import CLEAR, WITH_DRAWING
from studio.ui.words import say

MOST_CLASSES = 30  # of a table that is still read


class Trying:
    """Knows no run: it is told which classifier is shown."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._parts = parts

    def wire(self) -> None:
        p, quiet = self._parts, quietly()
        p.tried.change(told(self._show), p.tried, [p.trying, p.answer, p.confusion], **quiet)
        asked = p.tell.click(told(self._tell), [p.tried, p.drawn], [p.answer, p.tell], js=WITH_DRAWING, **quiet)
        p.clear.click(None, None, None, js=CLEAR, api_visibility="private")
        asked.failure(lambda: gr.update(interactive=True), None, p.tell, **quiet)

    def _show(self, model: str, request: gr.Request) -> tuple[Any, str, str]:
        return gr.update(visible=bool(model)), "", self._confusion(model, language(request))

    def _confusion(self, model: str, lang: str) -> str:
        """Its held-out pictures as a table, where it was trained here."""
        folder = self._services.catalog.local_path(model)
        try:
            facts = json.loads((folder / "model.json").read_text("utf-8")) if folder is not None else {}
            names = json.loads((folder / "config.json").read_text("utf-8"))["id2label"] if folder is not None else {}
            return confusion_table([str(name) for name in names.values()], facts["confusion"], lang)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ""

    async def _tell(self, model: str, drawn: str, request: gr.Request) -> AsyncIterator[tuple[str, Any]]:
        """Ask the model. It keeps nothing. Raises UnreadablePicture, and what `submit` raises."""
        lang, owner = language(request), self._services.identity.who(request)
        if not drawn:
            raise refuse(say("try_empty", lang))
        picture = bytes_of(drawn, "picture")
        job = self._services.jobs.submit(owner, ClassifyRequest(model), keep=False, files={"image": picture})
        yield gr.skip(), gr.update(interactive=False)
        async for live in follow(self._services.jobs, owner, job.id):
            if live.error is not None:
                raise live.error
            if live.end is not None:
                result = live.end.result
                html = answer(result, lang) if isinstance(result, ClassifyResult) else ""
                yield html, gr.update(interactive=True)


def answer(result: ClassifyResult, lang: str) -> str:
    """The classes with bars of their probabilities, and the picture as it was seen."""
    rows = "".join(
        f'<li><span class="word">{escape(one.label)}</span><span class="probability" aria-hidden="true">'
        f'<span style="width:{one.probability:.1%}"></span></span><span class="mono">{one.probability:.1%}</span></li>'
        for one in result.likelihoods
    )
    seen = ""
    if result.looked_at and result.likelihoods:
        words = say("try_heat", lang, label=result.likelihoods[0].label)
        seen = (
            f'<figure class="looked-at"><img src="data:image/png;base64,{escape(result.looked_at)}" alt="">'
            f"<figcaption>{escape(words)}</figcaption></figure>"
        )
    return f'<ol class="candidates">{rows}</ol>{seen}'


def confusion_table(names: list[str], counts: list[list[int]], lang: str) -> str:
    """Rows are what the pictures are, columns what they were taken for."""
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

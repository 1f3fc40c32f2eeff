"""Errors of the studio as what gradio shows: a plain sentence in the person's language. The one place.

Gradio 6.31 shows a message as HTML, and ours quote names that others chose (a model in a recipe): they are escaped here.
"""

import functools
import html
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from studio.ui.i18n import language
from studio.ui.words import say

CHARACTERS_A_SECOND = 12


def inform(key: str, lang: str, **values: object) -> None:
    """A short message that goes away by itself, when it was read."""
    words = say(key, lang, **values)
    gr.Info(_as_text(words), title=say("toast_done", lang), duration=max(4.0, len(words) / CHARACTERS_A_SECOND))


def refuse(message: str) -> gr.Error:
    """What to raise so that the person reads `message`."""
    return gr.Error(_as_text(message), print_exception=False)


def _as_text(message: str) -> str:
    """Quotes stay, for whoever reads the message in a script: it never stands in an attribute."""
    return html.escape(message, quote=False)


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler`, whose StudioErrors are shown to whoever asked. It must take a `request`; async generators too."""
    asks_at = list(inspect.signature(handler).parameters)

    def refusal(error: StudioError, args: tuple[Any, ...]) -> gr.Error:
        request = dict(zip(asks_at, args, strict=False)).get("request")
        return refuse(error.say(language(request)))

    original = inspect.unwrap(handler)
    if inspect.iscoroutinefunction(original):

        @functools.wraps(handler)
        async def wait(*args: Any) -> Any:
            try:
                return await handler(*args)
            except StudioError as error:
                raise refusal(error, args) from error

        return wait

    if inspect.isasyncgenfunction(original):

        @functools.wraps(handler)
        async def stream(*args: Any) -> Any:
            try:
                async for update in handler(*args):
                    yield update
            except StudioError as error:
                raise refusal(error, args) from error

        return stream

    @functools.wraps(handler)
    def call(*args: Any) -> Any:
        try:
            return handler(*args)
        except StudioError as error:
            raise refusal(error, args) from error

    return call

"""Errors as gradio shows them: toasts are HTML, so what others named stands in them as text."""

import asyncio
from collections.abc import AsyncIterator

import gradio as gr
import pytest

from pipelines.errors.models import UnknownModel
from studio.ui.told import refuse, told

LINK = '<a href="https://evil.example">Log in again</a>'
SHOWN = '“&lt;a href="https://evil.example"&gt;Log in again&lt;/a&gt;”'


def fail(request: gr.Request | None = None) -> None:
    raise UnknownModel(model=LINK)


async def fail_later(request: gr.Request | None = None) -> None:
    raise UnknownModel(model=LINK)


async def fail_midway(request: gr.Request | None = None) -> AsyncIterator[str]:
    yield "first"
    raise UnknownModel(model=LINK)


async def read(handler: object) -> None:
    async for _ in handler():  # type: ignore[operator]
        pass


def test_what_others_named_is_text_in_a_toast() -> None:
    for call in (
        told(fail),
        lambda: asyncio.run(told(fail_later)()),
        lambda: asyncio.run(read(told(fail_midway))),
    ):
        with pytest.raises(gr.Error) as error:
            call()
        assert SHOWN in error.value.message and "<" not in error.value.message


def test_quotes_and_apostrophes_stay() -> None:
    assert refuse('It\'s “too” "long",「太长」').message == 'It\'s “too” "long",「太长」'

"""Of several watchers of a page only the newest shows something, whatever gradio does with the others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pipelines.types.text import Message, TextRequest
from studio.jobs.folder import JobFolder
from studio.services import Services
from studio.settings import Settings
from studio.ui.text.chat import Chat
from studio.ui.text.private import PrivateConversations
from studio.ui.text.tasks import Tasks
from studio.ui.watchers import Watchers, pulse

ANN = "visitor:" + "a" * 32
MODEL = "smollm2-135m-instruct"
REQUEST = gr.Request(headers={"accept-language": "en"})


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Jobs wait: what a worker would write is written by the test."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    yield services
    services.close()


def answer(services: Services) -> tuple[str, str, str]:
    """A question and the place of its answer: (conversation, answer, job)."""
    conversation = services.conversations.new(ANN)
    asked = services.conversations.add_user(ANN, conversation.id, None, "Hello")
    job_id = services.jobs.new_job_id()
    node = services.conversations.add_answer(ANN, conversation.id, asked, job_id)
    request = TextRequest(MODEL, messages=(Message("user", "Hello"),))
    services.jobs.submit(ANN, request, conversation=(conversation.id, node), job_id=job_id)
    return conversation.id, node, job_id


async def write(services: Services, job_id: str, text: str) -> None:
    """A moment later, as events close to each other are shown together."""
    await asyncio.sleep(0.3)
    with JobFolder(services.settings.home / "jobs" / job_id).writer() as events:
        events.write("token", text=text)


async def until_shown(watcher: AsyncIterator[dict], part: Any, text: str) -> None:
    async for update in watcher:
        if text in str(update.get(part)):
            return
    raise AssertionError("it ended before")


async def collected(watcher: AsyncIterator[dict]) -> list[dict]:
    return [update async for update in watcher]


def test_a_watcher_of_the_chat_ends_when_something_else_is_shown(services: Services) -> None:
    with gr.Blocks():
        chat = Chat(services, [{"en": "x", "zh": "x"}])
    hidden, watchers = PrivateConversations(), Watchers()
    conversation_id, node, job_id = answer(services)

    async def look() -> None:
        older = chat.watch((conversation_id, node, pulse()), hidden, watchers, REQUEST)
        await asyncio.gather(write(services, job_id, "one"), until_shown(older, chat.parts.chat, "one"))
        new = ("", "", pulse())
        (cleared,) = await collected(chat.watch(new, hidden, watchers, REQUEST))
        assert cleared[chat.parts.chat] == []
        rest, _ = await asyncio.gather(collected(older), write(services, job_id, "two"))
        assert rest == [{chat.parts.chat: gr.skip()}]
        late = chat.watch((conversation_id, node, new[2][:-1]), hidden, watchers, REQUEST)
        assert await collected(late) == [{chat.parts.chat: gr.skip()}]

    asyncio.run(asyncio.wait_for(look(), 60))


def test_what_is_deleted_while_it_is_watched_is_no_error(services: Services) -> None:
    with gr.Blocks():
        chat = Chat(services, [{"en": "x", "zh": "x"}])
    conversation_id, node, _ = answer(services)

    async def look() -> None:
        watcher = chat.watch((conversation_id, node, pulse()), PrivateConversations(), Watchers(), REQUEST)
        await anext(watcher)
        services.jobs.remove_conversation(ANN, conversation_id)
        services.conversations.delete(ANN, conversation_id)
        assert (await collected(watcher))[-1] == {chat.parts.chat: gr.skip()}

    asyncio.run(asyncio.wait_for(look(), 60))


def test_a_watcher_of_the_tasks_ends_when_another_job_is_shown(services: Services) -> None:
    with gr.Blocks():
        tasks = Tasks(services, {"write": [{"en": "x", "zh": "x"}]})
    watchers = Watchers()
    first, second = (services.jobs.submit(ANN, TextRequest(MODEL, task="write", text=text)).id for text in "ab")

    async def look() -> None:
        older = tasks.watch((first, pulse()), watchers, REQUEST)
        await asyncio.gather(write(services, first, "one"), until_shown(older, tasks.parts.result, "one"))
        newer = tasks.watch((second, pulse()), watchers, REQUEST)
        begun = await anext(newer)
        assert begun[tasks.parts.result] == "" and begun[tasks.parts.candidates] == gr.update(value="", visible=False)
        rest, _ = await asyncio.gather(collected(older), write(services, first, "two"))
        assert rest == [{tasks.parts.result: gr.skip()}]
        await asyncio.gather(write(services, second, "three"), until_shown(newer, tasks.parts.result, "three"))

    asyncio.run(asyncio.wait_for(look(), 60))

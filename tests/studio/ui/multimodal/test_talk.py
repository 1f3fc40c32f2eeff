"""A talk without its sounds: each step is taken once, an answer is said in stretches, and who deletes it ends it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import gradio as gr
import pytest

from pipelines.errors.base import StudioError
from pipelines.errors.jobs import WorkerDied
from pipelines.errors.models import UnknownModel
from pipelines.errors.requests import EmptyPrompt, UnreadableSound
from pipelines.sound.files import to_bytes
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import SpeechRequest, SpeechResult
from pipelines.types.text import TextRequest, TextResult
from pipelines.types.transcription import TranscribeRequest, TranscribeResult
from studio.jobs.folder import End, JobFolder, State
from studio.jobs.keep import Keep
from studio.services import Services
from studio.settings import Settings
from studio.ui.audio.files import recorded, url_of
from studio.ui.multimodal.aloud import Aloud, _length, aloud, spoken
from studio.ui.multimodal.talk import Talk
from studio.ui.multimodal.turns import Turns
from studio.ui.stream import Live
from studio.ui.text.chat_view import Asked
from studio.ui.text.private import PrivateConversations
from studio.ui.watchers import Watchers, pulse
from studio.ui.wishes import NONE

ANN = "visitor:" + "a" * 32
MODEL, EARS, VOICE = "smollm2-135m-instruct", "whisper-base", "kokoro-82m"
REQUEST = gr.Request(headers={"accept-language": "en"})


def tone() -> bytes:
    import numpy

    return to_bytes(Wave(numpy.sin(numpy.arange(8000) / 9, dtype=numpy.float32), 16_000), "wav")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Jobs wait: what a worker would write is written by the test."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    yield services
    services.close()


def place(services: Services, conversation_id: str = "") -> Asked:
    return Asked(ANN, "en", services.conversations, conversation_id)


def end(services: Services, job_id: str, result: TranscribeResult | SpeechResult | TextResult | None) -> None:
    JobFolder(services.settings.home / "jobs" / job_id).finish(End("done", result, None, 1.0, 2.0))


def heard(text: str) -> TranscribeResult:
    return TranscribeResult(EARS, "stop", text, (), "en", 1.0, 1.0, 1.0)


def test_what_was_said_is_asked_once_whoever_sees_it_first(services: Services) -> None:
    turns = Turns(services)
    job = turns.hear(place(services), MODEL, EARS, tone(), "en")
    asked = place(services, job.conversation_id or "")
    assert isinstance(job.request, TranscribeRequest) and asked.conversation().path() == []
    end(services, job.id, heard(" What is the time? "))
    job = services.jobs.get(ANN, job.id)
    node_id = turns.answer_to(asked, job)
    assert turns.answer_to(asked, job) == "", "a second page sees the same end"
    question, answer = asked.conversation().path()
    assert (question.text, answer.id) == ("What is the time?", node_id)
    request = services.jobs.get(ANN, answer.job_id or "").request
    assert isinstance(request, TextRequest) and [one.role for one in request.messages] == ["system", "user"]
    assert request.sampling.max_new_tokens == 200
    assert {one.request.kind for one in turns.interrupt(asked)} == {"text"}


def test_what_was_said_is_added_though_the_chat_went_on_and_not_again_once_deleted(services: Services) -> None:
    turns = Turns(services)
    job = turns.hear(place(services), MODEL, EARS, tone(), "en")
    asked = place(services, job.conversation_id or "")
    services.conversations.add_user(ANN, asked.conversation_id, None, "typed in the chat meanwhile")
    end(services, job.id, heard("And this?"))
    job = services.jobs.get(ANN, job.id)
    assert turns.answer_to(asked, job)
    assert [node.text for node in asked.conversation().path()] == ["typed in the chat meanwhile", "And this?", ""]
    services.conversations.remove(ANN, asked.conversation_id, asked.conversation().path()[1].id)
    assert turns.answer_to(asked, job) == "" and len(asked.conversation().path()) == 1


def test_what_was_heard_stays_where_nobody_can_answer_it(services: Services) -> None:
    turns = Turns(services)
    job = turns.hear(place(services), "no such model", EARS, tone(), "en")
    asked = place(services, job.conversation_id or "")
    end(services, job.id, heard("Hello?"))
    with pytest.raises(UnknownModel):
        turns.answer_to(asked, services.jobs.get(ANN, job.id))
    assert [node.text for node in asked.conversation().path()] == ["Hello?"]
    with pytest.raises(UnknownModel):
        turns.ask(asked, "no such model", "typed")
    assert [node.text for node in asked.conversation().path()] == ["Hello?"], "what was typed stands in its box"


@pytest.mark.parametrize(
    ("state", "text", "error", "notice"),
    [
        ("done", "", None, "No words were heard"),
        ("cancelled", "Half of what I was go", None, ""),
        ("interrupted", "", WorkerDied(), "stopped"),
    ],
)
def test_a_recording_that_comes_to_nothing_asks_nothing_and_says_nothing_again(
    services: Services, state: State, text: str, error: StudioError | None, notice: str
) -> None:
    with gr.Blocks():
        talk = Talk(services, gr.State(NONE))
    turns = Turns(services)
    conversation_id, node_id = turns.ask(place(services), MODEL, "Hello")
    turns.interrupt(place(services, conversation_id))
    services.conversations.settle(ANN, conversation_id, node_id, "Good day.", {"finish_reason": "stop"})
    job = turns.hear(place(services, conversation_id), MODEL, EARS, tone(), "en")
    folder = JobFolder(services.settings.home / "jobs" / job.id)
    folder.finish(End(state, None if error else heard(text), error, 1.0, 2.0))

    async def look() -> None:
        watcher = talk.watch((conversation_id, job.id, True, pulse()), PrivateConversations(), Watchers(), "", REQUEST)
        updates = [update async for update in watcher]
        shown = {part: new for update in updates for part, new in update.items()}
        assert notice in shown.get(talk.parts.notice, {"value": ""})["value"]
        assert not [one for one in services.jobs.recent(ANN) if one.request.kind == "speech"]
        assert [node.id for node in place(services, conversation_id).conversation().path()][1:] == [node_id]

    asyncio.run(asyncio.wait_for(look(), 60))


def test_stop_rests_when_the_voice_of_a_page_that_is_gone_has_ended(services: Services) -> None:
    with gr.Blocks():
        talk = Talk(services, gr.State(NONE))
    turns = Turns(services)
    conversation_id, node_id = turns.ask(place(services), MODEL, "Hello")
    asked = place(services, conversation_id)
    turns.interrupt(asked)
    services.conversations.settle(ANN, conversation_id, node_id, "Good day.", {"finish_reason": "stop"})
    turns.say(asked, node_id, "Good day.", VOICE, "")

    async def look() -> list[bool]:
        watcher = talk.watch((conversation_id, "", False, pulse()), PrivateConversations(), Watchers(), "", REQUEST)
        presses = []
        async for updates in watcher:
            presses += [updates[talk.parts.stop]["interactive"]] if talk.parts.stop in updates else []
            turns.interrupt(asked)
        return presses

    assert asyncio.run(asyncio.wait_for(look(), 60)) == [True, False]


def test_silence_and_empty_words_ask_nothing(services: Services) -> None:
    turns = Turns(services)
    job = turns.hear(place(services), MODEL, EARS, tone(), "")
    end(services, job.id, heard("  "))
    assert turns.answer_to(place(services, job.conversation_id or ""), services.jobs.get(ANN, job.id)) == ""
    with pytest.raises(EmptyPrompt):
        turns.ask(place(services), MODEL, " ")
    for data in ({"data": "data:audio/wav;base64,"}, {"data": url_of(b"words")}, {}, None, {"data": 5}):
        with pytest.raises(UnreadableSound):
            recorded(data)
    assert recorded({"data": url_of(tone())}) == tone()


def test_a_recording_of_a_talk_is_no_result_of_its_own(services: Services) -> None:
    job = Turns(services).hear(place(services), MODEL, EARS, tone(), "en")
    folder = services.jobs.folder(ANN, job.id)
    assert Keep(services.creations, services.catalog)(folder.spec(), folder, heard("Hello.")) == ()


def test_a_private_talk_leaves_nothing_behind(services: Services) -> None:
    turns, hidden = Turns(services), PrivateConversations()
    conversation_id, _ = turns.ask(Asked(ANN, "en", hidden, ""), MODEL, "A secret")
    asked = Asked(ANN, "en", hidden, conversation_id)
    assert services.conversations.list(ANN) == []
    assert [job.keep for job in turns.running(asked)] == [False], "and Stop finds it"


def test_an_answer_is_said_in_stretches_while_it_is_written(services: Services) -> None:
    written: asyncio.Queue[Live] = asyncio.Queue()
    said: list[str] = []
    turns = Turns(services)
    conversation_id, node_id = turns.ask(place(services), MODEL, "Hello")

    async def answer() -> AsyncIterator[Live]:
        while True:
            live = await written.get()
            yield live
            if live.end is not None:
                return

    def say(text: str) -> object:
        said.append(text)
        return turns.say(place(services, conversation_id), node_id, text, VOICE, "")

    async def speak(number: int) -> None:
        """What the worker does with stretch `number`."""
        job = next(j for j in services.jobs.recent(ANN) if getattr(j.request, "text", "") == said[number])
        with JobFolder(services.settings.home / "jobs" / job.id).writer() as events:
            events(Heard(0, said[number], 0.0, 1.0, wav=b"RIFF"))
        end(services, job.id, SpeechResult(VOICE, SpeechRequest(VOICE, said[number]), "stop", 1.0, 1.0, 0.5))

    async def until(states: AsyncIterator[Aloud], pieces: int) -> Aloud:
        async for state in states:
            if len(state.pieces) == pieces:
                return state
        raise AssertionError("it ended before")

    async def talk() -> None:
        states = aloud(services.jobs, ANN, answer(), say)  # type: ignore[arg-type]
        await anext(states)
        text = "<think>Hm. Well.</think>Well, let me see. It is **ni"
        await written.put(Live(text=text))
        await anext(states)
        assert said == ["Well, let me see."], "the first sentence, while the second one is written"
        await written.put(Live(text=f"{text}ne** o'clock. And [so](x) on"))
        await speak(0)
        first = await until(states, 1)
        assert not first.is_whole and first.live.end is None, "heard before the answer is complete"
        whole = f"{text}ne** o'clock. And [so](x) on."
        await written.put(Live(text=whole, end=End("done", None, None, 1.0, 2.0)))
        async for state in states:
            if len(said) > len(state.pieces):
                await speak(len(said) - 1)
        assert state.is_whole and len(state.pieces) == len(said)
        assert " ".join(said) == "Well, let me see. It is nine o'clock. And so on."

    asyncio.run(asyncio.wait_for(talk(), 60))


@pytest.mark.parametrize("is_gone", [False, True])
def test_stop_ends_the_voice_of_a_whole_answer(services: Services, is_gone: bool) -> None:
    turns, said = Turns(services), []
    conversation_id, node_id = turns.ask(place(services), MODEL, "Hello")

    async def answer() -> AsyncIterator[Live]:
        yield Live(text="One. Two. Three.", end=End("done", None, None, 1.0, 2.0))

    def say(text: str) -> object:
        said.append(turns.say(place(services, conversation_id), node_id, text, VOICE, ""))
        return said[-1]

    async def talk() -> list[Aloud]:
        states = aloud(services.jobs, ANN, answer(), say)  # type: ignore[arg-type]
        before = [await anext(states), await anext(states)]
        if is_gone:
            services.jobs.remove_conversation(ANN, conversation_id)
        else:
            turns.interrupt(place(services, conversation_id))
        return [*before, *[state async for state in states]]

    states = asyncio.run(asyncio.wait_for(talk(), 60))
    assert states[-1].is_whole and states[-1].trouble is None and len(said) == 1


@pytest.mark.parametrize(
    ("text", "is_first", "is_whole", "length"),
    [
        ("No end yet", True, False, 0),
        ("No end yet", True, True, 10),
        ("Of all the things that I know, this one", True, False, 31),
        ("One. Two. Th", True, False, 4),
        ("One. Two. Th", False, False, 9),
        ("Look: ```x = 1. \n", False, False, 0),
        ("你好。我在", False, False, 3),
    ],
)
def test_where_a_stretch_ends(text: str, is_first: bool, is_whole: bool, length: int) -> None:
    assert _length(text, is_first=is_first, is_whole=is_whole) == length


def test_markup_is_not_read_aloud() -> None:
    assert spoken("# One\n**two** `three` [four](http://x) ```five```") == "One\ntwo three four"


def test_a_talk_that_is_deleted_while_it_is_watched_is_no_error(services: Services) -> None:
    with gr.Blocks():
        talk = Talk(services, gr.State(NONE))
    job = Turns(services).hear(place(services), MODEL, EARS, tone(), "en")
    conversation_id = job.conversation_id or ""

    async def look() -> None:
        watcher = talk.watch((conversation_id, job.id, True, pulse()), PrivateConversations(), Watchers(), "", REQUEST)
        assert "Listening" in (await anext(watcher) | await anext(watcher))[talk.parts.stage]
        services.jobs.remove_conversation(ANN, conversation_id)
        services.conversations.delete(ANN, conversation_id)
        assert "stage-empty" in [update async for update in watcher][-1][talk.parts.stage]

    asyncio.run(asyncio.wait_for(look(), 60))

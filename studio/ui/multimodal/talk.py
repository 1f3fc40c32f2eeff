"""Talk: a person holds a button and speaks, or types; the answer is heard while it is still written.

    recording → job → message → job (answer) → jobs (its voice), see `turns.py` and `aloud.py`
    press → `pulse` changes → watch: the turn up to its end → stage, voice, facts

A watcher takes the next steps of a turn, and a page that is opened again goes on where the last one was: the recording,
the message and the answer are jobs and a conversation. The voice alone waits for a press, as browsers have it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.types.load import LoadRequest
from studio.jobs.folder import End
from studio.jobs.job import Job
from studio.library.conversation import Conversation, Node
from studio.services import Services
from studio.ui import safe, sending
from studio.ui.audio.files import recorded
from studio.ui.components import bring_back, first_model, keep, model_choices, pressed, quietly
from studio.ui.facts import error_line, language_notice
from studio.ui.i18n import language
from studio.ui.multimodal import talk_view as view
from studio.ui.multimodal.aloud import Aloud, aloud, unsaid
from studio.ui.multimodal.talk_layout import lay_out
from studio.ui.multimodal.turns import Turns
from studio.ui.stream import Live, follow
from studio.ui.text.chat_view import Asked
from studio.ui.text.private import PrivateConversations
from studio.ui.told import refuse, told
from studio.ui.watchers import Updates, Watchers, changes, pulse
from studio.ui.wishes import wish as make_wish
from studio.ui.words import say

Pulse = tuple[str, str, bool, str]  # conversation, the job that writes down a recording, whether it is said, when

STOP_SECONDS = 2.0
RUNNING_SECONDS = 0.3  # between two looks at what still runs and is shown nowhere
TEXT_SECONDS = 0.3  # between two looks at text that grows: it is heard, and each look takes the browser from its sound


class Talk:
    """The sub-tab of one page. `wish` is set when the conversation is to be opened in the chat."""

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        self._turns = Turns(services)
        self.parts = lay_out(services)
        self.current = gr.State("")  # the conversation
        self.pulse = gr.State(("", "", False, ""))
        self.watchers = gr.State(Watchers())
        self.hidden = gr.State(PrivateConversations())
        # rendered outside the tab: gradio 6.31 reads nothing from the browser in a tab that was not opened yet
        self.saved = gr.BrowserState({}, storage_key="studio-talk", secret="studio", render=False)
        self.saved_turn = gr.BrowserState(["", ""], storage_key="studio-talk-turn", secret="studio", render=False)
        self._wire()

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def outputs(self) -> list[Any]:
        """What a press may change."""
        return [self.current, self.pulse, self.saved_turn, self.parts.text, self.parts.notice]

    def _wire(self) -> None:
        p, quiet, here = self.parts, quietly(), [self.current, self.hidden]
        shown = [p.stage, p.voice, p.facts, p.actions, p.stop, p.notice]
        seeing = [self.pulse, self.hidden, self.watchers, p.settings["voice"]]
        self.pulse.change(told(self.watch), seeing, shown, trigger_mode="multiple", **quiet)
        every: set[Any] = {*p.settings.values(), *here, p.text}
        gr.on([p.send.click, p.text.submit], told(self._send), every, self.outputs, **quiet)
        p.button.upload(told(self._take_recording), every, self.outputs, **quiet)
        p.button.click(told(self._begin), every, p.stop, **quiet)
        p.stop.click(told(self._stop), here, p.stop, **quiet)
        p.actions.click(told(self._press), here, [*self.outputs, self._wish], **quiet)
        p.settings["private"].input(told(self._new), None, self.outputs, **quiet)
        keep(p.settings, self.saved)

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        self.saved.render()
        self.saved_turn.render()
        bring_back(blocks, self.parts.settings, self.saved)
        blocks.load(told(self._load), [self.saved_turn], [*self.outputs, self.parts.settings["model"]], **quietly())

    def _load(self, saved: object, request: gr.Request) -> Updates:
        choices = {
            self.parts.settings["model"]: gr.update(choices=model_choices(self._services, "chat", language(request)))
        }
        match saved:
            case [str(conversation_id), str(hearing_id)]:
                return choices | self._watched(conversation_id, hearing_id, is_said=False)
        return choices | self._watched("", "", is_said=False)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, values: Updates, request: gr.Request) -> Updates:
        """Ask what was typed, in place of what was going on. Whatever is refused leaves it as it is."""
        asked, text = self._asked(values, request), str(values[self.parts.text] or "")
        await self._silence(asked)
        conversation_id, _ = self._turns.ask(asked, self._model(values, request), text)
        return (
            self._watched(conversation_id, "", is_private=asked.is_private)
            | {self.parts.text: ""}
            | self._noted(values, text, request)
        )

    async def _take_recording(self, event: gr.EventData, values: Updates, request: gr.Request) -> Updates:
        """Have what was said written down; the watcher asks it then. Raises UnreadableSound."""
        asked, model = self._asked(values, request), self._model(values, request)
        recording = recorded(event._data)
        await self._silence(asked)
        tongue = str(values[self.parts.settings["language"]] or "")
        job = self._turns.hear(asked, model, first_model(self._services, "transcribe") or "", recording, tongue)
        return self._watched(job.conversation_id or "", job.id, is_private=asked.is_private)

    def _begin(self, values: Updates, request: gr.Request) -> Updates:
        """A person begins to speak: whoever spoke is silent, and the models come into memory meanwhile."""
        asked = self._asked(values, request)
        self._turns.interrupt(asked)
        loaded = {model["model"] for model in self._services.jobs.status()["loaded_models"]}
        wanted = [
            first_model(self._services, "transcribe"),
            self._model(values, request),
            first_model(self._services, "speech"),
        ]
        for model in wanted:
            if model and model not in loaded:
                self._services.jobs.submit(asked.owner, LoadRequest(model), keep=False)
        return gr.update(interactive=False)

    async def _silence(self, asked: Asked) -> None:
        """Stop what is going on, and wait until what was written by then stands in the conversation."""
        jobs = self._turns.interrupt(asked)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(
            job.id in [one.id for one in jobs] for job in self._turns.running(asked)
        ):
            await asyncio.sleep(0.05)

    def _stop(self, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        self._turns.interrupt(self._open(current, hidden, request))
        return gr.update(interactive=False)

    def _press(self, event: gr.EventData, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """Say the last answer again, open the talk in the chat, or begin a new one."""
        match pressed(event):
            case ("aloud", _):
                return self._watched(current, "", is_private=self._open(current, hidden, request).is_private)
            case ("chat", _):
                return {self._wish: make_wish("conversation", current)}
            case ("new", _):
                self._turns.interrupt(self._open(current, hidden, request))
                return self._new(request)
            case (str(action), which) if action in sending.VERBS:
                return {self._wish: make_wish(action, which)}
        return {}

    def with_text(self, text: str) -> Updates:
        """What a person says next, from elsewhere."""
        return {self.parts.text: text}

    def _new(self, request: gr.Request) -> Updates:
        return self._watched("", "", is_said=False) | {self.parts.notice: gr.update(visible=False)}

    def _model(self, values: Updates, request: gr.Request) -> str:
        model = str(values[self.parts.settings["model"]] or "").strip()
        if not model:
            raise refuse(say("talk_no_model", language(request)))
        return model

    def _asked(self, values: Updates, request: gr.Request) -> Asked:
        asked = self._open(values[self.current], values[self.hidden], request)
        if values[self.parts.settings["private"]] and not asked.is_private:
            return Asked(asked.owner, asked.language, values[self.hidden], "")
        return asked

    def _open(self, conversation_id: str, hidden: PrivateConversations, request: gr.Request) -> Asked:
        """The conversation that is open, or the beginning of a new one where it was deleted meanwhile."""
        owner = self._services.identity.who(request)
        if hidden.holds(owner, conversation_id):
            return Asked(owner, language(request), hidden, conversation_id)
        asked = Asked(owner, language(request), self._services.conversations, conversation_id)
        try:
            return asked if asked.conversation_id and asked.conversation() else replace(asked, conversation_id="")
        except NotFound:
            return replace(asked, conversation_id="")

    def _watched(
        self, conversation_id: str, hearing_id: str, *, is_said: bool = True, is_private: bool = False
    ) -> Updates:
        """The update that starts a watcher. What is private is not found again after a reload."""
        return {
            self.current: conversation_id,
            self.pulse: (conversation_id, hearing_id, is_said, pulse()),
            self.saved_turn: ["", ""] if is_private else [conversation_id, hearing_id],
        }

    def _noted(self, values: Updates, text: str, request: gr.Request) -> Updates:
        return {self.parts.notice: self._notice(text, str(values[self.parts.settings["model"]]), language(request))}

    def _notice(self, text: str, model: str, lang: str) -> Any:
        """What to say when Chinese is spoken to a model that does not know it."""
        try:
            spec = self._services.catalog.find(model)
        except StudioError:
            return gr.update(visible=False)
        notice = language_notice(text, spec, self._services.catalog.rows("chat"), lang)
        return gr.update(value=safe.escape(notice), visible=bool(notice))

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(
        self, pulse: Pulse, hidden: PrivateConversations, watchers: Watchers, voice: str, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """Take a turn to its end and show it, or until a newer watcher shows something else."""
        conversation_id, hearing_id, is_said, at = pulse
        asked = self._open(conversation_id, hidden, request)
        turn = self._turn(asked, hearing_id, voice if is_said else None)
        try:
            async for updates in watchers.watch(at, changes(turn), {self.parts.stage: gr.skip()}):
                yield updates
        except NotFound:  # its person has deleted what was watched
            yield self._standing(Asked(asked.owner, asked.language, asked.book, ""), Conversation(""))

    async def _turn(self, asked: Asked, hearing_id: str, voice: str | None) -> AsyncGenerator[Updates, None]:
        """A turn from the recording to the last sound; without a `voice` it is not said."""
        conversation = asked.conversation() if asked.conversation_id else Conversation("")
        began = time.time()
        yield self._standing(asked, conversation)
        # 1. What was said
        if hearing_id:
            hearing = self._services.jobs.get(asked.owner, hearing_id)
            async for live in follow(self._services.jobs, asked.owner, hearing_id):
                yield self._hearing(asked, conversation, live)
            hearing, began = self._services.jobs.get(asked.owner, hearing_id), hearing.created
            node_id = self._turns.answer_to(asked, hearing)
            conversation = asked.conversation()
            yield self._standing(asked, conversation) | self._heard(asked, hearing, node_id)
        # 2. The answer, and its voice
        last = next(reversed(conversation.path()), None)
        if last is None or last.role == "user":
            return
        if not last.is_waiting and (voice is None or hearing_id):
            while self._turns.running(asked):  # the voice that was heard on a page that is gone
                await asyncio.sleep(RUNNING_SECONDS)
            yield {self.parts.stop: gr.update(interactive=False)}
            return  # nothing new is said
        if not hearing_id and last.is_waiting:
            began = self._services.jobs.get(asked.owner, last.job_id or "").created
        async for updates in self._answering(asked, last, voice, began):
            yield updates

    async def _answering(self, asked: Asked, node: Node, voice: str | None, began: float) -> AsyncIterator[Updates]:
        """An answer as it is written and said."""
        speaker, conversation = first_model(self._services, "speech"), asked.conversation()
        turn, first, pieces, shown_at = f"{node.id}-{pulse()}", None, -1, 0.0

        def say_it(text: str) -> Job:
            return self._turns.say(asked, node.id, text, speaker or "", voice or "")

        answer = self._answer(asked, node)
        states = (
            aloud(self._services.jobs, asked.owner, answer, say_it) if voice is not None and speaker else unsaid(answer)
        )
        async with aclosing(states):
            async for state in states:
                if first is None and state.pieces:
                    first = time.time() - began
                if state.live.end is not None and conversation.node(node.id).is_waiting:
                    conversation = asked.conversation()
                if (
                    state.live.end is None
                    and len(state.pieces) == pieces
                    and time.monotonic() < shown_at + TEXT_SECONDS
                ):
                    continue
                pieces, shown_at = len(state.pieces), time.monotonic()
                yield self._answered(asked, conversation, node, state, turn, first)

    async def _answer(self, asked: Asked, node: Node) -> AsyncIterator[Live]:
        """The answer as its job writes it, or as it was written."""
        if not node.is_waiting:
            yield Live(text=node.text, is_started=True, end=End("done", None, None, None, 0.0))
            return
        async for live in follow(self._services.jobs, asked.owner, node.job_id or ""):
            if live.end is not None and asked.is_private and live.result is not None:
                asked.book.settle(
                    asked.owner,
                    asked.conversation_id,
                    node.id,
                    live.result.text,
                    {"finish_reason": live.result.finish_reason},
                )
            yield live

    # ── how things stand ─────────────────────────────────────────────────────────────────────────────────────────────

    def _standing(self, asked: Asked, conversation: Conversation) -> Updates:
        """A talk as it stands, in which nobody speaks."""
        p, path = self.parts, conversation.path()
        last = path[-1] if path else None
        answer = last if last is not None and last.facts is not None else None
        return {
            p.stage: view.talk_stage(path, self._lives(asked, path), None, asked.language),
            p.voice: "",
            p.facts: "",
            p.actions: view.actions(answer, asked.language, is_kept=not asked.is_private) if path else "",
            p.stop: gr.update(interactive=bool(self._turns.running(asked))),
        }

    def _hearing(self, asked: Asked, conversation: Conversation, live: Live) -> Updates:
        """What is made out of a recording by now."""
        p = self.parts
        return {
            p.stage: view.talk_stage(
                conversation.path(), self._lives(asked, conversation.path()), live.text, asked.language
            ),
            p.facts: view.facts(live, None, asked.language),
            p.stop: gr.update(interactive=True),
        }

    def _heard(self, asked: Asked, hearing: Job, node_id: str) -> Updates:
        """What to say of a recording that came to nothing, or of one in a language that the model does not know."""
        p = self.parts
        if hearing.error is not None:
            return {p.notice: gr.update(value=safe.escape(error_line(hearing.error, asked.language)), visible=True)}
        if hearing.state == "done" and not getattr(hearing.result, "text", "").strip():
            return {p.notice: gr.update(value=safe.escape(say("talk_nothing", asked.language)), visible=True)}
        if not node_id:
            return {}
        conversation = asked.conversation()
        question = conversation.node(conversation.node(node_id).parent_id or "")
        return {p.notice: self._notice(question.text, str(conversation.settings.get("model")), asked.language)}

    def _answered(
        self, asked: Asked, conversation: Conversation, node: Node, state: Aloud, turn: str, first_seconds: float | None
    ) -> Updates:
        """An answer and its voice by now."""
        p, lang = self.parts, asked.language
        is_written = state.live.end is not None
        trouble = safe.escape(error_line(state.trouble, lang)) if state.trouble is not None else ""
        return {
            p.stage: view.talk_stage(conversation.path(), {node.id: state.live}, None, lang),
            p.voice: view.spoken(turn, state, lang),
            p.facts: trouble or view.facts(state.live, first_seconds, lang),
            p.actions: view.actions(node if is_written else None, lang, is_kept=not asked.is_private),
            p.stop: gr.update(interactive=not state.is_whole),
        }

    def _lives(self, asked: Asked, path: list[Node]) -> dict[str, Live]:
        """What is known of the jobs of answers that are not settled."""
        lives = {}
        for node in path:
            try:
                if node.is_waiting:
                    lives[node.id] = Live.of_job(self._services.jobs.get(asked.owner, node.job_id or ""))
            except NotFound:
                continue
        return lives

"""What the chat shows of a conversation and of the jobs that write it. What its presses do stands in `chat.py`."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.provenance import recipe
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.library.conversation import Conversation, Node
from studio.library.conversations import Conversations
from studio.services import Services
from studio.ui import lists, safe, sending
from studio.ui.components import keep, model_choices, model_name
from studio.ui.facts import doing_line, facts_line, language_notice, result_of
from studio.ui.i18n import language
from studio.ui.stream import Live, follow
from studio.ui.text.bubbles import Bubble, bubbles
from studio.ui.text.chat_layout import lay_out
from studio.ui.text.private import PrivateConversations
from studio.ui.told import refuse
from studio.ui.watchers import Updates, Watchers, pulse
from studio.ui.words import say


@dataclass(frozen=True)
class Asked:
    """Who presses, in which language, and the conversation that is open ("" for a new one)."""

    owner: str
    language: str
    book: Conversations | PrivateConversations
    conversation_id: str

    @property
    def is_private(self) -> bool:
        return isinstance(self.book, PrivateConversations)

    def conversation(self) -> Conversation:
        return self.book.get(self.owner, self.conversation_id)


class ChatView:
    """The parts of the chat, what the page remembers of it, and the updates that show a conversation."""

    def __init__(self, services: Services, examples: list[dict]) -> None:
        self._services = services
        self._examples = examples
        self.list, self.panel, self.parts = lay_out(services)
        self.current = gr.State("")  # id of the open conversation
        self.focus = gr.State("")  # the message whose versions are switched
        self.pulse = gr.State(("", "", ""))  # (conversation, message, when): changes when there is something to watch
        self.watchers = gr.State(Watchers())
        self.listing = gr.State("")  # a nonce: changes when the list of conversations is to be shown anew
        self.hidden = gr.State(PrivateConversations())
        self.sent = gr.JSON(visible=False)  # what the last press of Send took from the composer
        self.saved = gr.BrowserState({}, storage_key="studio-chat", secret="studio")
        self.saved_current = gr.BrowserState("", storage_key="studio-conversation", secret="studio")
        keep(self.panel.components, self.saved)

    @property
    def outputs(self) -> list[Any]:
        """Everything that opening a conversation or asking in it may change."""
        p, c = self.parts, self.list
        return [
            p.chat, p.examples, p.notice, p.facts, p.actions, p.sending, p.again, p.previous, p.versions, p.next, p.prompt, p.stop,
            c.manage, c.rename_row, c.delete_row, *self.panel.components.values(),
            self.current, self.focus, self.pulse, self.listing, self.saved_current,
        ]  # fmt: skip

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def _shown(self, asked: Asked, conversation: Conversation, lives: dict[str, Live]) -> Updates:
        """Messages, facts and buttons of a conversation."""
        p, path = self.parts, conversation.path()
        lives = {**self._lives(asked, conversation), **lives}
        last = path[-1] if path else None
        live = lives.get(last.id) if last else None
        is_answer = last is not None and last.role == "assistant"
        is_running = live is not None and live.end is None and is_answer and last is not None and last.facts is None
        has_failed = is_answer and last is not None and last.facts is None and not is_running
        has_failed = has_failed and (live is None or live.has_failed)
        return {
            p.chat: messages_of(bubbles(path, lives, asked.language)),
            p.examples: gr.update(visible=not path, value=lists.example_chips(self._examples, asked.language)),
            p.facts: self._facts(asked, last, live),
            p.actions: gr.update(visible=bool(path) and not is_running),
            p.sending: self._sending(asked, last),
            p.again: gr.update(visible=has_failed),
            p.stop: gr.update(interactive=is_running),
            self.list.manage: gr.update(visible=bool(asked.conversation_id) and not asked.is_private),
            self.listing: secrets.token_hex(4),
            self.current: asked.conversation_id,
            **self._versions(conversation, "", asked.language),
        }

    def _sending(self, asked: Asked, last: Node | None) -> str:
        """The menu of the last answer. A private one leaves no job by which another tab could find it."""
        if last is None or not last.facts or not last.text.strip() or asked.is_private:
            return ""
        return sending.menu("text", last.job_id or "", asked.language, but="chat")

    def _facts(self, asked: Asked, last: Node | None, live: Live | None) -> str:
        if last is None or last.role == "user":
            return ""
        if live is not None and live.end is None:
            return doing_html(live, asked.language)
        result = live.result if live is not None and live.result is not None else result_of(last.facts)
        if result is None:
            return ""
        return safe.escape(facts_line(result, model_name(self._services, result.model), asked.language))

    def _versions(self, conversation: Conversation, focus: str, lang: str) -> Updates:
        p = self.parts
        node_id = switched(conversation, focus)
        if node_id is None:
            elsewhere = any(conversation.versions(node.id)[1] > 1 for node in conversation.path())
            hint = gr.update(visible=elsewhere, value=say("versions_elsewhere", lang))
            return {p.previous: gr.update(visible=False), p.versions: hint, p.next: gr.update(visible=False)}
        k, n, _ = conversation.versions(node_id)
        return {
            p.previous: gr.update(visible=True, interactive=k > 1),
            p.versions: gr.update(visible=True, value=f"{k} / {n}"),
            p.next: gr.update(visible=True, interactive=k < n),
        }

    def _rows(self, query: str, current: str, request: gr.Request) -> str:
        """The conversations that match what stands in the search box."""
        owner = self._services.identity.who(request)
        headers = [] if owner == GUEST else self._services.conversations.list(owner, query)
        return lists.conversation_rows(headers, current, query, language(request))

    def _language_notice(self, text: str, model: str, lang: str) -> str:
        try:
            spec = self._services.catalog.find(model)
        except StudioError:
            return ""
        return language_notice(text, spec, self._services.catalog.rows("chat"), lang)

    def _noticed(self, notice: str) -> Updates:
        return {self.parts.notice: gr.update(value=safe.escape(notice), visible=bool(notice))}

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def watch(
        self, pulse: tuple[str, str, str], hidden: PrivateConversations, watchers: Watchers, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """Show an answer as it is written, up to its end, or until a newer watcher shows something else."""
        conversation_id, node_id, at = pulse
        nothing = {self.parts.chat: gr.skip()}
        news = self._news(self._open(conversation_id, hidden, request), node_id)
        try:
            async for updates in watchers.watch(at, news, nothing):
                yield updates
        except NotFound:  # its person has deleted what was watched
            yield nothing

    async def _news(self, asked: Asked, node_id: str) -> AsyncGenerator[Updates, None]:
        """The conversation as it stands, over what an older watcher may still have shown, then what comes."""
        conversation = asked.conversation() if asked.conversation_id else Conversation("")
        job = self._job_of(asked, conversation.node(node_id)) if node_id else None
        if job is None:
            yield self._settled(asked, conversation, {}) if node_id else self._as_it_stands(asked, conversation, {})
            return
        yield self._as_it_stands(asked, conversation, {node_id: Live.of_job(job)})
        path = conversation.path()
        before = bubbles(
            [node for node in path if node.id != node_id], self._lives(asked, conversation), asked.language
        )
        async for live in follow(self._services.jobs, asked.owner, job.id):
            if live.end is not None:
                yield self._ended(asked, node_id, live)
                return
            now = bubbles([conversation.node(node_id)], {node_id: live}, asked.language)
            yield {
                self.parts.chat: messages_of([*before, *now]),
                self.parts.facts: doing_html(live, asked.language),
                self.parts.stop: gr.update(interactive=True),
            }

    def _ended(self, asked: Asked, node_id: str, live: Live) -> Updates:
        if isinstance(asked.book, PrivateConversations) and live.result is not None:
            facts = recipe.facts(live.result)
            asked.book.settle(asked.owner, asked.conversation_id, node_id, live.result.text, facts)
        conversation = asked.conversation()
        return self._settled(asked, conversation, {node_id: live})

    def _settled(self, asked: Asked, conversation: Conversation, lives: dict[str, Live]) -> Updates:
        """What the watcher may change, when there is nothing more to wait for."""
        choices = model_choices(self._services, "chat", asked.language)  # the model is loaded now
        also = {self.listing: secrets.token_hex(4), self.panel.model: gr.update(choices=choices)}
        return {**self._as_it_stands(asked, conversation, lives), **also}

    def _as_it_stands(self, asked: Asked, conversation: Conversation, lives: dict[str, Live]) -> Updates:
        p, updates = self.parts, self._shown(asked, conversation, lives)
        return {part: updates[part] for part in (p.chat, p.facts, p.actions, p.sending, p.again, p.stop)}

    # ── who, where, which job ────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, values: Updates, request: gr.Request, *, is_private: bool = False) -> Asked:
        asked = self._open(values[self.current], values[self.hidden], request)
        if is_private and not asked.is_private:
            return Asked(asked.owner, asked.language, values[self.hidden], "")
        return asked

    def _open(self, conversation_id: str, hidden: PrivateConversations, request: gr.Request) -> Asked:
        owner = self._services.identity.who(request)
        book = hidden if hidden.holds(owner, conversation_id) else self._services.conversations
        return Asked(owner, language(request), book, conversation_id)

    def _watched(self, asked: Asked, node_id: str) -> Updates:
        """The update that starts a watcher; without an answer it shows the conversation as it stands."""
        return {self.pulse: (asked.conversation_id, node_id, pulse())}

    def _kept_id(self, asked: Asked) -> str:
        return "" if asked.is_private else asked.conversation_id

    def _last(self, asked: Asked, role: str) -> Node:
        path = asked.conversation().path() if asked.conversation_id else []
        node = next((node for node in reversed(path) if node.role == role), None)
        if node is None:
            raise refuse(say("nothing_to_regenerate", asked.language))
        return node

    def _refuse_while_writing(self, asked: Asked) -> None:
        if self._running(asked):
            raise refuse(say("still_writing", asked.language))

    def _running(self, asked: Asked) -> list[Job]:
        if not asked.conversation_id:
            return []
        jobs = (self._job_of(asked, node) for node in asked.conversation().path() if node.is_waiting)
        return [job for job in jobs if job is not None and not job.is_ended]

    def _job_of(self, asked: Asked, node: Node) -> Job | None:
        """The job that writes (or wrote) an answer, if it is still there."""
        try:
            return self._services.jobs.get(asked.owner, node.job_id or "")
        except NotFound:
            return None

    def _lives(self, asked: Asked, conversation: Conversation) -> dict[str, Live]:
        """What is known of the jobs of answers that are not settled. An answer whose job is gone is not in it."""
        lives = {}
        for node in conversation.path():
            job = self._job_of(asked, node) if node.is_waiting else None
            if job is not None:
                lives[node.id] = Live.of_job(job)
        return lives


def switched(conversation: Conversation, focus: str) -> str | None:
    """The message whose versions are switched: the pressed one, else the last answer or its question, if it has several."""
    path = conversation.path()
    several = [node.id for node in path if conversation.versions(node.id)[1] > 1]
    last = [node.id for node in path[-2:] if node.id in several]
    return focus if focus in several else last[-1] if last else None


def messages_of(shown: list[Bubble]) -> list[dict[str, Any]]:
    return [bubble.message() for bubble in shown]


def doing_html(live: Live, lang: str) -> str:
    """What an unfinished job is doing, with a bar."""
    return f'<span>{safe.escape(doing_line(live, lang))}</span><div class="bar" aria-hidden="true"></div>'

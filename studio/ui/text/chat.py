"""The chat: what its parts do. A press changes the conversation and submits a job; one watcher shows how the job is doing.

    press → conversation + job → `pulse` changes → watch: events of the job → bubbles, facts, buttons

A newer watcher ends the one before it. The watcher may die with the page: the job goes on, and opening the conversation again finds it by its message.
"""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.types.crossing import to_json
from pipelines.types.text import TextRequest
from studio.library.conversation import Conversation, Node
from studio.library.conversations import Conversations
from studio.library.documents import read_attached
from studio.services import Services
from studio.ui.components import model_choices, pressed, quietly, saves_file
from studio.ui.i18n import language
from studio.ui.newest import show_newest
from studio.ui.stream import Live
from studio.ui.text.bubbles import bubbles, edited_text
from studio.ui.text.chat_view import Asked, ChatView, switched
from studio.ui.text.chosen import Chosen
from studio.ui.text.private import PrivateConversations
from studio.ui.theme import WITHOUT_SENT
from studio.ui.told import inform, told
from studio.ui.watchers import Updates


class Chat(ChatView):
    """The chat of one page."""

    def __init__(self, services: Services, examples: list[dict]) -> None:
        super().__init__(services, examples)
        self._wire()

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wire(self) -> None:
        p = self.parts
        self.pulse.change(
            told(self.watch), [self.pulse, self.hidden, self.watchers], [p.chat, p.facts, p.actions, p.sending, p.again, p.stop, self.panel.model, self.listing], trigger_mode="multiple", **quietly(),
        )  # fmt: skip
        self._wire_presses()
        self._wire_composer()
        self._wire_list()
        self._wire_open_conversation()

    def _wire_presses(self) -> None:
        """What changes the messages."""
        p, outputs, quiet, here = self.parts, self.outputs, quietly(), [self.current, self.hidden]
        settings: set[Any] = {*self.panel.components.values(), *here}
        sent = gr.on(
            [p.send.click, p.prompt.submit], told(self._send), {*settings, p.prompt}, [*outputs, self.sent], **quiet
        )
        sent.success(None, [p.prompt, self.sent], p.prompt, js=WITHOUT_SENT, api_visibility="private")
        p.regenerate.click(told(self._regenerate), settings, outputs, **quiet)
        p.go_on.click(told(self._continue), settings, outputs, **quiet)
        p.again.click(told(self._run_again), settings, outputs, **quiet)
        p.chat.edit(told(self._edit), settings, outputs, **quiet)
        p.delete.click(told(self._delete_turn), here, outputs, **quiet)
        p.previous.click(told(self._earlier), [*here, self.focus], outputs, **quiet)
        p.next.click(told(self._later), [*here, self.focus], outputs, **quiet)

    def _wire_composer(self) -> None:
        """What changes no message."""
        p, quiet, here = self.parts, quietly(), [self.current, self.hidden]
        p.chat.select(told(self._focus), here, [self.focus, p.previous, p.versions, p.next], **quiet)
        p.stop.click(told(self._stop), here, p.stop, **quiet)
        p.use.click(told(self._use), here, list(self.panel.components.values()), **quiet)
        p.examples.click(told(self._take_example), {p.prompt, self.panel.model}, p.prompt, **quiet)
        self.panel.model.change(told(self._note), [p.prompt, self.panel.model], p.notice, **quiet)

    def _wire_list(self) -> None:
        """Which conversation is open."""
        c, outputs, quiet = self.list, self.outputs, quietly()
        c.new.click(told(self._new), [self.hidden], outputs, **quiet)
        self.panel.private.input(told(self._new), [self.hidden], outputs, **quiet)
        c.listed.click(told(self._open_listed), [self.hidden], outputs, **quiet)
        show_newest([c.search.change, self.listing.change], self._rows, [c.search, self.current], c.listed)

    def _wire_open_conversation(self) -> None:
        """Its name, its files, its end."""
        c, quiet = self.list, quietly()
        c.rename.click(told(self._ask_name), [self.current], [c.rename_row, c.name, c.delete_row], **quiet)
        gr.on(
            [c.save_name.click, c.name.submit],
            told(self._rename),
            [self.current, c.name],
            [c.rename_row, self.listing],
            **quiet,
        )
        shown, gone = (lambda: gr.update(visible=True)), (lambda: gr.update(visible=False))
        c.delete.click(shown, None, c.delete_row, **quiet)
        c.delete_not.click(gone, None, c.delete_row, **quiet)
        c.delete_sure.click(told(self._delete), [self.current, self.hidden], self.outputs, **quiet)
        saves_file(c.export_md.click, told(self._export_md), [self.current])
        saves_file(c.export_json.click, told(self._export_json), [self.current])

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, values: Updates, request: gr.Request) -> Updates:
        """Add the person's message and ask the model. Whatever is refused leaves the composer as it is."""
        # 1. What is sent
        written = values[self.parts.prompt] or {}
        text = str(written.get("text") or "")
        chosen = self.panel.read(values)
        files = [Path(path) for path in written.get("files") or []]
        documents = read_attached(files)
        # 2. Where it belongs
        asked = self._asked(values, request, is_private=chosen.private)
        self._refuse_while_writing(asked)
        TextRequest(chosen.model, text=text or (documents and documents[0].text) or "", task="write").check()
        is_new = not asked.conversation_id
        if is_new:
            asked = self._begin(asked, chosen)
        # 3. Ask
        parent = asked.conversation().last_id()
        node_id = asked.book.add_user(asked.owner, asked.conversation_id, parent, text, documents)
        try:
            updates = self._ask(asked, chosen, node_id)
        except StudioError:
            asked.book.remove(asked.owner, asked.conversation_id, node_id)
            if is_new and isinstance(asked.book, Conversations):
                asked.book.delete(asked.owner, asked.conversation_id)
            raise
        for file in files if asked.is_private else ():  # what was uploaded is in the message now, and nowhere else
            file.unlink(missing_ok=True)
        return {**updates, self.sent: {"text": text, "files": [str(file) for file in files]}}

    def _begin(self, asked: Asked, chosen: Chosen) -> Asked:
        conversation = asked.book.new(asked.owner, system=chosen.system)
        return Asked(asked.owner, asked.language, asked.book, conversation.id)

    def _ask(self, asked: Asked, chosen: Chosen, question_id: str, continues: Node | None = None) -> Updates:
        """Submit the job of a new answer to a question and show its place. Raises StudioError; then nothing was added."""
        book, owner, conversation_id = asked.book, asked.owner, asked.conversation_id
        fields: dict[str, Any] = {"model": chosen.model, "sampling": asdict(chosen.sampling())}
        fields["adapters"] = [asdict(adapter) for adapter in chosen.adapters()]
        chosen.sampling().check()
        book.set_settings(owner, conversation_id, chosen.system, fields)
        conversation = asked.conversation()
        request = TextRequest(
            chosen.model,
            messages=conversation.messages(until=question_id),
            answer_prefix=continues.text if continues else "",
            adapters=chosen.adapters(),
            sampling=chosen.sampling(),
        )
        job_id = self._services.jobs.new_job_id()
        node_id = book.add_answer(owner, conversation_id, question_id, job_id, continues.id if continues else None)
        try:
            place = None if asked.is_private else (conversation_id, node_id)
            self._services.jobs.submit(owner, request, keep=not asked.is_private, conversation=place, job_id=job_id)
        except StudioError:
            book.remove(owner, conversation_id, node_id)
            raise
        notice = self._language_notice(conversation.node(question_id).text, chosen.model, asked.language)
        return {**self._watched_answer(asked, node_id), **self._noticed(notice)}

    def _watched_answer(self, asked: Asked, node_id: str) -> Updates:
        """A new answer is shown and watched."""
        updates = self._shown(asked, asked.conversation(), {node_id: Live()})
        return {**updates, **self._watched(asked, node_id), self.saved_current: self._kept_id(asked)}

    def _regenerate(self, values: Updates, request: gr.Request) -> Updates:
        asked = self._asked(values, request)
        self._refuse_while_writing(asked)
        question = self._last(asked, "user")
        return self._ask(asked, self.panel.read(values), question.id)

    def _continue(self, values: Updates, request: gr.Request) -> Updates:
        asked = self._asked(values, request)
        self._refuse_while_writing(asked)
        answer = self._last(asked, "assistant")
        return self._ask(asked, self.panel.read(values), answer.parent_id or "", continues=answer)

    def _edit(self, edit: gr.EditData, values: Updates, request: gr.Request) -> Updates:
        """Another version of a question, and an answer to it."""
        asked = self._asked(values, request)
        self._refuse_while_writing(asked)
        conversation = asked.conversation()
        shown = bubbles(conversation.path(), self._lives(asked, conversation), asked.language)
        at = edit.index if isinstance(edit.index, int) else edit.index[0]
        node = conversation.node(shown[at].node_id if at < len(shown) else "")
        node_id = asked.book.edit(
            asked.owner, asked.conversation_id, node.id, edited_text(str(edit.value), node, asked.language)
        )
        try:
            return self._ask(asked, self.panel.read(values), node_id)
        except StudioError:
            asked.book.remove(asked.owner, asked.conversation_id, node_id)
            raise

    def _run_again(self, values: Updates, request: gr.Request) -> Updates:
        """The same job again, for an answer that failed or was interrupted."""
        asked = self._asked(values, request)
        answer = self._last(asked, "assistant")
        job = self._job_of(asked, answer)
        if job is None:
            return self._ask(asked, self.panel.read(values), answer.parent_id or "")
        book, place = asked.book, asked.conversation_id
        new_id = self._services.jobs.new_job_id()
        node_id = book.add_answer(asked.owner, place, answer.parent_id or "", new_id, answer.continues)
        try:
            conversation = None if asked.is_private else (place, node_id)
            self._services.jobs.rerun(asked.owner, job.id, conversation=conversation, new_id=new_id)
        except StudioError:
            book.remove(asked.owner, place, node_id)
            raise
        book.remove(asked.owner, place, answer.id)  # it says nothing but that it failed
        return self._watched_answer(asked, node_id)

    def _stop(self, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        asked = self._open(current, hidden, request)
        for job in self._running(asked):
            self._services.jobs.cancel(asked.owner, job.id)
        return gr.update(interactive=False)

    # ── conversations ────────────────────────────────────────────────────────────────────────────────────────────────

    def load(self, saved: object, saved_current: object, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """Fill the chat when the page is opened with the conversation that this browser had."""
        lang = language(request)
        updates = {self.panel.model: gr.update(choices=model_choices(self._services, "chat", lang))}
        is_private = Chosen.read(saved).private  # what is private never goes on in what is kept
        current = "" if is_private else str(saved_current or "")
        asked = Asked(self._services.identity.who(request), lang, self._services.conversations, current)
        try:
            return {**updates, **self._opened(asked, with_settings=False)}
        except NotFound:
            empty = Asked(asked.owner, lang, asked.book, "")
            return {**updates, **self._opened(empty, with_settings=False)}

    def open(self, conversation_id: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """Show a conversation with its settings."""
        asked = self._open(conversation_id, hidden, request)
        return {**self._opened(asked, with_settings=True), self.panel.private: asked.is_private}

    def begin_with(self, text: str, request: gr.Request) -> Updates:
        """A new conversation whose first message stands in the composer."""
        asked = Asked(self._services.identity.who(request), language(request), self._services.conversations, "")
        updates = self._opened(asked, with_settings=False)
        return {**updates, self.parts.prompt: gr.update(value={"text": text, "files": []})}

    def restored(self, asked: TextRequest, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """A new conversation with the messages of a request that was dropped on the page."""
        owner, book = self._services.identity.who(request), self._services.conversations
        system = next((message.text for message in asked.messages if message.role == "system"), "")
        conversation_id = book.new(owner, system=system).id
        parent: str | None = None
        for message in asked.messages:
            if message.role == "user":
                parent = book.add_user(owner, conversation_id, parent, message.text)
            elif message.role == "assistant" and parent is not None:
                parent = book.add_answer(owner, conversation_id, parent, self._services.jobs.new_job_id())
                book.settle(owner, conversation_id, parent, message.text, {})
        fields = to_json(asked)
        book.set_settings(
            owner, conversation_id, system, {name: fields[name] for name in ("model", "sampling", "adapters")}
        )
        return self.open(conversation_id, hidden, request)

    def filled(self, asked: TextRequest) -> Updates:
        """The settings of a request filled in; whether to keep nothing stays the person's choice."""
        chosen = Chosen.of_request(asked)
        return {part: update for part, update in self.panel.filled(chosen).items() if part is not self.panel.private}

    def _open_listed(self, event: gr.EventData, hidden: PrivateConversations, request: gr.Request) -> Updates:
        return self.open(pressed(event)[1], hidden, request)

    def _new(self, hidden: PrivateConversations, request: gr.Request) -> Updates:
        asked = Asked(self._services.identity.who(request), language(request), self._services.conversations, "")
        return self._opened(asked, with_settings=False)

    def _opened(self, asked: Asked, *, with_settings: bool) -> Updates:
        """Everything that changes when a conversation ("": an empty one) is shown; an unfinished answer is watched."""
        conversation = asked.conversation() if asked.conversation_id else Conversation("")
        lives = self._lives(asked, conversation)
        updates = self._shown(asked, conversation, lives)
        updates |= {self.current: asked.conversation_id, self.focus: "", self.saved_current: self._kept_id(asked)}
        updates |= {self.list.rename_row: gr.update(visible=False), self.list.delete_row: gr.update(visible=False)}
        updates |= self._noticed("")
        waiting = [node.id for node in conversation.path() if node.id in lives and lives[node.id].end is None]
        updates |= self._watched(asked, waiting[-1] if waiting else "")
        if with_settings and conversation.settings:
            kept = {**conversation.settings.get("sampling", {}), "model": conversation.settings.get("model")}
            chosen = Chosen.of_request(conversation.request()) if kept["model"] else Chosen()
            updates |= {
                part: update for part, update in self.panel.filled(chosen).items() if part is not self.panel.private
            }
        return updates

    def _ask_name(self, current: str, request: gr.Request) -> tuple[Any, Any, Any]:
        title = self._services.conversations.get(self._services.identity.who(request), current).title
        return gr.update(visible=True), title, gr.update(visible=False)

    def _rename(self, current: str, name: str, request: gr.Request) -> tuple[Any, str]:
        self._services.conversations.rename(self._services.identity.who(request), current, name)
        return gr.update(visible=False), secrets.token_hex(4)

    def _delete(self, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        owner = self._services.identity.who(request)
        self._services.jobs.remove_conversation(owner, current)
        self._services.conversations.delete(owner, current)
        inform("conversation_deleted", language(request))
        return self._new(hidden, request)

    def _export_md(self, current: str, request: gr.Request) -> dict:
        owner = self._services.identity.who(request)
        text = self._services.conversations.export_markdown(owner, current)
        return {"name": f"conversation-{current[:8]}.md", "type": "text/markdown", "text": text}

    def _export_json(self, current: str, request: gr.Request) -> dict:
        owner = self._services.identity.who(request)
        text = self._services.conversations.export_json(owner, current)
        return {"name": f"conversation-{current[:8]}.json", "type": "application/json", "text": text}

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _delete_turn(self, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        asked = self._open(current, hidden, request)
        for job in self._running(asked):
            self._services.jobs.cancel(asked.owner, job.id)
        asked.book.remove(asked.owner, asked.conversation_id, self._last(asked, "user").id)
        return self._opened(asked, with_settings=False)

    def _focus(self, event: gr.SelectData, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """Pressing a message makes its versions the ones that are switched."""
        asked = self._open(current, hidden, request)
        conversation = asked.conversation()
        shown = bubbles(conversation.path(), self._lives(asked, conversation), asked.language)
        at = event.index if isinstance(event.index, int) else event.index[0]
        node_id = shown[at].node_id if at < len(shown) else ""
        return {self.focus: node_id, **self._versions(conversation, node_id, asked.language)}

    def _earlier(self, current: str, hidden: PrivateConversations, focus: str, request: gr.Request) -> Updates:
        return self._choose(self._open(current, hidden, request), focus, -1)

    def _later(self, current: str, hidden: PrivateConversations, focus: str, request: gr.Request) -> Updates:
        return self._choose(self._open(current, hidden, request), focus, +1)

    def _choose(self, asked: Asked, focus: str, step: int) -> Updates:
        conversation = asked.conversation()
        node_id = switched(conversation, focus)
        if node_id is None:
            raise NotFound(thing="message")
        k, n, ids = conversation.versions(node_id)
        other = ids[min(max(k - 1 + step, 0), n - 1)]
        asked.book.choose(asked.owner, asked.conversation_id, other)
        updates = self._opened(asked, with_settings=False)
        return {**updates, self.focus: other, **self._versions(asked.conversation(), other, asked.language)}

    def _use(self, current: str, hidden: PrivateConversations, request: gr.Request) -> Updates:
        """Fill in the settings of the last answer, with the seed that was really used."""
        asked = self._open(current, hidden, request)
        answer = self._last(asked, "assistant")
        job = self._job_of(asked, answer)
        seed = (answer.facts or {}).get("seed")
        of_job = job.request if job is not None and isinstance(job.request, TextRequest) else None
        chosen = Chosen.of_request(of_job or asked.conversation().request(), seed=seed)
        inform("settings_taken", asked.language)
        return {part: update for part, update in self.panel.filled(chosen).items() if part is not self.panel.private}

    def _take_example(self, event: gr.EventData, values: Updates, request: gr.Request) -> dict:
        """An example in the person's language, unless the chosen model does not know it."""
        _, place = pressed(event)
        example = self._examples[int(place) % len(self._examples)] if place.isdecimal() else self._examples[0]
        knows = not self._language_notice(example["zh"], str(values[self.panel.model]), "en")
        return {"text": example["zh" if language(request) == "zh" and knows else "en"], "files": []}

    def _note(self, written: dict | None, model: str, request: gr.Request) -> Any:
        text = str((written or {}).get("text") or "")
        return self._noticed(self._language_notice(text, model, language(request)))[self.parts.notice]

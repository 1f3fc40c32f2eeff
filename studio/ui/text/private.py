"""Conversations that are kept nowhere but in the memory of one page: the same changes as the kept ones, without files.

What it lacks on purpose: lists, names, search and exports. Its jobs run with keep=False.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from pipelines.errors.access import NotFound
from studio.library.conversation import Conversation
from studio.library.documents import Document


class PrivateConversations:
    """The private conversations of one page; method by method what `Conversations` does, for their owner alone.

    Gradio finds a page's memory by a `session_hash` that the client makes up: whoever learns it holds this object, so
    the owner is asked for each time.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Conversation] = {}

    def holds(self, owner: str, conversation_id: str) -> bool:
        return conversation_id in self._by_id and self._by_id[conversation_id].owner == owner

    def new(self, owner: str, title: str = "", system: str = "", settings: dict | None = None) -> Conversation:
        conversation = Conversation(secrets.token_hex(16))
        self._by_id[conversation.id] = conversation
        begin = {"owner": owner, "title": title, "system": system, "settings": settings or {}}
        self._apply(conversation, {"op": "new", **begin})
        return conversation

    def get(self, owner: str, conversation_id: str) -> Conversation:
        if not self.holds(owner, conversation_id):
            raise NotFound(thing="conversation")
        return self._by_id[conversation_id]

    def set_settings(self, owner: str, conversation_id: str, system: str, settings: dict) -> None:
        conversation = self.get(owner, conversation_id)
        self._apply(conversation, {"op": "settings", "system": system, "settings": settings})

    def add_user(
        self, owner: str, conversation_id: str, parent_id: str | None, text: str, attachments: Sequence[Document] = (), node_id: str = "",
    ) -> str:  # fmt: skip
        documents = [asdict(document) for document in attachments]
        conversation = self.get(owner, conversation_id)
        return self._add(conversation, "user", node_id, parent=parent_id, text=text, attachments=documents)

    def add_answer(
        self, owner: str, conversation_id: str, parent_id: str, job_id: str, continues: str | None = None
    ) -> str:
        conversation = self.get(owner, conversation_id)
        return self._add(conversation, "answer", parent=parent_id, job=job_id, continues=continues)

    def settle(self, owner: str, conversation_id: str, node_id: str, text: str, facts: dict) -> None:
        conversation = self.get(owner, conversation_id)
        self._apply(conversation, {"op": "settle", "id": node_id, "text": text, "facts": facts})

    def edit(self, owner: str, conversation_id: str, node_id: str, text: str) -> str:
        conversation = self.get(owner, conversation_id)
        node = conversation.node(node_id)
        documents = [asdict(document) for document in node.attachments]
        return self._add(conversation, "user", parent=node.parent_id, text=text, attachments=documents)

    def choose(self, owner: str, conversation_id: str, node_id: str) -> None:
        self._apply(self.get(owner, conversation_id), {"op": "choose", "id": node_id})

    def remove(self, owner: str, conversation_id: str, node_id: str) -> None:
        self._apply(self.get(owner, conversation_id), {"op": "remove", "id": node_id})

    def _add(self, conversation: Conversation, operation: str, node_id: str = "", **fields: object) -> str:
        node_id = node_id or secrets.token_hex(8)
        self._apply(conversation, {"op": operation, "id": node_id, **fields})
        return node_id

    def _apply(self, conversation: Conversation, operation: dict) -> None:
        conversation.apply({**operation, "time": datetime.now(UTC).isoformat(timespec="microseconds")})

"""The conversations on disk: `<folder>/<id>.jsonl`, one operation a line, only ever appended to.

The first line names the owner; a conversation of somebody else does not exist. One process writes, from any number of
threads. Knows no job: an answer names the job that writes it, and whoever sees that job end settles the answer.
"""

import json
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe
from studio.files import append_line, read_lines, storage_errors, sync_folder
from studio.library.conversation import Conversation
from studio.library.documents import Document

QUERY_CHARACTERS = 200
GIVEN_TITLE_CHARACTERS = 120

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Header:
    """A conversation in a list. `title` is empty while nothing was asked; `updated` is ISO time in UTC."""

    id: str
    title: str
    updated: str


class Conversations:
    """Every conversation of a home. Each change is on the disk when its method returns.

    Every method raises NotFound for a conversation (or a message of it) that does not exist or is not the owner's;
    those that write raise DiskFull or ReadOnlyHome, and then nothing was changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._headers: dict[str, dict[str, Header]] | None = None  # owner → id → header; read when first asked for

    # ── whole conversations ──────────────────────────────────────────────────────────────────────────────────────────

    def new(self, owner: str, title: str = "", system: str = "", settings: dict | None = None) -> Conversation:
        """Begin a conversation. Raises as `set_settings` does."""
        _check_settings(system, settings or {})
        conversation = Conversation(secrets.token_hex(16))
        begin = {"owner": owner, "title": _one_line(title), "system": system, "settings": settings or {}}
        with self._lock:
            with storage_errors(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
            self._write(conversation, {"op": "new", "schema": 1, **begin})
        return conversation

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation as it is now; it does not change with later operations."""
        conversation = self._read(conversation_id)
        if conversation is None or conversation.owner != owner:
            raise NotFound(thing="conversation")
        return conversation

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """An empty title brings back the first question."""
        with self._opened(owner, conversation_id) as conversation:
            self._write(conversation, {"op": "rename", "title": _one_line(title)})

    def set_settings(self, owner: str, conversation_id: str, system: str, settings: dict) -> None:
        """Keep the system prompt and the settings for the next answers: "model", "sampling", "adapters" and any others.

        Raises ValueError when those three are not what a TextRequest takes, SettingOutOfRange.
        """
        _check_settings(system, settings)
        with self._opened(owner, conversation_id) as conversation:
            if (conversation.system, conversation.settings) != (system, settings):
                self._write(conversation, {"op": "settings", "system": system, "settings": settings})

    def delete(self, owner: str, conversation_id: str) -> None:
        with self._opened(owner, conversation_id), storage_errors(self._folder):
            self._path(conversation_id).unlink()
            sync_folder(self._folder)
            if self._headers is not None:
                self._headers.get(owner, {}).pop(conversation_id, None)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_user(
        self,
        owner: str,
        conversation_id: str,
        parent_id: str | None,
        text: str,
        attachments: Sequence[Document] = (),
        node_id: str = "",
    ) -> str:
        """Add a message of the person after `parent_id` (None: at the start) and show it. Returns its id.

        `node_id` is for whoever must know later whether it was added: such a message is added once.
        """
        with self._opened(owner, conversation_id) as conversation:
            if parent_id is not None:
                conversation.node(parent_id)
            documents = [asdict(document) for document in attachments]
            return self._add(conversation, "user", node_id, parent=parent_id, text=text, attachments=documents)

    def add_answer(
        self, owner: str, conversation_id: str, parent_id: str, job_id: str, continues: str | None = None
    ) -> str:
        """Add the place of an answer to the message `parent_id` and show it. Returns its id.

        Adding a second answer to the same message is how it is regenerated. With `continues`, an older answer to the
        same message, the new version begins with that one's text and the job writes only what comes after it.
        """
        with self._opened(owner, conversation_id) as conversation:
            conversation.node(parent_id)
            if continues is not None and conversation.node(continues).parent_id != parent_id:
                raise NotFound(thing="message")
            return self._add(conversation, "answer", parent=parent_id, job=job_id, continues=continues)

    def settle(self, owner: str, conversation_id: str, node_id: str, text: str, facts: dict) -> None:
        """Write down what the job of an answer came to: its own text, without what it continues, and its figures.

        Settling again replaces both. A message that was removed while its job still ran stays removed.
        """
        with self._opened(owner, conversation_id) as conversation:
            if not conversation.is_removed(node_id):
                conversation.node(node_id)
                self._write(conversation, {"op": "settle", "id": node_id, "text": text, "facts": facts})

    def edit(
        self,
        owner: str,
        conversation_id: str,
        node_id: str,
        text: str,
        attachments: Sequence[Document] | None = None,
    ) -> str:
        """Add another version of a message of the person and show it. Returns its id.

        The old version and its answers stay. The attachments are the old ones unless others are given.
        """
        with self._opened(owner, conversation_id) as conversation:
            node = conversation.node(node_id)
            if node.role != "user":
                raise NotFound(thing="message")
            documents = [asdict(document) for document in (node.attachments if attachments is None else attachments)]
            return self._add(conversation, "user", parent=node.parent_id, text=text, attachments=documents)

    def choose(self, owner: str, conversation_id: str, node_id: str) -> None:
        """Show this version of a message, and after it what was last shown there."""
        with self._opened(owner, conversation_id) as conversation:
            conversation.node(node_id)
            self._write(conversation, {"op": "choose", "id": node_id})

    def remove(self, owner: str, conversation_id: str, node_id: str) -> None:
        """Hide a version of a message and everything after it; another version is shown, if there is one."""
        with self._opened(owner, conversation_id) as conversation:
            conversation.node(node_id)
            self._write(conversation, {"op": "remove", "id": node_id})

    # ── finding and exporting ────────────────────────────────────────────────────────────────────────────────────────

    def list(self, owner: str, query: str = "") -> Sequence[Header]:
        """A person's conversations, the last used first; with a query those in which each of its words occurs."""
        with self._lock:
            if self._headers is None:
                self._headers = self._read_headers()
            headers = sorted(self._headers.get(owner, {}).values(), key=lambda header: header.updated, reverse=True)
        words = query[:QUERY_CHARACTERS].casefold().split()
        return [header for header in headers if not words or self._holds(header.id, words)]

    def export_markdown(self, owner: str, conversation_id: str) -> str:
        """The messages now shown as a Markdown file, the recipe in a comment at its end."""
        conversation = self.get(owner, conversation_id)
        parts = [f"# {_escaped(conversation.title)}" if conversation.title else ""]
        if conversation.system.strip():
            parts.append(f"## System\n\n{recipe.close_fence(conversation.system)}")
        for node in conversation.path():
            names = "".join(f"\n\n*{_escaped(document.name)}*" for document in node.attachments)
            speaker = "User" if node.role == "user" else _escaped(str((node.facts or {}).get("model", "Assistant")))
            parts.append(f"## {speaker}{names}\n\n{recipe.close_fence(node.text)}")
        return recipe.markdown("\n\n".join(part for part in parts if part), recipe.make(conversation.request()))

    def export_json(self, owner: str, conversation_id: str) -> str:
        """The whole conversation as JSON, all versions with their figures, beside the recipe of what is shown."""
        conversation = self.get(owner, conversation_id)
        data = {
            "recipe": recipe.make(conversation.request()),  # with the settings, and no path of a local model
            "title": conversation.title,
            "system": conversation.system,
            "created": conversation.created,
            "updated": conversation.updated,
            "shown": [node.id for node in conversation.path()],
            "messages": [asdict(node) for node in conversation.nodes.values()],
        }
        return json.dumps(data, ensure_ascii=False, indent=1)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _path(self, conversation_id: str) -> Path:
        if not _ID.fullmatch(conversation_id):
            raise NotFound(thing="conversation")
        return self._folder / f"{conversation_id}.jsonl"

    def _read(self, conversation_id: str) -> Conversation | None:
        conversation = Conversation(conversation_id)
        try:
            for operation in read_lines(self._path(conversation_id)):
                conversation.apply(operation)
        except FileNotFoundError:
            return None
        return conversation if conversation.owner else None

    @contextmanager
    def _opened(self, owner: str, conversation_id: str) -> Iterator[Conversation]:
        """The owner's conversation, which nobody else changes meanwhile."""
        with self._lock:
            yield self.get(owner, conversation_id)

    def _add(self, conversation: Conversation, operation: str, node_id: str = "", **fields: object) -> str:
        node_id = node_id or secrets.token_hex(8)
        self._write(conversation, {"op": operation, "id": node_id, **fields})
        return node_id

    def _write(self, conversation: Conversation, operation: dict) -> None:
        """Append to the log, then to what is in memory."""
        time = datetime.now(UTC).isoformat(timespec="microseconds")
        conversation.apply(append_line(self._path(conversation.id), {**operation, "time": time}))
        if self._headers is not None:
            headers = self._headers.setdefault(conversation.owner, {})
            headers[conversation.id] = Header(conversation.id, conversation.title, conversation.updated)

    def _read_headers(self) -> dict[str, dict[str, Header]]:
        headers: dict[str, dict[str, Header]] = {}
        for path in self._folder.glob("*.jsonl"):
            if _ID.fullmatch(path.stem) and (conversation := self._read(path.stem)):
                header = Header(conversation.id, conversation.title, conversation.updated)
                headers.setdefault(conversation.owner, {})[conversation.id] = header
        return headers

    def _holds(self, conversation_id: str, words: Sequence[str]) -> bool:
        """Whether each word occurs in a title or a message; the raw file is looked at first, since that is fast."""
        try:
            raw = self._path(conversation_id).read_text("utf-8", "replace").casefold()
        except FileNotFoundError:
            return False
        if not all(json.dumps(word, ensure_ascii=False)[1:-1] in raw for word in words):
            return False
        conversation = self._read(conversation_id)
        texts = [text.casefold() for text in conversation.texts()] if conversation else []
        return all(any(word in text for text in texts) for word in words)


def _check_settings(system: str, settings: dict) -> None:
    Conversation("", system=system, settings=settings).request().sampling.check()


def _one_line(title: str) -> str:
    return " ".join(title.split())[:GIVEN_TITLE_CHARACTERS]


def _escaped(line: str) -> str:
    """`line` so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>#&!|~$])", r"\\\1", " ".join(line.split()))

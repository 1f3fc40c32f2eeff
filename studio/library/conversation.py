"""One conversation: a tree of messages made by replaying its operations, one after the other.

An edited question or a regenerated answer is a sibling, called a version; of the versions of a message one is chosen,
and the chosen ones from the root on are the path that is shown. Knows no file: `apply` takes operations that
`conversations.py` wrote down. An operation that does not fit is passed over, so that a damaged line loses one message
and not the conversation.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal, cast

from pipelines.errors.access import NotFound
from pipelines.types.crossing import from_json
from pipelines.types.text import Message, TextRequest
from studio.library.documents import Document

TITLE_CHARACTERS = 60


@dataclass(frozen=True)
class Node:
    """One message.

    An answer names the job that writes it. Until it is settled `facts` is None and `text` holds only what it continues;
    what the job wrote so far stands in the job. Once settled, `text` is the whole answer and `facts` its figures.
    """

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    time: str
    text: str = ""
    attachments: tuple[Document, ...] = ()
    job_id: str | None = None
    continues: str | None = None
    prefix: str = ""
    facts: dict | None = None

    @property
    def is_waiting(self) -> bool:
        return self.role == "assistant" and self.facts is None

    def asked(self) -> str:
        """The text as a model reads it: what is attached comes first."""
        parts = [
            f"[{document.name}{' (only its beginning)' if document.is_cut else ''}]\n{document.text}"
            for document in self.attachments
        ]
        return "\n\n".join([*parts, self.text])


@dataclass
class Conversation:
    """What the operations so far come to. `settings` holds "model", "sampling" and whatever else the page keeps."""

    id: str
    owner: str = ""
    given_title: str = ""
    system: str = ""
    settings: dict = field(default_factory=dict)
    created: str = ""
    updated: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    _children: dict[str | None, list[str]] = field(default_factory=dict)
    _chosen: dict[str | None, str] = field(default_factory=dict)
    _removed: set[str] = field(default_factory=set)

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def title(self) -> str:
        """The given title, else the first question in one line, else nothing."""
        if self.given_title:
            return self.given_title
        asked = next((node.text for node in self.nodes.values() if node.role == "user" and node.text.strip()), "")
        line = " ".join(asked.split())
        return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"

    def path(self) -> list[Node]:
        """The messages now shown, from the first to the last."""
        shown: list[Node] = []
        node_id = self._chosen.get(None)
        while node_id is not None:
            shown.append(self.nodes[node_id])
            node_id = self._chosen.get(node_id)
        return shown

    def last_id(self) -> str | None:
        """The message to which the next one is added; None in an empty conversation."""
        path = self.path()
        return path[-1].id if path else None

    def node(self, node_id: str) -> Node:
        """Raises NotFound for a message that never was or was removed."""
        if node_id not in self.nodes:
            raise NotFound(thing="message")
        return self.nodes[node_id]

    def versions(self, node_id: str) -> tuple[int, int, list[str]]:
        """(k, n, ids): the message is version k of n, counted from 1, oldest first. Raises NotFound."""
        siblings = self._children[self.node(node_id).parent_id]
        return siblings.index(node_id) + 1, len(siblings), list(siblings)

    def is_removed(self, node_id: str) -> bool:
        return node_id in self._removed

    def texts(self) -> list[str]:
        """Every text by which a person may look for this conversation, versions that are not shown included."""
        return [self.title, *(node.text for node in self.nodes.values())]

    # ── what a model reads ───────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, until: str | None = None) -> tuple[Message, ...]:
        """The turns from the first to the message `until` (default: the last one shown), the system prompt before them.

        Raises NotFound. Answers without text are left out, and turns of one role in a row become one, since most chat
        templates take only alternating turns.
        """
        turns = [Message("system", self.system)] if self.system.strip() else []
        for node in self._up_to(until) if until else self.path():
            text = node.asked()
            if node.role == "assistant" and not text.strip():
                continue
            if turns and turns[-1].role == node.role:
                turns[-1] = Message(node.role, f"{turns[-1].text}\n\n{text}")
            else:
                turns.append(Message(node.role, text))
        return tuple(turns)

    def request(self, until: str | None = None) -> TextRequest:
        """The chat request of these settings. Raises NotFound; ValueError for settings that are none."""
        fields = {name: self.settings[name] for name in ("model", "sampling", "adapters") if name in self.settings}
        messages = [asdict(message) for message in self.messages(until)]
        data = {"kind": "text", "task": "chat", "model": "", **fields, "messages": messages}
        return cast(TextRequest, from_json("request", data))

    def _up_to(self, node_id: str) -> list[Node]:
        chain = [self.node(node_id)]
        while (parent_id := chain[-1].parent_id) is not None:
            chain.append(self.nodes[parent_id])
        return chain[::-1]

    # ── replaying ────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, operation: dict) -> None:
        """Take one line of the log."""
        if not isinstance(operation.get("time"), str):
            return
        match operation:
            case {"op": "new", "owner": str(owner), "title": str(title)} if not self.owner:
                self.owner, self.given_title = owner, title
                self.created = self.updated = operation["time"]
                self.apply({**operation, "op": "settings"})
            case {"op": "rename", "title": str(title)}:
                self.given_title = title
            case {"op": "settings", "system": str(system), "settings": dict(settings)}:
                self.system, self.settings = system, settings
            case {"op": "user", "id": str(node_id), "parent": str() | None as parent_id, "text": str(text)}:
                attachments = _documents(operation.get("attachments"))
                self._add(Node(node_id, parent_id, "user", operation["time"], text, attachments))
            case {"op": "answer", "id": str(node_id), "parent": str(parent_id), "job": str(job_id)}:
                continues = str(operation.get("continues"))
                node = Node(node_id, parent_id, "assistant", operation["time"], job_id=job_id)
                if continues in self.nodes:
                    prefix = self.nodes[continues].text
                    node = replace(node, text=prefix, prefix=prefix, continues=continues)
                self._add(node)
            case {"op": "settle", "id": str(node_id), "text": str(text), "facts": dict(facts)}:
                if node_id in self.nodes:
                    node = self.nodes[node_id]
                    self.nodes[node_id] = replace(node, text=node.prefix + text, facts=facts)
                    self.updated = operation["time"]
            case {"op": "choose", "id": str(node_id)}:
                if node_id in self.nodes:
                    self._chosen[self.nodes[node_id].parent_id] = node_id
            case {"op": "remove", "id": str(node_id)}:
                if node_id in self.nodes:
                    self._remove(node_id)

    def _add(self, node: Node) -> None:
        if node.id in self.nodes or (node.parent_id is not None and node.parent_id not in self.nodes):
            return  # a line copied by hand, or one that followed a message whose own line was damaged
        self.nodes[node.id] = node
        self._children.setdefault(node.parent_id, []).append(node.id)
        self._chosen[node.parent_id] = node.id
        self.updated = node.time

    def _remove(self, node_id: str) -> None:
        # 1. Show the version before it, else the one after it, else nothing
        parent_id = self.nodes[node_id].parent_id
        siblings = self._children[parent_id]
        k = siblings.index(node_id)
        siblings.remove(node_id)
        if self._chosen.get(parent_id) == node_id:
            if siblings:
                self._chosen[parent_id] = siblings[max(k - 1, 0)]
            else:
                del self._chosen[parent_id]
        # 2. Take it and everything after it out of the tree
        leaving = [node_id]
        while leaving:
            gone = leaving.pop()
            leaving += self._children.pop(gone, [])
            self._chosen.pop(gone, None)
            del self.nodes[gone]
            self._removed.add(gone)


def _documents(data: object) -> tuple[Document, ...]:
    documents = []
    for item in data if isinstance(data, list) else []:
        match item:
            case {"name": str(name), "text": str(text), "is_cut": bool(is_cut)}:
                documents.append(Document(name, text, is_cut))
    return tuple(documents)

"""A conversation as the bubbles of a chat, and back from a bubble to its message. Knows no gradio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.library.conversation import Node
from studio.ui import safe
from studio.ui.facts import error_line
from studio.ui.stream import Live
from studio.ui.words import say


@dataclass(frozen=True)
class Bubble:
    """One thing shown in the chat. An answer may make two: its thinking and its text."""

    node_id: str
    role: str
    text: str
    title: str = ""
    is_pending: bool = False

    def message(self) -> dict[str, Any]:
        """As gradio's Chatbot takes it."""
        message: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.title:
            message["metadata"] = {"title": self.title, "status": "pending" if self.is_pending else "done"}
        return message


def bubbles(path: Sequence[Node], lives: Mapping[str, Live], language: str) -> list[Bubble]:
    """The messages of `path`. `lives` has what is known of the jobs of answers that are not settled, by message."""
    shown: list[Bubble] = []
    for node in path:
        shown += _question(node, language) if node.role == "user" else _answer(node, lives.get(node.id), language)
    return shown


def _question(node: Node, language: str) -> list[Bubble]:
    text = "\n\n".join(part for part in (safe.markdown(node.text.strip()), _attached(node, language)) if part)
    return [Bubble(node.id, "user", text)] if text else []


def _attached(node: Node, language: str) -> str:
    """The line below a question that names its files, and says which were too long to be read whole."""
    if not node.attachments:
        return ""
    cut = say("only_beginning", language)
    names = ", ".join(f"{document.name} {cut}" if document.is_cut else document.name for document in node.attachments)
    return f"*{plain(say('attached', language, names=names))}*"


def _answer(node: Node, live: Live | None, language: str) -> list[Bubble]:
    text = node.text if node.facts is not None else node.prefix + (live.text if live is not None else "")
    thought = safe.split_thinking(text)
    is_running = node.facts is None and live is not None and live.end is None
    shown = []
    if thought.thinking:
        title = say("thinking", language)
        shown.append(
            Bubble(node.id, "assistant", safe.markdown(thought.thinking), title, thought.is_open and is_running)
        )
    if thought.answer.strip():
        shown.append(Bubble(node.id, "assistant", safe.markdown(thought.answer)))
    if is_running:
        return shown or [Bubble(node.id, "assistant", "…")]
    if node.facts is None and (live is None or live.has_failed):
        shown.append(Bubble(node.id, "assistant", plain(error_line(live.error if live else None, language))))
    elif not shown:
        stopped = (node.facts or {}).get("finish_reason") == "cancelled" or (
            live and live.end and live.end.state == "cancelled"
        )
        shown.append(Bubble(node.id, "assistant", say("stopped_empty" if stopped else "empty_answer", language)))
    return shown


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is: error sentences quote names that others chose."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]<>#&!|~$" else c for c in text)


def edited_text(shown: str, node: Node, language: str) -> str:
    """What a person meant who edited the bubble of a question: its text, without the line that names its files.

    The characters that we had made harmless are themselves again.
    """
    shown = shown.removesuffix(_attached(node, language)).rstrip()
    return shown.replace("&lt;", "<") if "&lt;" not in node.text else shown

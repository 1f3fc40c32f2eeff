"""What Talk shows, as our own HTML. Everything in it is escaped here. Knows no gradio.

The voice of an answer is played by assets/js/audio.js: .spoken tells its turn and the names of its pieces by now.
"""

from collections.abc import Mapping, Sequence

from studio.library.conversation import Node
from studio.ui import lists, safe, sending
from studio.ui.facts import doing_line, duration, error_line
from studio.ui.multimodal.aloud import Aloud
from studio.ui.safe import escape
from studio.ui.stream import Live
from studio.ui.words import say


def talk_stage(path: Sequence[Node], lives: Mapping[str, Live], heard: str | None, language: str) -> str:
    """The turns by now. `heard` is what was made out of a recording by now, None while there is none."""
    if not path and heard is None:
        return f'<div class="stage stage-empty">{lists.empty(say("talk_empty", language))}</div>'
    lines = [_line(node, lives.get(node.id), language) for node in path]
    if heard is not None:
        lines.append(_said("user", escape(heard) or f"<em>{escape(say('talk_hearing', language))}</em>", language))
    # the outer one stands at its end, however long the inner one grows
    return f'<div class="stage stage-talk"><div class="talk-lines">{"".join(lines)}</div></div>'


def _line(node: Node, live: Live | None, language: str) -> str:
    if node.role == "user":
        return _said("user", escape(node.text), language)
    text = node.text if node.facts is not None else node.prefix + (live.text if live is not None else "")
    shown = escape(safe.split_thinking(text).answer.strip())
    is_running = node.facts is None and live is not None and live.end is None
    if node.facts is None and (live is None or live.has_failed):
        shown += f'<p class="talk-trouble">{escape(error_line(live.error if live else None, language))}</p>'
    elif not shown:
        shown = (
            "…" if is_running else escape(say("stopped_empty" if _is_stopped(node, live) else "empty_answer", language))
        )
    return _said("assistant", shown, language)


def _is_stopped(node: Node, live: Live | None) -> bool:
    is_cancelled = live is not None and live.end is not None and live.end.state == "cancelled"
    return is_cancelled or (node.facts or {}).get("finish_reason") == "cancelled"


def _said(role: str, html: str, language: str) -> str:
    who = escape(say("talk_you" if role == "user" else "talk_it", language))
    return f'<div class="talk-line talk-{role}"><span class="talk-who">{who}</span><div class="talk-words">{html}</div></div>'


def spoken(turn: str, aloud: Aloud, language: str) -> str:
    """The player of an answer; nothing before there is a piece."""
    if not aloud.pieces:
        return ""
    whole = " data-whole" if aloud.is_whole else ""
    names = (("play", "speech_play"), ("pause", "speech_pause"), ("stop", "speech_stop"))
    buttons = "".join(
        f'<button type="button" class="item-button" data-speech="{act}">{escape(say(key, language))}</button>'
        for act, key in names
    )
    return (
        f'<div class="spoken" data-job="{escape(turn)}" data-count="{len(aloud.pieces)}" '
        f'data-pieces="{escape(" ".join(aloud.pieces))}"{whole}>'
        f'<div class="item-actions speech-player">{buttons}</div></div>'
    )


def facts(live: Live, first_seconds: float | None, language: str) -> str:
    """What is going on, and how long it took until the first sound."""
    parts = [] if live.end is not None else [doing_line(live, language)]
    if first_seconds is not None:
        parts.append(say("talk_first", language, n=duration(first_seconds, language)))
    return escape(" · ".join(parts))


def actions(answer: Node | None, language: str, *, is_kept: bool) -> str:
    """What can be done with a talk; `answer` is its last answer, where there is one."""
    parts = [lists.button("aloud", answer.id, say("talk_again", language))] if answer else []
    if is_kept:
        parts.append(lists.button("chat", "", say("talk_chat", language)))
        parts += [sending.menu("text", answer.job_id or "", language, but="talk")] if answer else []
    parts.append(lists.button("new", "", say("talk_new", language)))
    return f'<div class="item-actions">{"".join(parts)}</div>'

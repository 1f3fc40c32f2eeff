"""Text that others wrote reaches the page without a tag, a picture or a request."""

import re

import pytest

from studio.ui.safe import escape, markdown, split_thinking

HOSTILE = [
    "![x](http://evil.example/a.png)",
    "!![x](http://evil.example/a.png)",
    "![x][r]\n\n[r]: http://evil.example/a.png",
    "<img src=http://evil.example/a.png>",
    "<IMG\nsrc=http://evil.example/a.png>",
    "</p><video src=http://evil.example/a.mp4>",
    "<!--><img src=http://evil.example/a.png>-->",
    "- ```\n  x\n  ```\n<img src=http://evil.example/a.png>",
    "\\`<img src=http://evil.example/a.png>\\`",
    "a ` b\n\n<img src=http://evil.example/a.png>\n\nc ` d",
    "`<img src=http://evil.example/a.png>`",
    "$ ` $ <img src=http://evil.example/a.png> $ ` $",
    "> ```\n<img src=http://evil.example/a.png>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_tag_and_no_picture_is_left_outside_fenced_code(text: str) -> None:
    safe = markdown(text)
    assert "![" not in safe
    assert not re.search(r"<(?!/?code>)[A-Za-z/!?]", safe)


def test_fenced_code_stays_as_it_is() -> None:
    text = "Look:\n\n```html\n<img src=x>\n```\n\nand <b>this</b>"
    assert markdown(text) == "Look:\n\n```html\n<img src=x>\n```\n\nand &lt;b>this&lt;/b>"


def test_a_fence_that_still_is_written_stays_code() -> None:
    assert markdown("```html\n<img src=x>") == "```html\n<img src=x>"


def test_fences_among_formulas_become_escaped_html() -> None:
    """A reader of Markdown that takes $$ … $$ first would see the fence elsewhere."""
    safe = markdown("$$\n```\n$$\n<img src=http://evil.example/a.png>\n```")
    assert not re.search(r"<(?!/?(code|pre)>)[A-Za-z/!?]", safe)


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "**bold** [link](https://example.org)", "x `code` y", "", "1. one\n2. two"]
)
def test_harmless_text_is_not_touched(text: str) -> None:
    assert markdown(text) == text


def test_escape_closes_attributes_too() -> None:
    assert escape("\"><script>'") == "&quot;&gt;&lt;script&gt;&#x27;"


@pytest.mark.parametrize(
    ("text", "thinking", "answer", "is_open"),
    [
        ("plain", "", "plain", False),
        ("<think>why</think>\n\nbecause", "why", "because", False),
        ("\n<think>\nwh", "wh", "", True),
        ("<think></think>yes", "", "yes", False),
        ("no <think>here</think>", "", "no <think>here</think>", False),
    ],
)
def test_thinking_is_taken_off_the_front(text: str, thinking: str, answer: str, is_open: bool) -> None:
    thought = split_thinking(text)
    assert (thought.thinking, thought.answer, thought.is_open) == (thinking, answer, is_open)

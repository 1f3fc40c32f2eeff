"""Text grows piece by piece and never shows half a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.writing.detokenizer import Detokenizer


def by_bytes(token_ids: list[int]) -> str:
    """The hardest tokenizer: every byte is a token."""
    return bytes(token_ids).decode(errors="replace")


@given(st.text(), st.lists(st.integers(1, 5), min_size=1))
def test_any_text_comes_out_whole_however_it_is_cut(text, sizes):
    detokenizer = Detokenizer(by_bytes)
    rest, parts = list(text.encode()), []
    while rest:
        size = sizes[len(parts) % len(sizes)]
        parts.append(detokenizer.add(rest[:size]))
        rest = rest[size:]
    parts.append(detokenizer.end())
    assert "".join(parts) == text
    assert not any("\ufffd" in part for part in parts if "\ufffd" not in text)


@pytest.mark.parametrize("text", ["雨下了一整天", "😀👍🏽", "Füße", "👨‍👩‍👧"])
def test_no_half_character_on_the_way(text):
    detokenizer = Detokenizer(by_bytes)
    parts = [detokenizer.add([byte]) for byte in text.encode()]
    assert "".join(parts) == text
    assert "\ufffd" not in "".join(parts)


def test_a_character_that_never_ends_is_shown_as_it_stands():
    detokenizer = Detokenizer(by_bytes)
    assert detokenizer.add(list("雨".encode())[:2]) == ""
    assert detokenizer.end() == "\ufffd"


def test_the_space_before_a_word_survives():
    """SentencePiece drops the space at the head of what it decodes, so words must not be decoded alone."""
    words = ["▁Once", "▁upon", "▁a", "▁time"]

    def decode(ids: list[int]) -> str:
        return "".join(words[i] for i in ids).replace("▁", " ").removeprefix(" ")

    detokenizer = Detokenizer(decode)
    assert "".join(detokenizer.add([i]) for i in range(4)) == "Once upon a time"


def test_the_prompt_decides_about_the_first_space():
    words = ["▁Once", "▁upon"]

    def decode(ids: list[int]) -> str:
        return "".join(words[i] for i in ids).replace("▁", " ").removeprefix(" ")

    assert Detokenizer(decode, prompt_ids=[0]).add([1]) == " upon"

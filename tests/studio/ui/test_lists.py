"""Our own HTML holds nothing of what others wrote but its characters."""

from datetime import UTC, datetime

from studio.library.conversations import Header
from studio.library.creations import Creation, Item
from studio.ui.lists import ago, conversation_card, conversation_rows, creation_card, example_chips, recent_strip

EVIL = "\"><img src=x onerror=alert(1)>'"


def test_names_are_escaped_everywhere() -> None:
    header = Header("a" * 32, EVIL, "2026-01-01T00:00:00+00:00")
    made = Creation(
        "b" * 32,
        "me",
        "text",
        EVIL,
        "2026-01-01T00:00:00+00:00",
        {"request": {"task": EVIL}, "result": {"model": EVIL}},
        "j",
    )
    item = Item(made, EVIL)
    for html in (
        conversation_rows([header], "", "", "en"),
        conversation_card(header, "en"),
        creation_card(item, "en", is_asked=False),
        creation_card(item, "zh", is_asked=True),
        recent_strip([item], "en"),
        example_chips([{"en": EVIL, "zh": EVIL}], "en"),
    ):
        assert ("<img" not in html and "onerror" in html) or EVIL not in html
        assert "<img" not in html


def test_a_small_card_says_nothing_twice() -> None:
    text = "Once there was a keeper who counted the ships. Then he lit the lamp."
    made = Creation("b" * 32, "me", "sound", text[:46] + "…", "2026-01-01T00:00:00+00:00", {}, "j")
    assert '<span class="line-note">Another text.</span>' in recent_strip([Item(made, "Another text.")], "en")
    assert '<span class="line-note">… Then he lit the lamp.</span>' in recent_strip(
        [Item(made, text.replace(" Then", "\nThen"))], "en"
    )
    assert '<span class="line-note"></span>' in recent_strip([Item(made, text[:46])], "en")


def test_the_open_conversation_is_marked_and_an_empty_list_teaches() -> None:
    header = Header("a" * 32, "", "2026-01-01T00:00:00+00:00")
    assert 'aria-current="true"' in conversation_rows([header], header.id, "", "en")
    assert "first message" in conversation_rows([], "", "", "en")
    assert "these words" in conversation_rows([], "", "x", "en")


def test_ago() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    times = [
        "2026-01-01T23:59:50+00:00",
        "2026-01-01T23:50:00+00:00",
        "2026-01-01T21:00:00+00:00",
        "2025-12-30T00:00:00+00:00",
    ]
    assert [ago(time, "en", now) for time in times] == ["now", "10 min", "3 h", "3 d"]
    assert ago("yesterday", "en", now) == ""

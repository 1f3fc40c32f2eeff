"""What a search shows: no numbers that nobody measured, and whether only words were looked for."""

from pipelines.errors.access import QueueFull
from studio.library.creations import Creation
from studio.library.ranking import Hit
from studio.ui.multimodal.find_endpoints import told
from studio.ui.multimodal.find_view import cards, summary
from studio.ui.multimodal.looking_for import Found

ONE = Creation("0" * 32, "visitor:ann", "image", "a <b>fox", "2026-01-01T00:00:00+00:00", {}, "0" * 32)
HIT = (Hit(ONE.id, "image", 0.834, ("words-picture", "text")), ONE, "a <b>fox")


def found(error: QueueFull | None = None) -> Found:
    return Found((HIT,), (), "", "", 1, 1, 0.2, error)


def test_a_hit_says_by_what_it_was_found_and_no_percentage() -> None:
    html = cards(found(), "en")
    assert "its look + its words" in html and "83" not in html and "%" not in html and "<b>" not in html
    (row,) = told(found(), "en")["hits"]
    assert row["found_by"] == ["words-picture", "text"] and 0.834 not in row.values()


def test_where_only_words_were_looked_for_page_and_clients_are_told_why() -> None:
    full = QueueFull(waiting=9, retry_after_seconds=3)
    assert told(found(), "en")["only_words"] == "" and "only" not in summary(found(), "en")
    assert told(found(full), "en")["only_words"] == full.say("en") in summary(found(full), "en")
    assert told(found(full), "zh")["only_words"] == full.say("zh")

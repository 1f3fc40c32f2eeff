"""A conversation as bubbles; a private one holds what a kept one holds."""

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.requests import UnreadableDocument
from studio.jobs.folder import End
from studio.library.conversation import Node
from studio.library.documents import Document
from studio.ui.stream import Live
from studio.ui.text.bubbles import bubbles, edited_text
from studio.ui.text.private import PrivateConversations


def test_a_conversation_from_question_to_answer() -> None:
    book = PrivateConversations()
    talk = book.new("me").id
    question = book.add_user("me", talk, None, "Why <b>?", [Document("a*b.txt", "text")])
    answer = book.add_answer("me", talk, question, "job")
    path = book.get("me", talk).path()

    running = bubbles(path, {answer: Live(text="<think>hm")}, "en")
    assert [(b.node_id, b.role) for b in running] == [(question, "user"), (answer, "assistant")]
    assert running[0].text == "Why &lt;b>?\n\n*Attached: a&#42;b.txt*"
    assert running[1].message()["metadata"] == {"title": "Thinking", "status": "pending"}

    book.settle("me", talk, answer, "<think>hm</think>Because ![x](http://e.example)", {"finish_reason": "stop"})
    settled = bubbles(book.get("me", talk).path(), {}, "en")
    assert [b.text for b in settled[1:]] == ["hm", "Because [x](http://e.example)"]


def test_an_answer_that_failed_says_why_in_plain_words() -> None:
    book = PrivateConversations()
    talk = book.new("me").id
    answer = book.add_answer("me", talk, book.add_user("me", talk, None, "Hi"), "job")
    error = UnreadableDocument(name="<img src=x>", reason="![x](http://e.example)")
    live = Live(text="half", end=End("failed", None, error, 0.0, 1.0))
    last = bubbles(book.get("me", talk).path(), {answer: live}, "en")
    assert last[-2].text == "half"
    assert "<" not in last[-1].text and "![" not in last[-1].text
    gone = bubbles(book.get("me", talk).path(), {}, "en")
    assert "Run again" in gone[-1].text


def test_an_answer_stopped_before_its_first_word_says_so() -> None:
    book = PrivateConversations()
    talk = book.new("me").id
    answer = book.add_answer("me", talk, book.add_user("me", talk, None, "Hi"), "job")
    live = Live(end=End("cancelled", None, None, None, 1.0))
    assert bubbles(book.get("me", talk).path(), {answer: live}, "en")[-1].text.startswith("(Stopped")


def test_versions_of_a_private_conversation() -> None:
    book = PrivateConversations()
    talk = book.new("me").id
    question = book.add_user("me", talk, None, "one")
    other = book.edit("me", talk, question, "two")
    assert [node.text for node in book.get("me", talk).path()] == ["two"]
    book.choose("me", talk, question)
    assert [node.text for node in book.get("me", talk).path()] == ["one"]
    book.remove("me", talk, question)
    assert [node.id for node in book.get("me", talk).path()] == [other]


def test_a_private_conversation_is_there_for_its_owner_alone() -> None:
    """Whoever makes up the session_hash of another page holds its PrivateConversations."""
    book = PrivateConversations()
    talk = book.new("ann").id
    question = book.add_user("ann", talk, None, "My secret is 4711.")
    assert book.holds("ann", talk) and not book.holds("bo", talk)
    for attempt in (
        lambda: book.get("bo", talk),
        lambda: book.set_settings("bo", talk, "", {}),
        lambda: book.add_user("bo", talk, None, "me too"),
        lambda: book.add_answer("bo", talk, question, "job"),
        lambda: book.settle("bo", talk, question, "mine", {}),
        lambda: book.edit("bo", talk, question, "mine"),
        lambda: book.choose("bo", talk, question),
        lambda: book.remove("bo", talk, question),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert [node.text for node in book.get("ann", talk).path()] == ["My secret is 4711."]


@pytest.mark.parametrize(
    ("shown", "text", "meant"),
    [
        ("a &lt;b> c", "a <b>", "a <b> c"),
        ("a &lt; b", "a &lt; b", "a &lt; b"),
        ("Why not?\n\n*Attached: long.txt &#40;only its beginning&#41;*", "Why?", "Why not?"),
    ],
)
def test_an_edited_bubble_means_what_it_shows(shown: str, text: str, meant: str) -> None:
    node = Node("1", None, "user", "", text, (Document("long.txt", "words", is_cut=True),))
    note = bubbles([node], {}, "en")[0].text.partition("\n\n")[2]
    assert "only its beginning" in note
    assert edited_text(shown.replace("*Attached: long.txt &#40;only its beginning&#41;*", note), node, "en") == meant

"""A conversation as bubbles; a private one holds what a kept one holds."""

from pipelines.errors import UnreadableDocument
from studio.jobs.folder import End
from studio.library.documents import Document
from studio.ui.bubbles import bubbles, edited_text
from studio.ui.private import PrivateConversations
from studio.ui.stream import Live


def test_a_conversation_from_question_to_answer() -> None:
    book = PrivateConversations()
    talk = book.new("me").id
    question = book.add_user("me", talk, None, "Why <b>?", [Document("a*b.txt", "text")])
    answer = book.add_answer("me", talk, question, "job")
    path = book.get("me", talk).path()

    running = bubbles(path, {answer: Live(text="<think>hm")}, "en")
    assert [(b.node_id, b.role) for b in running] == [(question, "user"), (question, "user"), (answer, "assistant")]
    assert running[0].text == "*Attached: a&#42;b.txt*"
    assert running[1].text == "Why &lt;b>?"
    assert running[2].message()["metadata"] == {"title": "Thinking", "status": "pending"}

    book.settle("me", talk, answer, "<think>hm</think>Because ![x](http://e.example)", {"finish_reason": "stop"})
    settled = bubbles(book.get("me", talk).path(), {}, "en")
    assert [b.text for b in settled[2:]] == ["hm", "Because [x](http://e.example)"]


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


def test_an_edited_bubble_means_what_it_shows() -> None:
    assert edited_text("a &lt;b> c", "a <b>") == "a <b> c"
    assert edited_text("a &lt; b", "a &lt; b") == "a &lt; b"

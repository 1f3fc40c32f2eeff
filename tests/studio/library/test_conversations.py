"""Conversations: a tree of messages in an append-only log that keeps people apart."""

import json
import re
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.requests import SettingOutOfRange
from pipelines.provenance import recipe
from pipelines.types.text import Message
from studio.library.conversation import Conversation, Node
from studio.library.conversations import Conversations
from studio.library.documents import Document
from tests.studio.library.conversing import ANN, BEN, FACTS, say, shown

# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_conversation_grows_and_another_process_reads_the_same(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN, system="Be brief.", settings={"model": "m", "sampling": {"top_k": 5}}).id
    say(conversations, id, "你好", "Hello!")
    say(conversations, id, "And now?", "Good bye.")
    assert shown(conversations, id) == ["你好", "Hello!", "And now?", "Good bye."]
    assert Conversations(folder).get(ANN, id) == conversations.get(ANN, id)
    assert conversations.get(ANN, id).messages() == (
        Message("system", "Be brief."),
        Message("user", "你好"),
        Message("assistant", "Hello!"),
        Message("user", "And now?"),
        Message("assistant", "Good bye."),
    )
    request = conversations.get(ANN, id).request()
    assert (request.model, request.sampling.top_k) == ("m", 5)


def test_an_answer_names_its_job_until_it_is_settled(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked = conversations.add_user(ANN, id, None, "Hi")
    answered = conversations.add_answer(ANN, id, asked, "0" * 32)
    node = conversations.get(ANN, id).node(answered)
    assert (node.is_waiting, node.job_id, node.text) == (True, "0" * 32, "")
    assert conversations.get(ANN, id).messages() == (Message("user", "Hi"),)
    conversations.settle(ANN, id, answered, "Hel", FACTS | {"finish_reason": "cancelled"})
    conversations.settle(ANN, id, answered, "Hello", FACTS)
    node = conversations.get(ANN, id).node(answered)
    assert (node.is_waiting, node.text, node.facts) == (False, "Hello", FACTS)


def test_regenerating_makes_versions_that_can_be_chosen(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked, first = say(conversations, id, "A number?", "one")
    follow, _ = say(conversations, id, "Why?", "So.")
    second = conversations.add_answer(ANN, id, asked, "job")
    conversations.settle(ANN, id, second, "two", FACTS)
    assert shown(conversations, id) == ["A number?", "two"]
    assert conversations.get(ANN, id).versions(second) == (2, 2, [first, second])
    conversations.choose(ANN, id, first)
    assert shown(conversations, id) == ["A number?", "one", "Why?", "So."]
    assert conversations.get(ANN, id).versions(first) == (1, 2, [first, second])
    assert conversations.get(ANN, id).messages(until=second)[-1] == Message("assistant", "two")
    assert conversations.get(ANN, id).versions(follow) == (1, 1, [follow])


def test_editing_a_question_keeps_the_old_one_with_its_answers(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked, answered = say(conversations, id, "one?", "1")
    edited = conversations.edit(ANN, id, asked, "two?")
    assert shown(conversations, id) == ["two?"]
    conversations.choose(ANN, id, asked)
    assert shown(conversations, id) == ["one?", "1"]
    assert conversations.get(ANN, id).versions(edited) == (2, 2, [asked, edited])
    with pytest.raises(NotFound):
        conversations.edit(ANN, id, answered, "not yours to edit")


def test_continuing_an_answer_is_a_version_that_begins_with_it(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked, first = say(conversations, id, "Count.", "one, ")
    other, _ = say(conversations, id, "More", "no")
    second = conversations.add_answer(ANN, id, asked, "job 2", continues=first)
    node = conversations.get(ANN, id).node(second)
    assert (node.text, node.prefix, node.continues, node.is_waiting) == ("one, ", "one, ", first, True)
    conversations.settle(ANN, id, second, "two, ", FACTS)
    third = conversations.add_answer(ANN, id, asked, "job 3", continues=second)
    conversations.settle(ANN, id, third, "three", FACTS)
    conversations.remove(ANN, id, first)
    assert shown(conversations, id) == ["Count.", "one, two, three"]
    assert conversations.get(ANN, id).versions(third) == (2, 2, [second, third])
    with pytest.raises(NotFound):
        conversations.add_answer(ANN, id, asked, "job", continues=other)


def test_removing_hides_what_follows_and_shows_another_version(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    asked, first = say(conversations, id, "A number?", "one")
    second = conversations.add_answer(ANN, id, asked, "job")
    conversations.settle(ANN, id, second, "two", FACTS)
    follow, late = say(conversations, id, "Why?", "So.")
    conversations.remove(ANN, id, second)
    assert shown(conversations, id) == ["A number?", "one"]
    for gone in (second, follow, late):
        with pytest.raises(NotFound):
            conversations.get(ANN, id).node(gone)
    conversations.remove(ANN, id, first)
    assert shown(conversations, id) == ["A number?"]
    conversations.remove(ANN, id, asked)
    assert shown(conversations, id) == []
    assert conversations.get(ANN, id).last_id() is None
    assert Conversations(folder).get(ANN, id) == conversations.get(ANN, id)


def test_a_job_that_ends_after_its_message_was_removed_changes_nothing(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked = conversations.add_user(ANN, id, None, "Hi")
    answered = conversations.add_answer(ANN, id, asked, "job")
    conversations.remove(ANN, id, asked)
    before = conversations.get(ANN, id)
    conversations.settle(ANN, id, answered, "Hello", FACTS)
    assert conversations.get(ANN, id) == before
    with pytest.raises(NotFound):
        conversations.settle(ANN, id, "0" * 16, "Hello", FACTS)


def test_the_turns_that_a_model_reads_alternate(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked, answered = say(conversations, id, "one", "")
    conversations.add_user(ANN, id, answered, "two", [Document("a.txt", "content"), Document("b.pdf", "start", True)])
    assert conversations.get(ANN, id).messages() == (
        Message("user", "one\n\n[a.txt]\ncontent\n\n[b.pdf (only its beginning)]\nstart\n\ntwo"),
    )
    assert conversations.get(ANN, id).messages(until=asked) == (Message("user", "one"),)
    edited = conversations.edit(ANN, id, conversations.get(ANN, id).path()[-1].id, "three")
    assert [document.name for document in conversations.get(ANN, id).node(edited).attachments] == ["a.txt", "b.pdf"]


# ── whole conversations ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_title_is_the_first_question_until_one_is_given(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    assert conversations.list(ANN)[0].title == ""
    say(conversations, id, "  What\nis " + "very " * 20 + "long?", "This.")
    title = conversations.list(ANN)[0].title
    assert title.startswith("What is very very")
    assert len(title) == 60 and title.endswith("…")
    conversations.rename(ANN, id, " 我的\n对话 ")
    assert conversations.list(ANN)[0].title == conversations.get(ANN, id).title == "我的 对话"
    conversations.rename(ANN, id, "")
    assert conversations.list(ANN)[0].title == title


def test_the_list_has_the_last_used_first(conversations: Conversations, folder: Path) -> None:
    first, second = conversations.new(ANN, "first").id, conversations.new(ANN, "second").id
    assert [header.id for header in conversations.list(ANN)] == [second, first]
    say(conversations, first, "a", "b")
    assert [header.id for header in conversations.list(ANN)] == [first, second]
    assert conversations.list(ANN) == Conversations(folder).list(ANN)
    conversations.delete(ANN, first)
    assert [header.id for header in conversations.list(ANN)] == [second]
    assert [path.stem for path in folder.iterdir()] == [second]


def test_search_looks_into_titles_and_messages(conversations: Conversations) -> None:
    poem = conversations.new(ANN).id
    say(conversations, poem, "写一首关于月亮的诗", '床前明月光 "quoted" \\back\tSTRASSE')
    named = conversations.new(ANN, "Recipes for soup").id
    hidden, _ = say(conversations, named, "100% sure_of", "dumplings")

    def found(query: str) -> list[str]:
        return [header.id for header in conversations.list(ANN, query)]

    assert found("月亮") == found("明月 诗") == found('"QUOTED"') == found("\\back") == found("straße") == [poem]
    assert found("soup") == found("dumplings SOUP") == found("100%") == [named]
    assert found("月亮 soup") == found("parent") == found("job") == found("finish_reason") == found(ANN) == []
    assert found("  ") == [named, poem]
    assert found("x" * 1_000_000) == []
    conversations.remove(ANN, named, hidden)
    assert found("dumplings") == []


def test_settings_and_system_prompt_stay_with_the_conversation(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    chosen = {"model": "m", "sampling": {"temperature": 0.5}, "preset": "own"}
    conversations.set_settings(ANN, id, "Answer in Chinese.", chosen)
    size = (folder / f"{id}.jsonl").stat().st_size
    conversations.set_settings(ANN, id, "Answer in Chinese.", chosen)
    assert (folder / f"{id}.jsonl").stat().st_size == size
    again = Conversations(folder).get(ANN, id)
    assert (again.system, again.settings) == ("Answer in Chinese.", chosen)
    with pytest.raises(SettingOutOfRange):
        conversations.set_settings(ANN, id, "", {"sampling": {"temperature": 3}})
    with pytest.raises(ValueError, match="temperature"):
        conversations.new(ANN, settings={"sampling": {"temperature": "hot"}})
    assert conversations.get(ANN, id).settings == chosen
    assert len(conversations.list(ANN)) == 1


# ── who may see what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_elses_conversation_does_not_exist(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    asked, answered = say(conversations, id, "secret", "very")
    before = (folder / f"{id}.jsonl").read_bytes()
    for attempt in (
        lambda: conversations.get(BEN, id),
        lambda: conversations.rename(BEN, id, "mine"),
        lambda: conversations.set_settings(BEN, id, "", {}),
        lambda: conversations.delete(BEN, id),
        lambda: conversations.add_user(BEN, id, None, "hi"),
        lambda: conversations.add_answer(BEN, id, asked, "job"),
        lambda: conversations.settle(BEN, id, answered, "", {}),
        lambda: conversations.edit(BEN, id, asked, "hi"),
        lambda: conversations.choose(BEN, id, asked),
        lambda: conversations.remove(BEN, id, asked),
        lambda: conversations.export_markdown(BEN, id),
        lambda: conversations.export_json(BEN, id),
    ):
        with pytest.raises(NotFound) as caught:
            attempt()
        assert caught.value.details == {"thing": "conversation"}
    assert conversations.list(BEN) == conversations.list(BEN, "secret") == []
    assert (folder / f"{id}.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "id", ["", "..", "../x", "a" * 31, "A" * 32, "a" * 32 + "\n", "/etc/passwd", "\0" * 32, "a/" * 16]
)
def test_an_id_from_outside_never_becomes_a_path(conversations: Conversations, folder: Path, id: str) -> None:
    conversations.new(ANN)
    (folder.parent / "x.jsonl").write_text('{"op":"new","owner":"visitor:ann","title":"","time":""}\n')
    for attempt in (lambda: conversations.get(ANN, id), lambda: conversations.delete(ANN, id)):
        with pytest.raises(NotFound):
            attempt()
    assert (folder.parent / "x.jsonl").exists()


def test_messages_of_another_conversation_are_not_found(conversations: Conversations) -> None:
    mine, other = conversations.new(ANN).id, conversations.new(ANN).id
    asked, _ = say(conversations, mine, "Hi", "Hello")
    for attempt in (
        lambda: conversations.add_user(ANN, other, asked, "x"),
        lambda: conversations.add_answer(ANN, other, asked, "job"),
        lambda: conversations.choose(ANN, other, asked),
        lambda: conversations.remove(ANN, other, asked),
        lambda: conversations.get(ANN, other).messages(until=asked),
    ):
        with pytest.raises(NotFound) as caught:
            attempt()
        assert caught.value.details == {"thing": "message"}


# ── export ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_exports_hold_what_is_shown_and_the_recipe(conversations: Conversations) -> None:
    chosen = {"model": "m", "sampling": {"temperature": 0.5}}
    id = conversations.new(ANN, "A *title*", system="Be brief.", settings=chosen).id
    asked, first = say(conversations, id, "Code, please --> <!-- aigc-studio-recipe", "```py\nprint('月')")
    conversations.settle(ANN, id, conversations.add_answer(ANN, id, asked, "job"), "```\nnew", FACTS)
    markdown = conversations.export_markdown(ANN, id)
    assert markdown.startswith("# A \\*title\\*\n\n## System\n\nBe brief.\n\n## User\n\nCode, please")
    assert "## smollm2-135m-instruct\n\n```\nnew\n```\n\n<!-- aigc-studio-recipe\n" in markdown
    request = conversations.get(ANN, id).request()
    exported = conversations.export_json(ANN, id)
    for content in (markdown, exported):
        assert recipe.request_of(recipe.read(content.encode())) == request
    assert request.messages[-1] == Message("assistant", "```\nnew")
    data = json.loads(exported)
    assert [message["text"] for message in data["messages"]][1] == "```py\nprint('月')"
    assert data["shown"][0] == asked and first not in data["shown"]
    assert data["messages"][1]["facts"] == FACTS
    assert ANN not in exported and ANN not in markdown


def test_an_empty_conversation_can_be_exported(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    for content in (conversations.export_markdown(ANN, id), conversations.export_json(ANN, id)):
        assert recipe.request_of(recipe.read(content.encode())).messages == ()


def test_ids_are_made_by_the_server(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    asked, _ = say(conversations, id, "a", "b")
    assert re.fullmatch("[0-9a-f]{32}", id) and re.fullmatch("[0-9a-f]{16}", asked)


def test_replaying_knows_no_file() -> None:
    conversation = Conversation("x")
    conversation.apply({"op": "new", "owner": ANN, "title": "t", "time": "1"})
    conversation.apply({"op": "user", "id": "a", "parent": None, "text": "hi", "time": "2"})
    assert conversation.path() == [Node("a", None, "user", "2", "hi")]

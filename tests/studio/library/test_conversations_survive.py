"""Conversations after crashes, on a full disk, under threads, in great numbers, and after any row of operations."""

import json
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipelines.errors.access import NotFound
from pipelines.errors.storage import DiskFull
from studio.library.conversations import Conversations
from tests.studio.library.conversing import ANN, BEN, FACTS, say, shown


def test_a_log_torn_at_any_byte_opens_and_goes_on(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    say(conversations, id, "问", "答")
    whole = (folder / f"{id}.jsonl").read_bytes()
    first_line = whole.index(b"\n")
    for cut in range(first_line, len(whole)):
        (folder / f"{id}.jsonl").write_bytes(whole[:cut])
        again = Conversations(folder)
        last = again.get(ANN, id).last_id()
        again.add_user(ANN, id, last, "after the crash")
        assert shown(again, id)[-1] == "after the crash"
        assert shown(again, id)[:-1] == shown(Conversations(folder), id)[:-1]


def test_a_log_without_its_first_line_is_nobodys(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    other = conversations.new(ANN, "whole").id
    (folder / f"{id}.jsonl").write_bytes(b'{"op":"new","owner":"visi')
    (folder / "notes.jsonl").write_text("{}")
    with pytest.raises(NotFound):
        conversations.get(ANN, id)
    assert [header.id for header in Conversations(folder).list(ANN)] == [other]


def test_a_line_that_was_damaged_by_hand_loses_one_message(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    say(conversations, id, "one", "two")
    with (folder / f"{id}.jsonl").open("a") as log:
        for line in (
            {"op": "user", "id": 1},
            {"op": "settle"},
            {"op": "choose", "id": "x"},
            {"op": "remove", "id": "x"},
        ):
            log.write(json.dumps(line) + "\n")
        log.write(json.dumps({"op": "user", "id": "a" * 16, "parent": "gone", "text": "lost", "time": "t"}) + "\n")
        log.write(json.dumps({"op": "user", "id": "b" * 16, "parent": [], "text": "lost", "time": "t"}) + "\n")
        log.write(
            json.dumps({"op": "answer", "id": "c" * 16, "parent": None, "job": "j", "continues": [], "time": "t"})
        )
        log.write("\n" + '{"op":"rename","title":"x"}' + "\n")
        log.write(json.dumps({"op": "new", "owner": BEN, "title": "taken over", "time": "t"}) + "\n")
    assert shown(conversations, id) == ["one", "two"]
    with pytest.raises(NotFound):
        conversations.get(BEN, id)


def test_what_does_not_fit_on_the_disk_was_never_said(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    say(conversations, id, "one", "two")
    before, headers = conversations.get(ANN, id), conversations.list(ANN)
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, was[1]))
    try:
        for attempt in (
            lambda: conversations.add_user(ANN, id, None, "x" * 5000),
            lambda: conversations.set_settings(ANN, id, "x" * 5000, {}),
            lambda: conversations.new(ANN, system="x" * 5000),
        ):
            with pytest.raises(DiskFull):
                attempt()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    assert conversations.get(ANN, id) == before
    assert conversations.list(ANN) == Conversations(folder).list(ANN) == headers
    say(conversations, id, "three", "four")
    assert shown(conversations, id) == ["one", "two", "three", "four"]


def test_threads_lose_nothing(conversations: Conversations) -> None:
    id = conversations.new(ANN).id
    say(conversations, id, "start", "go")
    asked = conversations.get(ANN, id).path()[0].id

    def regenerate(k: int) -> list[str]:
        made = []
        for n in range(10):
            answered = conversations.add_answer(ANN, id, asked, f"job {k} {n}")
            conversations.settle(ANN, id, answered, f"{k} {n}", FACTS)
            conversations.list(ANN, "start")
            made.append(answered)
        return made

    with ThreadPoolExecutor(8) as threads:
        made = [id for ids in threads.map(regenerate, range(8)) for id in ids]
    conversation = conversations.get(ANN, id)
    assert set(conversation.versions(made[0])[2][1:]) == set(made)
    assert len(set(made)) == 80
    assert not any(node.is_waiting for node in conversation.nodes.values())


def test_a_thousand_conversations_are_listed_fast(conversations: Conversations, folder: Path) -> None:
    id = conversations.new(ANN).id
    for n in range(10):
        say(conversations, id, f"question {n} " + "word " * 50, "answer " * 100)
    content = (folder / f"{id}.jsonl").read_text()
    for n in range(999):
        (folder / f"{n:032x}.jsonl").write_text(content.replace("question", f"question-{n}-"))
    again = Conversations(folder)
    start = time.perf_counter()
    assert len(again.list(ANN)) == 1000
    first = time.perf_counter()
    assert len(again.list(ANN)) == 1000
    second = time.perf_counter()
    assert [header.id for header in again.list(ANN, "question-777-")] == [f"{777:032x}"]
    third = time.perf_counter()
    assert first - start < 5
    assert second - first < 0.05
    assert third - second < 2


class Model(RuleBasedStateMachine):
    """Random operations on one conversation against a plain tree; after each, memory and a fresh reader agree."""

    ids: list[str]
    alive: dict[str, tuple[str | None, str]]

    @initialize()
    def begin(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.conversations = Conversations(Path(self.temporary.name))
        self.id = self.conversations.new(ANN).id
        self.alive = {}

    def pick(self, data: st.DataObject, role: str | None = None) -> str:
        return data.draw(st.sampled_from([id for id, (_, kind) in self.alive.items() if role in (None, kind)]))

    def has(self, role: str) -> bool:
        return any(kind == role for _, kind in self.alive.values())

    @rule(data=st.data(), text=st.text(max_size=5))
    def ask(self, data: st.DataObject, text: str) -> None:
        parent = data.draw(st.sampled_from([None, *self.alive]))
        self.alive[self.conversations.add_user(ANN, self.id, parent, text)] = (parent, "user")

    @precondition(lambda self: self.has("user"))
    @rule(data=st.data(), text=st.text(max_size=5), is_settled=st.booleans())
    def answer(self, data: st.DataObject, text: str, is_settled: bool) -> None:
        parent = self.pick(data, "user")
        added = self.conversations.add_answer(ANN, self.id, parent, "job")
        self.alive[added] = (parent, "assistant")
        if is_settled:
            self.conversations.settle(ANN, self.id, added, text, FACTS)
        assert self.conversations.get(ANN, self.id).node(added).is_waiting is not is_settled

    @precondition(lambda self: self.has("user"))
    @rule(data=st.data(), text=st.text(max_size=5))
    def edit(self, data: st.DataObject, text: str) -> None:
        node = self.pick(data, "user")
        self.alive[self.conversations.edit(ANN, self.id, node, text)] = (self.alive[node][0], "user")

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        node = self.pick(data)
        self.conversations.choose(ANN, self.id, node)
        _, _, versions = self.conversations.get(ANN, self.id).versions(node)
        assert node in versions

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = [self.pick(data)]
        self.conversations.remove(ANN, self.id, gone[0])
        while gone:
            parent = gone.pop()
            del self.alive[parent]
            gone += [id for id, (above, _) in self.alive.items() if above == parent]

    @invariant()
    def the_tree_is_right(self) -> None:
        conversation = Conversations(Path(self.temporary.name)).get(ANN, self.id)
        assert {node.id: (node.parent_id, node.role) for node in conversation.nodes.values()} == self.alive
        path = conversation.path()
        assert [node.parent_id for node in path] == [None, *(node.id for node in path)][: len(path)]
        last = path[-1].id if path else None
        assert not any(parent == last for parent, _ in self.alive.values()), "a version is always chosen"
        assert conversation.updated == self.conversations.list(ANN)[0].updated

    def teardown(self) -> None:
        self.temporary.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)

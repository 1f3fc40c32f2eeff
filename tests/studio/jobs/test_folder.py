"""A job is a folder."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors.jobs import Interrupted
from pipelines.errors.storage import DiskFull
from pipelines.types.events import Loading, Token
from pipelines.types.text import Message, Sampling, TextRequest, TextResult
from studio.jobs.folder import End, JobFolder

REQUEST = TextRequest(model="m", messages=(Message("user", "你好 <b>"),), sampling=Sampling(seed=7))
RESULT = TextResult("hi", "m", 7, "stop", 3, 1, 0.1, 0.2)


def test_the_request_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST, keep=False, conversation=("c", "n"))
    spec = folder.spec()
    assert (spec.request, spec.owner, spec.keep, spec.conversation) == (REQUEST, "visitor:a", False, ("c", "n"))
    assert [event["kind"] for event in folder.reader().read()] == ["queued"]
    assert folder.end() is None


def test_the_end_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    folder.finish(End("done", RESULT, None, 1.0, 2.0, ("creation", "another")))
    assert folder.end() == End("done", RESULT, None, 1.0, 2.0, ("creation", "another"))
    folder.finish(End("interrupted", None, Interrupted(), None, 2.0))
    end = folder.end()
    assert end is not None and isinstance(end.error, Interrupted) and "再次运行" in end.error.say("zh-CN")


def test_a_reader_sees_each_event_once_and_in_order(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    reader = folder.reader()
    assert len(reader.read()) == 1
    with folder.writer() as events:
        events(Loading("weights", "m", 1, 2))
        events.write("started")
    assert [(event["seq"], event["kind"]) for event in reader.read()] == [(1, "loading"), (2, "started")]
    assert reader.read() == []


def test_tokens_within_a_tenth_of_a_second_are_one_event(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    with folder.writer() as events:
        for _ in range(200):
            events(Token("ab "))
        time.sleep(0.11)
        events(Token("end"))
        events.flush()
    tokens = [event["text"] for event in folder.reader().read() if event["kind"] == "token"]
    assert "".join(tokens) == "ab " * 200 + "end"
    assert len(tokens) <= 5


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=0, max_value=400), text=st.text(max_size=40))
def test_a_torn_last_line_loses_only_itself(tmp_path_factory: pytest.TempPathFactory, cut: int, text: str) -> None:
    folder = JobFolder.create(tmp_path_factory.mktemp("jobs"), "visitor:a", REQUEST)
    with folder.writer() as events:
        for number in range(4):
            events(Loading("weights", text, number, 4))
    path = folder.path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, len(whole) - cut)])
    kept = folder.reader().read()
    assert [event["seq"] for event in kept] == list(range(len(kept)))
    with folder.writer() as events:
        events.write("started")
    after = folder.reader().read()
    assert after[: len(kept)] == kept
    assert after[-1]["kind"] == "started"


def test_a_reader_waits_for_the_rest_of_a_line(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    reader = folder.reader()
    reader.read()
    line = json.dumps({"seq": 1, "time": 1, "kind": "token", "text": "hi"}).encode() + b"\n"
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(line[:10])
        file.flush()
        assert reader.read() == []
        file.write(line[10:])
    assert [event["text"] for event in reader.read()] == ["hi"]


def test_a_lock_is_held_by_one_process_and_free_when_that_is_killed(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    code = (
        "import sys, time; from pathlib import Path; from studio.jobs.folder import JobFolder\n"
        "with JobFolder(Path(sys.argv[1])).lock() as mine: print(mine, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline().strip() == "True"
        assert folder.is_locked()
        with folder.lock() as is_mine:
            assert not is_mine
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert not folder.is_locked()


def test_cancel_is_a_file(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path, "visitor:a", REQUEST)
    assert not folder.is_asked_to_cancel()
    folder.ask_to_cancel()
    assert folder.is_asked_to_cancel()


def test_a_folder_without_a_request_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match="no readable request"):
        JobFolder(tmp_path / "x").spec()


def test_a_full_disk_leaves_no_half_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        JobFolder.create(tmp_path, "visitor:a", REQUEST)
    assert list(tmp_path.iterdir()) == []

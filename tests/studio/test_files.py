"""Writes that survive a crash, a full disk and a folder that may not be written."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors.storage import DiskFull, ReadOnlyHome
from studio.database import open_database
from studio.files import append_line, read_lines, storage_errors, write_whole

NOBODY = 65534


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder with a log in it that this process may read and not write, also when the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        append_line(folder / "log.jsonl", {"n": 1})
        (folder / "log.jsonl").chmod(0o444)
        folder.chmod(0o555)
        was = os.geteuid()
        if was == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(was)
            folder.chmod(0o700)


@contextmanager
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond 4,096 bytes. Not a fixture: pytest's own output may be such a file."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, was[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)


def test_a_whole_file_replaces_the_old_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "end.json", b"old")
    write_whole(tmp_path / "end.json", b"new")
    assert (tmp_path / "end.json").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["end.json"]


def test_when_the_disk_is_full_the_old_file_stands_and_nothing_is_left(tmp_path: Path) -> None:
    write_whole(tmp_path / "end.json", b"old")
    with pytest.raises(DiskFull) as caught, small_disk():
        write_whole(tmp_path / "end.json", b"x" * 5000)
    assert caught.value.details == {"path": str(tmp_path)}
    assert (tmp_path / "end.json").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["end.json"]


def test_when_the_disk_is_full_a_log_is_cut_back_to_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, {"n": 1})
    with pytest.raises(DiskFull), small_disk():
        append_line(log, {"n": 2, "text": "x" * 5000})
    assert log.read_bytes() == b'{"n":1}\n'
    append_line(log, {"n": 3})
    assert list(read_lines(log)) == [{"n": 1}, {"n": 3}]


def test_a_folder_that_may_not_be_written(read_only_folder: Path) -> None:
    log = read_only_folder / "log.jsonl"
    for write in (
        lambda: write_whole(read_only_folder / "end.json", b""),
        lambda: append_line(log, {"n": 2}),
        lambda: append_line(read_only_folder / "new.jsonl", {"n": 2}),
        lambda: open_database(read_only_folder / "studio.db", ""),
    ):
        with pytest.raises(ReadOnlyHome) as caught:
            write()
        assert caught.value.details == {"path": str(read_only_folder)}
    assert list(read_lines(log)) == [{"n": 1}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_device_that_is_full() -> None:
    full = Path("/dev/full")
    with pytest.raises(DiskFull), full.open("wb", buffering=0) as device, storage_errors(full):
        device.write(b"x")


def test_another_system_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "end.json", b"")


@given(lines=st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=4), cut=st.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_a_torn_last_line_is_lost_alone(lines: list[dict], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        written = [append_line(log, line) for line in lines]
        whole = log.read_bytes() if lines else b""
        append_line(log, {"text": "x" * 40, "更多": "文"})
        log.write_bytes(whole + log.read_bytes()[len(whole) :][: min(cut, 40)])
        last = append_line(log, {"after": "the crash"})
        assert list(read_lines(log)) == [*written, last]


def test_a_line_without_its_end_of_line_was_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"n":1}')
    append_line(log, {"n": 2})
    assert list(read_lines(log)) == [{"n": 1}, {"n": 2}]


def test_what_is_not_a_json_object_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'\n\xff\xfe\n[1]\n"a"\n' + b"[" * 100_000 + b'\n{"n":1}\n{"n":')
    assert list(read_lines(log)) == [{"n": 1}]


def test_lone_surrogates_do_not_stop_a_write(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert append_line(log, {"text": "a\ud800b"}) == {"text": "a?b"}
    assert list(read_lines(log)) == [{"text": "a?b"}]


def test_a_writer_that_is_killed_leaves_only_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    writer = (
        "import sys, itertools; from pathlib import Path; from studio.files import append_line\n"
        "for n in itertools.count(): append_line(Path(sys.argv[1]), {'n': n}); print(n, flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", writer, str(log)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(20)]
    child.kill()
    said += [int(line) for line in child.stdout.read().split()]
    child.wait()
    kept = [line["n"] for line in read_lines(log)]
    assert kept == list(range(len(kept)))
    assert len(kept) >= len(said)  # what was acknowledged is there


def test_a_damaged_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "studio.db"
    path.write_bytes(b"not a database at all" * 100)
    database = open_database(path, "CREATE TABLE IF NOT EXISTS t (a)")
    assert database.execute("SELECT COUNT(*) FROM t").fetchone()[0] == 0
    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert database.execute("PRAGMA synchronous").fetchone()[0] == 2
    database.close()
    assert (tmp_path / "studio.db.damaged").read_bytes().startswith(b"not a database")


def test_a_full_disk_is_told_by_the_database_too(tmp_path: Path) -> None:
    database = open_database(tmp_path / "studio.db", "CREATE TABLE IF NOT EXISTS t (a)")
    database.execute("PRAGMA max_page_count = 4")
    with pytest.raises(DiskFull), storage_errors(tmp_path), database:
        database.execute("INSERT INTO t VALUES (?)", [json.dumps("x" * 100_000)])
    database.close()

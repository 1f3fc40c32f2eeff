"""One ledger for all processes: kills, races, wishes, refusals."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors.memory import MemoryReserved, ModelTooLarge
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast
from pipelines.types.events import Plan, ignore
from studio.jobs import ledger as ledger_module
from studio.jobs.keeper import Keeper
from studio.jobs.ledger import Ledger, read_ledger

ROOT = Path(__file__).parents[3]
PLENTY = 10**15

# Reserves, says what is lacking, and waits to be killed or for its input to close.
HOLDER = """
import sys
from pathlib import Path
from studio.jobs.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), "a training run", "ram", None, lambda: 10**15)
sys.stdin.readline()
print(ledger.reserve(1, "a model", int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def models_weigh_what_they_say(monkeypatch):
    monkeypatch.setattr(measure, "held_bytes", lambda store: 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def open_ledger(folder: Path) -> Iterator:
    opened: list[Ledger] = []

    def open_ledger(who: str = "the engine", budget: int | None = 100, free: int = PLENTY, *, gives_way: bool = False):
        opened.append(Ledger(folder, who, "ram", budget, lambda: free, gives_way=gives_way))
        return opened[-1]

    yield open_ledger
    for one in opened:
        one.close()


def hold(folder: Path, size_bytes: int) -> "subprocess.Popen[str]":
    """A process that reserves when its input gets a line."""
    command = [sys.executable, "-c", HOLDER, str(folder), str(size_bytes)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def go(process: "subprocess.Popen[str]") -> int:
    """How many bytes it found lacking."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


class Weight:
    """A model of which only the size is known."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.is_stale = self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def use(cache: ModelCache, key: str, size_bytes: int, on_event=ignore) -> Weight:
    with cache.lease(key, lambda tell: Prepared(Forecast(size_bytes), lambda _: Weight(size_bytes)), on_event) as model:
        return model


def test_a_killed_process_holds_nothing(folder, open_ledger):
    ledger = open_ledger()
    holder = hold(folder, 80)
    assert go(holder) == 0
    assert ledger.reserve(1, "x", 30) == 10 and ledger.most() == 20 and ledger.holder() == "a training run"
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    assert ledger.reserve(1, "x", 30) == 0 and ledger.holder() == ""
    assert [path.name for path in folder.iterdir() if str(holder.pid) in path.name] == []


def test_of_many_processes_at_once_only_those_get_bytes_for_whom_there_are_some(folder, open_ledger):
    open_ledger()
    holders = [hold(folder, 40) for _ in range(5)]
    for holder in holders:
        holder.stdin.write("\n")
    threads = [threading.Thread(target=holder.stdin.flush) for holder in holders]
    for thread in threads:
        thread.start()
    lacking = sorted(int(holder.stdout.readline()) for holder in holders)
    assert lacking == [0, 0, 20, 20, 20]
    assert read_ledger(folder)["ram"]["taken_bytes"] == 80
    for holder in holders:
        holder.stdin.close()
        holder.wait(10)
    assert read_ledger(folder)["ram"]["taken_bytes"] == 0


def test_two_processes_never_hold_more_than_there_is(folder, open_ledger):
    race = """
import sys
from pathlib import Path
from studio.jobs.ledger import Ledger, read_ledger
ledger, got = Ledger(Path(sys.argv[1]), "racer", "ram", None, lambda: 10**15), 0
sys.stdin.readline()
while got < 40:
    if ledger.reserve(1, "x", 60) == 0:
        got += 1
        assert read_ledger(Path(sys.argv[1]))["ram"]["taken_bytes"] == 60
        ledger.release(1)
print(got)
"""
    open_ledger()
    command = [sys.executable, "-c", race, str(folder)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)
    ]
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    counts = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert counts == [40, 40] and [racer.returncode for racer in racers] == [0, 0]


def test_what_is_measured_as_free_lacks_what_is_reserved_and_not_yet_filled(open_ledger):
    engine, training = open_ledger(budget=1000, free=100), open_ledger("training", None, free=100)
    assert engine.reserve(1, "a", 60) == 0  # nothing of it is there yet
    assert training.reserve(1, "b", 60) == 20
    engine.resize(1, "a", 60, 60)  # now the measure itself has it
    assert training.reserve(1, "b", 60) == 0


def test_a_training_run_gets_the_room_of_idle_models(open_ledger):
    engine, training = open_ledger(gives_way=True), open_ledger("a training run", None)
    cache = ModelCache(engine)
    idle, pinned = use(cache, "idle", 50), use(cache, "pinned", 30)
    cache.pin("pinned", True)
    reports: list[dict] = []
    keeper = Keeper(Models(cache), [engine], None, reports.append)
    keeper.start()
    with training.holding("LoRA", 60, timeout_seconds=10):
        assert idle.is_closed and not pinned.is_closed
        with pytest.raises(MemoryReserved, match="a training run uses the rest") as caught:
            use(cache, "another", 50)
        assert caught.value.details["free_gb"] == pytest.approx(40 / 1e9)
    assert not use(cache, "another", 20).is_closed
    deadline = time.monotonic() + 5
    both = {"loaded": [{"model": "another"}, {"model": "pinned"}]}
    while both not in reports and time.monotonic() < deadline:
        time.sleep(0.05)
    keeper.close()
    assert both in reports


class Models:
    """A pipeline's memory, as the keeper knows it."""

    def __init__(self, cache: ModelCache) -> None:
        self.cache = cache

    def loaded(self) -> list:
        return [{"model": key} for key in sorted(str(row.key) for row in self.cache.loaded())]


def test_who_finds_too_little_is_told_by_whom_it_is_held(open_ledger, monkeypatch):
    monkeypatch.setattr("pipelines.loading.memory.residents.OTHERS_ANSWER_SECONDS", 0.3)
    engine, training = open_ledger(gives_way=True), open_ledger("a training run", None)
    engine.reserve(1, "leased", 70)  # and nobody who would give it back
    with pytest.raises(MemoryReserved) as caught, training.holding("LoRA", 60, timeout_seconds=0.3):
        pass
    assert "the engine uses the rest" in caught.value.say("en") and "生成引擎占用了其余部分" in caught.value.say("zh")
    events: list = []
    cache = ModelCache(training)
    with pytest.raises(MemoryReserved):
        use(cache, "model", 60, events.append)
    assert events == [Plan("model", "asks", "", 30)]
    with pytest.raises(ModelTooLarge) as alone:
        use(ModelCache(open_ledger("alone", None, free=10)), "model", 20)
    assert "其他程序" in alone.value.say("zh") or "占用" in alone.value.say("zh")


def test_the_page_reads_who_has_what(folder, open_ledger):
    assert read_ledger(folder) == {}
    engine, training = open_ledger(budget=1000), open_ledger("a training run", None)
    engine.reserve(1, "SmolLM2", 300)
    engine.resize(1, "SmolLM2", 310, 305)
    training.reserve(1, "LoRA", 200)
    told = read_ledger(folder)["ram"]
    assert (told["budget_bytes"], told["taken_bytes"], told["free_bytes"]) == (1000, 510, 490)
    by_who = {process["who"]: process for process in told["processes"]}
    assert by_who["the engine"]["models"] == [{"name": "SmolLM2", "size_bytes": 310}]
    assert by_who["a training run"]["size_bytes"] == 200
    assert 0 < told["others_bytes"] < told["total_bytes"]


def test_damaged_files_hold_nobody_up(folder, open_ledger):
    ledger = open_ledger()
    (folder / "budget.json").write_text("{")
    (folder / f"ram-{os.getpid()}-dead").write_text("no json")
    assert ledger.reserve(1, "x", 10) == 0  # by the usual share of the machine's memory
    assert read_ledger(folder)["ram"]["taken_bytes"] == 10
    ledger._page.seek(0)
    ledger._page.write(b"[1, 2")
    assert [process["who"] for process in read_ledger(folder)["ram"]["processes"]] == ["?"]


def test_a_full_disk_stops_no_work(open_ledger, monkeypatch, caplog):
    ledger = open_ledger()

    class Full:
        def seek(self, *_) -> None: ...
        def close(self) -> None: ...
        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger, "_page", Full())
    assert ledger.reserve(1, "x", 60) == 0 and ledger.reserve(2, "y", 60) == 20
    assert "No space left" in caplog.text


def test_reading_the_books_needs_no_torch():
    code = "import sys, studio.jobs.ledger, studio.jobs.keeper; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert ledger_module.USUAL_SHARE < 1

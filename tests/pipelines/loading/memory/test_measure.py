"""What there is, what this process holds, and that it comes back."""

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import LoadCancelled, ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast, Learnt
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.loading.memory.measure import (
    free_bytes,
    give_back_memory,
    held_bytes,
    store_of,
    usual_budget_bytes,
)
from pipelines.loading.placement.devices import CPU
from pipelines.types.events import Loading, ignore

ROOT = Path(__file__).parents[4]
MB = 10**6


@pytest.fixture(autouse=True)
def _what_others_dropped_is_back():
    give_back_memory()


def test_most_of_the_free_memory_is_the_budget(monkeypatch):
    import psutil
    import torch

    available = psutil.virtual_memory().available
    assert 0.5 * available < usual_budget_bytes("ram") < 0.9 * available
    assert 0.8 * available < free_bytes("ram") < 1.2 * available
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ([3, 4][index] * 10**12, 10**13))
    assert usual_budget_bytes("cuda") == free_bytes("cuda") == 7 * 10**12
    assert [store_of(device) for device in ("cpu", "mps", "cuda")] == ["ram", "ram", "cuda"]


def test_a_container_has_what_its_limit_leaves(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(measure, "CGROUP", tmp_path)
    unbounded = free_bytes("ram")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes("ram") > unbounded / 2
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 150000\n")
    assert free_bytes("ram") == 450_000


def test_what_is_held_is_counted_to_the_page():
    """In a process of its own: what earlier tests dropped comes back at any moment, and would be counted here."""
    code = """
import numpy
from pipelines.loading.memory.measure import held_bytes, wait_until_back
before = held_bytes("ram")
block = numpy.ones(50_000_000, numpy.uint8)
held = held_bytes("ram")
del block
print(held - before, wait_until_back("ram", 45_000_000, held), wait_until_back("ram", 10**12, held, timeout_seconds=0.1))
"""
    counted, came_back, never = _alone(code).split()
    assert int(counted) == pytest.approx(50 * MB, rel=0.05)
    assert (came_back, never) == ("True", "False")


def test_memory_is_really_given_back():
    import numpy
    import psutil

    blocks = [numpy.ones(50_000, numpy.uint8) for _ in range(2000)]  # small ones stay in the C heap
    full = psutil.Process().memory_info().rss
    del blocks
    give_back_memory()
    assert psutil.Process().memory_info().rss < full - 50 * MB


def test_weights_between_what_stays_leave_no_holes():
    """Every other one of many blocks stays, as when parts of models outlive each other. In a process with a fresh heap."""
    code = """
import numpy
from pipelines.loading.memory.measure import held_bytes, mappings_of_their_own
numpy.ones(100)
before = held_bytes("ram")
with mappings_of_their_own():
    blocks = [numpy.ones(2_000_000, numpy.uint8) for _ in range(60)]
kept = blocks[::2]
del blocks
print(held_bytes("ram") - before)
"""
    assert int(_alone(code)) == pytest.approx(60 * MB, rel=0.1)


def _alone(code: str) -> str:
    """What `code` prints in a fresh process."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


class Tensors:
    """A model of real memory."""

    is_stale = False

    def __init__(self, count: int) -> None:
        import torch

        self.size_bytes = count * 4 * MB
        self.tensors = [torch.ones(MB) for _ in range(count)]

    def close(self) -> None:
        self.tensors = []


def test_a_load_is_measured_and_learnt_from():
    cache, learnt = ModelCache(), []
    prepare = lambda tell: Prepared(Forecast(1), lambda _: Tensors(10), lambda took, seconds: learnt.append(took))  # noqa: E731
    Tensors(1).close()  # torch itself
    with cache.lease("a", prepare, ignore):
        (row,) = cache.loaded()
        assert row.measured_bytes == pytest.approx(40 * MB, rel=0.05)
    with cache.lease("a", prepare, ignore), cache.lease("b", prepare, ignore):
        pass  # somebody works with another model: nothing is to be learnt from that
    assert learnt == [pytest.approx(40 * MB, rel=0.05)]
    held = held_bytes("ram")
    cache.unload_all()
    assert held - held_bytes("ram") == pytest.approx(80 * MB, rel=0.05)


def test_what_another_thread_takes_during_a_load_is_not_the_models():
    """Else a model that fits would go after every answer, because a picture was decoded while it loaded."""
    cache, learnt, others = ModelCache(OwnLedger(60 * MB)), Learnt(), []
    Tensors(1).close()

    def load(tell):
        if not others:
            thread = threading.Thread(target=lambda: others.append(Tensors(20)))
            thread.start()
            thread.join()
        return Tensors(10)

    def prepare(tell):
        known = Forecast(40 * MB)
        return Prepared(learnt.corrected("a", CPU, known), load, partial(learnt.learn, "a", CPU, known))

    for _ in range(2):  # it stays, and is not refused the next time either
        with cache.lease("a", prepare, ignore):
            pass
        assert len(cache.loaded()) == 1
        cache.unload_all()


def test_a_model_that_takes_more_than_it_counts_is_believed_in_the_end():
    cache, learnt = ModelCache(), Learnt()
    Tensors(1).close()

    def load(tell):
        model = Tensors(10)
        model.size_bytes = 20 * MB
        return model

    def prepare(tell):
        known = Forecast(20 * MB)
        return Prepared(learnt.corrected("a", CPU, known), load, partial(learnt.learn, "a", CPU, known))

    for _ in range(8):
        with cache.lease("a", prepare, ignore):
            pass
        cache.unload_all()
    assert learnt.corrected("a", CPU, Forecast(20 * MB)).weights_bytes == pytest.approx(40 * MB, rel=0.1)


def test_a_load_stopped_in_the_middle_leaves_nothing():
    cache, stop = ModelCache(), threading.Event()
    Tensors(1).close()
    before = held_bytes("ram")

    def load(tell):
        half = Tensors(10)
        stop.set()
        tell(Loading("weights", "a", 1, 2))
        return half

    with (
        pytest.raises(LoadCancelled),
        cache.lease("a", lambda tell: Prepared(Forecast(80 * MB), load), ignore, stop.is_set),
    ):
        pass
    assert held_bytes("ram") - before < 2 * MB

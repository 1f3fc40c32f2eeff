"""Leases of the model cache, and loads that several wait for."""

import threading
import time

import pytest

from pipelines.errors.models import ModelDamaged
from pipelines.loading.memory.cache import ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast
from pipelines.types.events import Loading, ignore
from tests.pipelines.loading.memory.weights import Weight, ready, take, use, wait_until

pytestmark = pytest.mark.usefixtures("all_weights")


def test_the_second_lease_finds_the_model_loaded():
    cache = ModelCache()
    first = use(cache, "a")
    assert use(cache, "a") is first and not first.is_closed
    assert [(row.key, row.leases) for row in cache.loaded()] == [("a", 0)]


def test_who_leases_is_known_by_the_name_of_the_thread():
    cache, told = ModelCache(), []

    def work() -> None:
        with cache.lease("a", ready(lambda tell: Weight()), ignore):
            told.extend(cache.loaded())

    thread = threading.Thread(target=work, name="job 7")
    thread.start()
    thread.join(5)
    assert [row.leased_by for row in told] == [("job 7",)] and cache.loaded()[0].leased_by == ()


def test_a_second_request_joins_the_load_and_hears_its_events():
    cache = ModelCache()
    begun, go = threading.Event(), threading.Event()
    loads, models, heard = [], [], []

    def load(tell):
        loads.append(1)
        begun.set()
        assert go.wait(5)
        tell(Loading("weights", "a", 1, 2))
        return Weight()

    def first() -> None:
        with cache.lease("a", ready(load), ignore) as model:
            models.append(model)

    def second() -> None:
        with cache.lease("a", ready(load), heard.append) as model:
            models.append(model)

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(5)
    two = threading.Thread(target=second)
    two.start()
    deadline = time.monotonic() + 5
    while len(cache._residents.by_key["a"].listeners) < 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    one.join(5)
    two.join(5)
    assert len(loads) == 1 and models[0] is models[1]
    assert heard[0] == Loading("weights", "a", 1, 2)
    assert cache.loaded()[0].leases == 0


def test_only_one_model_loads_at_a_time():
    cache = ModelCache()
    at_once, most = [], []

    def load(tell):
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.pop()
        return Weight()

    def one(key: int) -> None:
        with cache.lease(key, ready(load), ignore):
            pass

    threads = [threading.Thread(target=one, args=(key,)) for key in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert most == [1] * 6 and len(cache.loaded()) == 6


def test_a_failed_load_leaves_nothing_and_its_joiners_hear_why():
    cache = ModelCache()
    begun, go, failures = threading.Event(), threading.Event(), []

    def load(tell):
        begun.set()
        assert go.wait(30)
        raise ModelDamaged(model="a", reason="cut", path="/x")

    def one() -> None:
        try:
            with cache.lease("a", ready(load), ignore):
                pass
        except ModelDamaged as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    threads[0].start()
    assert begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: len(cache._residents.by_key["a"].listeners) >= 2)
    go.set()
    for thread in threads:
        thread.join(30)
    assert len(failures) == 3 and cache.loaded() == []
    assert use(cache, "a").size_bytes == 10


def test_files_are_fetched_while_another_model_loads():
    cache, begun, go = ModelCache(), threading.Event(), threading.Event()

    def load(tell):
        begun.set()
        assert go.wait(5)
        return Weight()

    def fetch(tell):
        assert begun.wait(5)
        go.set()  # the other load goes on only when this has come so far
        return Prepared(Forecast(10), lambda tell: Weight())

    threads = [threading.Thread(target=take, args=(cache, *pair)) for pair in (("a", ready(load)), ("b", fetch))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(cache.loaded()) == 2

"""Leases, joins, evictions, failures of the model cache. The models are plain objects: the cache knows no more of them."""

import threading
import time

import pytest

from pipelines.errors import ModelDamaged, ModelTooLarge, OutOfMemory
from pipelines.loading.cache import LoadCancelled, ModelCache
from pipelines.types import Loading, ignore, never


class Weight:
    """Something with a size that can be closed."""

    def __init__(self, size_bytes: int = 10) -> None:
        self.size_bytes = size_bytes
        self.is_stale = False
        self.is_closed = False

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def use(cache: ModelCache, key: str, size_bytes: int = 10) -> Weight:
    with cache.lease(key, lambda tell: Weight(size_bytes), ignore) as model:
        return model


def test_the_second_lease_finds_the_model_loaded():
    cache = ModelCache()
    first = use(cache, "a")
    assert use(cache, "a") is first and not first.is_closed
    assert [(row.key, row.leases) for row in cache.loaded()] == [("a", 0)]


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
        with cache.lease("a", load, ignore) as model:
            models.append(model)

    def second() -> None:
        with cache.lease("a", load, heard.append) as model:
            models.append(model)

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(5)
    two = threading.Thread(target=second)
    two.start()
    deadline = time.monotonic() + 5
    while len(cache._records["a"].listeners) < 1 and time.monotonic() < deadline:
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
        with cache.lease(key, load, ignore):
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
        assert go.wait(5)
        raise ModelDamaged(model="a", reason="cut", path="/x")

    def one() -> None:
        try:
            with cache.lease("a", load, ignore):
                pass
        except ModelDamaged as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    deadline = time.monotonic() + 5
    while len(cache._records["a"].listeners) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    for thread in threads:
        thread.join(5)
    assert len(failures) == 3 and cache.loaded() == []
    assert use(cache, "a").size_bytes == 10


def test_eviction_takes_what_is_idle_longest_and_no_more():
    clock = Clock()
    cache = ModelCache(30, clock)
    a, b, c = use(cache, "a"), use(cache, "b"), use(cache, "c")
    clock.now = 10
    assert use(cache, "a") is a
    clock.now = 20
    use(cache, "d")
    assert (a.is_closed, b.is_closed, c.is_closed) in ((False, True, False), (False, False, True))
    assert len(cache.loaded()) == 3


def test_a_forecast_makes_room_before_the_load():
    cache = ModelCache(30)
    a = use(cache, "a", 20)

    def load(tell):
        cache.make_room("b", 20)
        assert a.is_closed
        return Weight(20)

    with cache.lease("b", load, ignore):
        pass


def test_what_cannot_fit_is_refused_before_its_load_with_sizes():
    models: list[Weight] = []
    cache = ModelCache(free_bytes=lambda: 50 - sum(model.size_bytes for model in models if not model.is_closed))
    models += [use(cache, "idle", 20), use(cache, "leased", 10)]
    begun = []

    def load(tell):
        cache.make_room("big", 45)
        begun.append(1)
        return Weight(45)

    with cache.lease("leased", load, ignore), pytest.raises(OutOfMemory) as caught, cache.lease("big", load, ignore):
        pass
    assert models[0].is_closed and not models[1].is_closed and begun == []
    assert isinstance(caught.value, ModelTooLarge)
    assert (caught.value.details["needed_gb"], caught.value.details["free_gb"]) == (45 / 1e9, 40 / 1e9)
    with cache.lease("big", load, ignore):  # now the other one is idle too
        assert models[1].is_closed


def test_who_fails_at_the_last_event_leaves_no_lease_behind():
    cache = ModelCache()

    def full(event):
        if event.stage == "ready":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), cache.lease("a", lambda tell: Weight(), full):
        pass
    assert [row.leases for row in cache.loaded()] == [0]
    cache.unload_all()
    assert cache.loaded() == []


def load_with_a_joiner(cache: ModelCache, owner_hears, joiner_hears) -> tuple[list[object], int]:
    """Two threads want the same model: (what each got, the owner first; how often it was loaded)."""
    begun, go, loads = threading.Event(), threading.Event(), []
    outcomes: list[object] = [None, None]

    def load(tell):
        loads.append(1)
        begun.set()
        assert go.wait(5)
        tell(Loading("weights", "a", 1, 2))
        tell(Loading("weights", "a", 2, 2))
        return Weight()

    def want(number: int, listener) -> None:
        try:
            with cache.lease("a", load, listener) as model:
                outcomes[number] = model
        except OSError as error:
            outcomes[number] = error

    owner = threading.Thread(target=want, args=(0, owner_hears))
    owner.start()
    assert begun.wait(5)
    joiner = threading.Thread(target=want, args=(1, joiner_hears))
    joiner.start()
    deadline = time.monotonic() + 5
    while len(cache._records["a"].listeners) < 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    owner.join(5)
    joiner.join(5)
    return outcomes, len(loads)


def fail(event) -> None:
    raise OSError(9, "Bad file descriptor")


def test_a_joiner_who_cannot_listen_stops_nobody():
    cache, heard = ModelCache(), []
    (owner, joiner), loads = load_with_a_joiner(cache, heard.append, fail)
    assert isinstance(owner, Weight) and owner is joiner and loads == 1
    assert [event.stage for event in heard] == ["weights", "weights", "ready"]
    assert cache.loaded()[0].leases == 0


def test_an_owner_who_cannot_listen_leaves_the_load_to_who_joined():
    cache, heard = ModelCache(), []
    (owner, joiner), loads = load_with_a_joiner(cache, fail, heard.append)
    assert isinstance(owner, OSError) and isinstance(joiner, Weight) and loads == 2
    assert heard[-1].stage == "ready" and cache.loaded()[0].leases == 0


def test_a_leased_model_is_never_dropped():
    cache = ModelCache(5)
    with cache.lease("a", lambda tell: Weight(), ignore) as a:
        use(cache, "b")
        cache.unload("a")
        assert not a.is_closed
        assert [row.key for row in cache.loaded()] == ["a"]
    assert a.is_closed and cache.loaded() == []


def test_unload_drops_what_is_idle():
    cache = ModelCache()
    a, b = use(cache, "a"), use(cache, "b")
    assert cache.unload("a") and a.is_closed and not b.is_closed
    assert not cache.unload("nothing")
    cache.unload_all()
    assert b.is_closed


def test_a_stale_model_goes_with_its_last_lease_and_is_loaded_anew():
    cache = ModelCache()
    with cache.lease("a", lambda tell: Weight(), ignore) as a:
        a.is_stale = True
        assert not a.is_closed
    assert a.is_closed
    assert use(cache, "a") is not a


def test_out_of_memory_drops_what_is_idle_and_tries_once_more():
    cache = ModelCache()
    idle = use(cache, "idle")
    tries = []

    def load(tell):
        tries.append(idle.is_closed)
        if len(tries) == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")
        return Weight()

    with cache.lease("big", load, ignore):
        pass
    assert tries == [False, True]


def test_twice_out_of_memory_is_said_in_plain_words():
    cache = ModelCache()

    def load(tell):
        raise MemoryError

    with pytest.raises(OutOfMemory), cache.lease("big", load, ignore):
        pass
    assert cache.loaded() == []


def test_whoever_cancels_a_load_leaves_it_to_the_next():
    cache = ModelCache()
    begun, stop, models = threading.Event(), threading.Event(), []

    def slow(tell):
        begun.set()
        while True:
            tell(Loading("download", "a", 1, 2))
            time.sleep(0.005)

    def first() -> None:
        with pytest.raises(LoadCancelled), cache.lease("a", slow, ignore, stop.is_set):
            pass

    def second() -> None:
        with cache.lease("a", lambda tell: Weight(), ignore, never) as model:
            models.append(model)

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(5)
    two = threading.Thread(target=second)
    two.start()
    time.sleep(0.05)
    stop.set()
    one.join(5)
    two.join(5)
    assert len(models) == 1 and len(cache.loaded()) == 1


def test_a_waiting_joiner_can_stop():
    cache = ModelCache()
    begun, go = threading.Event(), threading.Event()

    def load(tell):
        begun.set()
        assert go.wait(5)
        return Weight()

    def first() -> None:
        with cache.lease("a", load, ignore):
            pass

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(5)
    started = time.monotonic()
    with pytest.raises(LoadCancelled), cache.lease("a", load, ignore, lambda: True):
        pass
    assert time.monotonic() - started < 1
    go.set()
    one.join(5)
    assert cache.loaded()[0].leases == 0


def test_many_threads_and_a_small_budget_keep_the_books():
    cache = ModelCache(25)

    def work(number: int) -> None:
        for turn in range(6):
            with cache.lease((number + turn) % 5, lambda tell: Weight(), ignore) as model:
                assert not model.is_closed

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert all(row.leases == 0 for row in cache.loaded())
    assert sum(row.size_bytes for row in cache.loaded()) <= 25

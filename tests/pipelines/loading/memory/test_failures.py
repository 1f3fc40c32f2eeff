"""Loads of the model cache that fail, or that nobody wants any more."""

import threading
import time

import pytest

from pipelines.errors.memory import ModelTooLarge, OutOfMemory
from pipelines.loading.memory.cache import LoadCancelled, ModelCache
from pipelines.types.events import Loading, ignore, never
from tests.pipelines.loading.memory.weights import Weight, bounded, ready, use

pytestmark = pytest.mark.usefixtures("all_weights")


def test_who_fails_at_the_last_event_leaves_no_lease_behind():
    cache = ModelCache()

    def full(event):
        if event.stage == "ready":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), cache.lease("a", ready(lambda tell: Weight()), full):
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
            with cache.lease("a", ready(load), listener) as model:
                outcomes[number] = model
        except OSError as error:
            outcomes[number] = error

    owner = threading.Thread(target=want, args=(0, owner_hears))
    owner.start()
    assert begun.wait(5)
    joiner = threading.Thread(target=want, args=(1, joiner_hears))
    joiner.start()
    deadline = time.monotonic() + 5
    while len(cache._residents.by_key["a"].listeners) < 1 and time.monotonic() < deadline:
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
    cache = bounded(15)
    with cache.lease("a", ready(lambda tell: Weight()), ignore) as a:
        with pytest.raises(ModelTooLarge):
            use(cache, "b")
        cache.unload("a")
        cache.unload_idle(0)
        cache.give_way(100)
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
    with cache.lease("a", ready(lambda tell: Weight()), ignore) as a:
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

    with cache.lease("big", ready(load), ignore):
        pass
    assert tries == [False, True]


def test_twice_out_of_memory_is_said_in_plain_words():
    cache = ModelCache()

    def load(tell):
        raise MemoryError

    with pytest.raises(OutOfMemory), cache.lease("big", ready(load), ignore):
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
        with pytest.raises(LoadCancelled), cache.lease("a", ready(slow), ignore, stop.is_set):
            pass

    def second() -> None:
        with cache.lease("a", ready(lambda tell: Weight()), ignore, never) as model:
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
        with cache.lease("a", ready(load), ignore):
            pass

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(5)
    started = time.monotonic()
    with pytest.raises(LoadCancelled), cache.lease("a", ready(load), ignore, lambda: True):
        pass
    assert time.monotonic() - started < 1
    go.set()
    one.join(5)
    assert cache.loaded()[0].leases == 0

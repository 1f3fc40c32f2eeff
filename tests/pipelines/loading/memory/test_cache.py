"""Leases, joins, evictions, failures of the model cache. The models are plain objects: the cache knows no more of them."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pipelines.errors.memory import MemoryPinned, ModelTooLarge, OutOfMemory
from pipelines.errors.models import ModelDamaged
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import LoadCancelled, ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.types.events import Loading, OnEvent, Plan, ignore, never


@pytest.fixture(autouse=True)
def all_weights(monkeypatch) -> "list[Weight]":
    """Every weight of a test; what this process holds is what they say."""
    alive: list[Weight] = []
    monkeypatch.setattr(Weight, "all", alive, raising=False)
    monkeypatch.setattr(measure, "held_bytes", lambda store: held())
    return alive


def held() -> int:
    return sum(weight.size_bytes for weight in Weight.all if not weight.is_closed and not weight.is_parked)


class Weight:
    """Something with a size that can be closed, and moved from a GPU and back."""

    all: "list[Weight]"

    def __init__(self, size_bytes: int = 10, *, is_movable: bool = True) -> None:
        self.all.append(self)
        self.size_bytes = size_bytes
        self.is_stale = False
        self.is_closed = self.is_parked = False
        self.moves: list[str] = []
        self._is_movable = is_movable

    def park(self) -> bool:
        self.moves.append("park")
        self.is_parked = self._is_movable
        return self._is_movable

    def unpark(self) -> None:
        self.moves.append("unpark")
        self.is_parked = False

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


def ready(load: Callable[[OnEvent], Weight], size_bytes: int = 10, working_bytes: int = 0) -> Callable:
    """A model whose files are here, with the forecast that it takes `size_bytes`."""
    return lambda tell: Prepared(Forecast(size_bytes, working_bytes), load)


def bounded(budget_bytes: int, clock: Callable[[], float] = time.monotonic) -> ModelCache:
    return ModelCache(OwnLedger(budget_bytes), clock=clock)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def use(cache: ModelCache, key: str, size_bytes: int = 10) -> Weight:
    with cache.lease(key, ready(lambda tell: Weight(size_bytes), size_bytes), ignore) as model:
        return model


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
        assert go.wait(5)
        raise ModelDamaged(model="a", reason="cut", path="/x")

    def one() -> None:
        try:
            with cache.lease("a", ready(load), ignore):
                pass
        except ModelDamaged as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    deadline = time.monotonic() + 5
    while len(cache._residents.by_key["a"].listeners) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    for thread in threads:
        thread.join(5)
    assert len(failures) == 3 and cache.loaded() == []
    assert use(cache, "a").size_bytes == 10


def test_eviction_takes_what_is_idle_longest_and_no_more():
    clock = Clock()
    cache = bounded(30, clock)
    a, b, c = use(cache, "a"), use(cache, "b"), use(cache, "c")
    clock.now = 10
    assert use(cache, "a") is a
    clock.now = 20
    use(cache, "d")
    assert (a.is_closed, b.is_closed, c.is_closed) in ((False, True, False), (False, False, True))
    assert len(cache.loaded()) == 3


def test_a_forecast_makes_room_before_the_load_and_says_so():
    cache, told = bounded(30), []
    a = use(cache, "a", 20)

    def load(tell):
        assert a.is_closed
        return Weight(20)

    with cache.lease("b", ready(load, 20), told.append):
        pass
    assert told == [Plan("b", "drops", "a", 20), Loading("ready", "b")]


def test_what_cannot_fit_is_refused_before_its_load_with_sizes():
    cache = ModelCache(OwnLedger(50, lambda: 50 - held()))
    models = [use(cache, "idle", 20), use(cache, "leased", 10)]
    begun = []
    big = ready(lambda tell: begun.append(1) or Weight(45), 45)
    with cache.lease("leased", big, ignore), pytest.raises(OutOfMemory) as caught, cache.lease("big", big, ignore):
        pass
    assert models[0].is_closed and not models[1].is_closed and begun == []
    assert isinstance(caught.value, ModelTooLarge)
    assert (caught.value.details["needed_gb"], caught.value.details["free_gb"]) == (45 / 1e9, 40 / 1e9)
    with cache.lease("big", big, ignore):  # now the other one is idle too
        assert models[1].is_closed


def test_more_than_there_is_is_refused_and_drops_nothing():
    cache = bounded(30)
    kept = use(cache, "kept")
    with pytest.raises(ModelTooLarge), cache.lease("big", ready(lambda tell: Weight(31), 31), ignore):
        pass
    assert not kept.is_closed


def test_a_load_waits_for_what_is_in_use():
    cache, told = bounded(30), []
    leased, done = threading.Event(), threading.Event()

    def work() -> None:
        with cache.lease("at work", ready(lambda tell: Weight(20), 20), ignore):
            leased.set()
            assert done.wait(5)

    worker = threading.Thread(target=work)
    worker.start()
    assert leased.wait(5)
    threading.Timer(0.3, done.set).start()
    with cache.lease("next", ready(lambda tell: Weight(20), 20), told.append):
        assert done.is_set()
    worker.join(5)
    assert told[:2] == [Plan("next", "waits", "at work", 10), Plan("next", "drops", "at work", 20)]


def test_who_waits_for_room_can_stop():
    cache, is_stopped = bounded(30), threading.Event()
    with cache.lease("at work", ready(lambda tell: Weight(20), 20), ignore):
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                with cache.lease("next", ready(lambda tell: Weight(20), 20), ignore, is_stopped.is_set):
                    pass
            except LoadCancelled as error:
                failures.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.2)
        is_stopped.set()
        waiting.join(5)
        assert len(failures) == 1 and [row.key for row in cache.loaded()] == ["at work"]


def test_two_who_wait_for_each_other_are_told_so():
    cache, outcomes = bounded(30), []
    both = threading.Barrier(2)

    def want(first: str, second: str) -> None:
        with cache.lease(first, ready(lambda tell: Weight(15), 15), ignore):
            both.wait(5)
            try:
                with cache.lease(second, ready(lambda tell: Weight(15), 15), ignore):
                    outcomes.append("loaded")
            except ModelTooLarge:
                outcomes.append("refused")

    threads = [threading.Thread(target=want, args=pair) for pair in (("a", "c"), ("b", "d"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["loaded", "refused"]  # when one has given up the other has its room


def test_of_those_who_wait_for_each_other_one_is_told_who_has_something_to_give_back():
    cache, outcomes = bounded(30), {}
    both, has_asked = threading.Barrier(2), threading.Event()

    def want(name: str, held_one: str, wanted: str, size_bytes: int) -> None:
        try:
            with ExitStack() as stack:
                if held_one:
                    stack.enter_context(cache.lease(held_one, ready(lambda tell: Weight(15), 15), ignore))
                    both.wait(5)
                    assert has_asked.wait(5)
                stack.enter_context(cache.lease(wanted, ready(lambda tell: Weight(size_bytes), size_bytes), ignore))
            outcomes[name] = "loaded"
        except ModelTooLarge:
            outcomes[name] = "refused"

    holders = [threading.Thread(target=want, args=pair) for pair in (("one", "a", "c", 15), ("two", "b", "d", 15))]
    for thread in holders:
        thread.start()
    wait_until(lambda: len(cache.loaded()) == 2)
    bare = threading.Thread(target=want, args=("three", "", "e", 20))
    bare.start()
    wait_until(lambda: cache._residents._waiting)
    has_asked.set()
    for thread in (*holders, bare):
        thread.join(10)
    assert outcomes["three"] == "loaded"
    assert sorted((outcomes["one"], outcomes["two"])) == ["loaded", "refused"]


def test_a_pinned_model_stays_and_is_named_in_the_refusal():
    cache = bounded(30)
    pinned = use(cache, "pinned", 20)
    assert cache.pin("pinned", True) and not cache.pin("nothing", True)
    with pytest.raises(MemoryPinned, match="pinned") as caught, cache.lease("b", ready(lambda _: Weight(), 20), ignore):
        pass
    assert "pinned" in caught.value.say("zh") and not pinned.is_closed
    cache.unload_idle(0)
    cache.give_way(100)
    assert not pinned.is_closed and cache.loaded()[0].is_pinned
    cache.pin("pinned", False)
    use(cache, "b", 20)
    assert pinned.is_closed


def test_what_nobody_used_for_long_is_unloaded():
    clock = Clock()
    cache = bounded(100, clock)
    old = use(cache, "old")
    clock.now = 50
    young = use(cache, "young")
    clock.now = 70
    cache.unload_idle(60)
    assert old.is_closed and not young.is_closed


def test_another_process_gets_what_it_asks_for_and_no_more():
    clock = Clock()
    cache = bounded(100, clock)
    models = []
    for number in range(4):
        clock.now = number
        models.append(use(cache, str(number)))
    with cache.lease("0", ready(lambda tell: Weight()), ignore):
        cache.give_way(15)
        assert [model.is_closed for model in models] == [False, True, True, False]
        cache.give_way(1000)
        assert [row.key for row in cache.loaded()] == ["0"]


def test_working_memory_counts_while_somebody_works():
    cache = bounded(30)
    with cache.lease("a", ready(lambda tell: Weight(10), 10, 5), ignore):
        assert cache.loaded()[0].size_bytes == 15
    assert cache.loaded()[0].size_bytes == 10
    idle = use(cache, "b", 17)
    with cache.lease("a", ready(lambda tell: Weight()), ignore):
        assert idle.is_closed  # 15 + 17 is more than there is


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


def take(cache: ModelCache, key: str, prepare: Callable) -> None:
    with cache.lease(key, prepare, ignore):
        pass


# ── a GPU ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_of_a_gpu_waits_in_ram_and_comes_back():
    ram, told = OwnLedger(100), []
    cache = ModelCache(OwnLedger(30), "cuda", ram)
    a = use(cache, "a", 20)
    with cache.lease("b", ready(lambda tell: Weight(20), 20), told.append):
        assert a.moves == ["park"] and ram.most() == 100
        assert [(row.key, row.is_parked) for row in cache.loaded()] == [("a", True), ("b", False)]
    assert told[0].action == "parks" and told[0].other == "a" and told[0].seconds > 0
    again = ready(lambda tell: pytest.fail("it was loaded anew"), 20)
    with cache.lease("a", again, told.append) as model:
        assert model is a and a.moves == ["park", "unpark"] and not a.is_closed
        assert {row.key: row.is_parked for row in cache.loaded()} == {"a": False, "b": True}


def test_parked_models_go_when_ram_is_short_too():
    cache = ModelCache(OwnLedger(20), "cuda", OwnLedger(20))
    a, b, c = use(cache, "a", 20), use(cache, "b", 20), use(cache, "c", 20)
    assert (a.is_closed, b.is_closed, c.is_closed) == (True, False, False)
    assert {row.key: row.is_parked for row in cache.loaded()} == {"b": True, "c": False}


def test_a_model_that_cannot_be_moved_is_dropped():
    cache = ModelCache(OwnLedger(30), "cuda", OwnLedger(100))
    with cache.lease("a", ready(lambda tell: Weight(20, is_movable=False), 20), ignore) as a:
        pass
    b = use(cache, "b", 20)
    assert a.is_closed and not b.is_closed and [row.key for row in cache.loaded()] == ["b"]


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_many_threads_and_a_small_budget_keep_the_books():
    """None holds more than one model, so room always comes: nobody may be told that there is none."""
    for _ in range(3):
        cache, refused = bounded(25), []

        def work(number: int, cache: ModelCache = cache, refused: list = refused) -> None:
            try:
                for turn in range(6):
                    with cache.lease((number + turn) % 5, ready(lambda tell: Weight()), ignore) as model:
                        assert not model.is_closed
            except ModelTooLarge as error:
                refused.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert refused == [] and not any(thread.is_alive() for thread in threads)
        assert all(row.leases == 0 for row in cache.loaded())
        assert sum(row.size_bytes for row in cache.loaded()) <= 25


def test_who_waits_for_its_turn_to_load_is_waited_for():
    cache, told, at_turn, has_seen = bounded(30), [], threading.Event(), threading.Event()

    def queue() -> None:
        with (
            cache.lease("held", ready(lambda tell: Weight()), ignore),
            cache.lease("next", lambda tell: at_turn.set() or Prepared(Forecast(10), lambda tell: Weight()), ignore),
        ):
            assert has_seen.wait(5)

    def hear(event) -> None:
        told.append(event)
        if not has_seen.is_set():
            has_seen.set()
            cache._loading.release()  # the other one's turn

    use(cache, "held")
    cache._loading.acquire()  # somebody loads
    queueing = threading.Thread(target=queue)
    queueing.start()
    assert at_turn.wait(5)
    wait_until(lambda: any(row.name == "next" for row in cache._residents._ledger._taken.values()))

    with cache.lease("big", ready(lambda tell: Weight(20), 20), hear):
        pass
    queueing.join(5)
    assert told[0].action == "waits" and not queueing.is_alive()


def test_what_a_load_already_holds_is_waited_for():
    """By the measure alone there would never be room for the second: half of the first is there and booked nowhere."""
    cache = ModelCache(OwnLedger(100, lambda: 100 - held()))
    half, go, told = threading.Event(), threading.Event(), []

    def load(tell):
        part = Weight(30)
        half.set()
        assert go.wait(5)
        part.is_closed = True
        return Weight(60)

    loading = threading.Thread(target=take, args=(cache, "first", ready(load, 60)))
    loading.start()
    assert half.wait(5)

    def hear(event) -> None:
        told.append(event)
        go.set()

    with cache.lease("second", ready(lambda tell: Weight(90), 90), hear):
        loading.join(5)
    assert [event.action for event in told[:2]] == ["waits", "drops"]


def test_room_that_has_just_come_is_no_reason_to_refuse():
    """A lease ends between the look for what is idle and the look for what will end: another look is due."""
    cache = bounded(30)
    lease = cache.lease("at work", ready(lambda tell: Weight(20), 20), ignore)
    lease.__enter__()
    find, looks = cache._residents._one_goes, []

    def look(wanted_for, tell):
        found = find(wanted_for, tell)
        looks.append(found)
        if looks == [False]:
            ending = threading.Thread(target=lease.__exit__, args=(None, None, None))
            ending.start()
            ending.join(5)
        return found

    cache._residents._one_goes = look
    use(cache, "next", 20)
    assert looks[:2] == [False, True]

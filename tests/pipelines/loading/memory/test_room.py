"""Who goes from the model cache, who waits, and who is refused, so that everything fits."""

import threading
import time
from contextlib import ExitStack

import pytest

from pipelines.errors.memory import MemoryPinned, ModelTooLarge, OutOfMemory
from pipelines.loading.memory.cache import LoadCancelled, ModelCache, Prepared
from pipelines.loading.memory.forecast import Forecast
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.types.events import Loading, Plan, ignore
from tests.pipelines.loading.memory.weights import Clock, Weight, bounded, held, ready, take, use, wait_until

pytestmark = pytest.mark.usefixtures("all_weights")


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

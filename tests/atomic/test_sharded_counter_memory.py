"""ShardedCounter is freed: at once where one thread used it, by the collector where many did."""

import gc
import sys
import threading
import weakref

import pytest
from helpers import DEFERS, WATCHDOG, in_thread, run_threaded

from atomicpy import ShardedCounter


def test_freed_at_its_last_reference_where_one_thread_used_it():
    for uses in (lambda c: None, lambda c: c.inc(), lambda c: c.local().inc(), lambda c: (c.load(), c.drain())):
        counter = ShardedCounter()
        uses(counter)
        ref = weakref.ref(counter)
        del counter
        assert ref() is None


def test_freed_at_its_last_reference_in_a_thread_that_made_it():
    def body():
        counter = ShardedCounter()
        counter.inc()
        ref = weakref.ref(counter)
        del counter
        return ref()

    assert in_thread(body) is None


@pytest.mark.skipif(not DEFERS, reason="deferred reference counting is there on free-threaded 3.14 and later")
def test_counted_in_a_deferred_way_once_a_second_thread_has_used_it():
    counter = ShardedCounter()
    counter.inc()
    before = sys.getrefcount(counter)
    in_thread(counter.inc)
    # The interpreter marks a deferred count by a reference of its own, a huge one.
    assert sys.getrefcount(counter) > before + 2**20
    ref = weakref.ref(counter)
    del counter
    assert ref() is not None
    gc.collect()
    assert ref() is None


def test_freed_by_the_collector_at_the_latest_where_many_threads_used_it():
    counter = ShardedCounter()

    def body(me, counter=counter):
        for _ in range(1000):
            counter.inc()

    run_threaded(body, 4)
    del body
    ref, called = weakref.ref(counter), []
    # A callback that collects: the counter must not be found half gone.
    second = weakref.ref(counter, lambda _: called.append(gc.collect()))
    del counter
    gc.collect()
    assert ref() is None
    assert second() is None
    assert len(called) == 1


def test_a_counter_freed_before_its_threads_end_is_no_crash():
    def body(me):
        for _ in range(50):
            counter = counters[me]
            counter.inc()
            gate.wait(WATCHDOG)
            del counter
            if me == 0:
                counters[:] = [ShardedCounter()] * 4
                gc.collect()
            gate.wait(WATCHDOG)

    gate = threading.Barrier(4)
    counters = [ShardedCounter()] * 4
    run_threaded(body, 4)
    assert counters[0].load() == 0

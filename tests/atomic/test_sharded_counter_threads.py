"""ShardedCounter in many threads: counts exactly, drains exactly, forgets no thread."""

import contextlib
import sys
import threading

import pytest
from helpers import CAN_FORK, WATCHDOG, in_thread, run_program, run_threaded

from atomicpy import AtomicInt, ShardedCounter

TOP, BOTTOM = 2**63 - 1, -(2**63)


def cells(counter):
    """How many cells it has, of a cache line each."""
    line = 128 if sys.maxsize > 2**32 else 64
    extra = sys.getsizeof(counter) - sys.getsizeof(ShardedCounter())
    assert extra % line == 0
    return extra // line


@pytest.mark.parametrize("what", ["counter", "handle"])
def test_total_is_exact(what):
    counter = ShardedCounter(5)

    def body(me):
        c = counter.local() if what == "handle" else counter
        for _ in range(5000):
            c.inc()
            c += 3
            c.dec()
            c.sub(2)

    run_threaded(body, 8)
    assert counter.load() == 5 + 8 * 5000
    assert cells(counter) <= 9


def test_every_count_is_in_exactly_one_drain():
    counter, running = ShardedCounter(), AtomicInt(6)

    def body(me):
        if me < 6:
            c = counter.local() if me % 2 else counter
            for _ in range(20_000):
                c.inc()
            running.dec()
            return 0
        drained = 0
        while running.load():
            some = counter.drain()
            assert some >= 0
            assert counter.load() >= 0
            drained += some
        return drained

    assert sum(run_threaded(body, 8)) + counter.drain() == 6 * 20_000
    assert counter.load() == 0


def test_a_load_never_goes_back_nor_misses_what_was_counted_before():
    counter, done = ShardedCounter(), AtomicInt()

    def body(me):
        if me < 4:
            for _ in range(10_000):
                counter.inc()
                done.inc()
            return
        last = 0
        while last < 40_000:
            before = done.load()
            now = counter.load()
            assert now >= before
            assert now >= last
            last = now

    run_threaded(body, 6)


def test_overflow_of_a_cell_beside_loads_and_drains_is_exact():
    def body(me):
        drained = 0
        for _ in range(2000):
            for n in (TOP, TOP, BOTTOM, BOTTOM, 3):
                counter.add(n)
            with contextlib.suppress(OverflowError):  # the other threads may be in the middle of their five
                if me % 2:
                    drained += counter.drain()
                else:
                    counter.load()
        return drained

    counter = ShardedCounter()
    drained = sum(run_threaded(body, 4))
    assert drained + int(repr(counter)[15:-1]) == 4 * 2000 * (3 - 2)


def test_thousands_of_short_lived_threads_lose_nothing_and_share_the_cells():
    counter = ShardedCounter()

    def body(me):
        for _ in range(500):
            in_thread(counter.inc)

    run_threaded(body, 6)
    assert counter.load() == 3000
    # A thread that was joined has run to its end in Python; giving back its cell may still be before it.
    assert cells(counter) <= 64


def test_a_thread_that_dies_of_an_exception_keeps_its_counts():
    counter = ShardedCounter()

    def die():
        handle = counter.local()
        for _ in range(10):
            handle.inc()
            counter.inc()
        raise SystemExit

    for _ in range(20):
        with pytest.raises(SystemExit):
            in_thread(die)
    assert counter.load() == 400


def test_memory_is_bounded_by_the_threads_at_one_time_not_by_those_of_other_counters():
    counter, other = ShardedCounter(), ShardedCounter()

    def body(me):
        other.inc()
        gate.wait(WATCHDOG)
        if me == 7:
            counter.inc()
            counter.inc()
        gate.wait(WATCHDOG)

    gate = threading.Barrier(8)
    run_threaded(body, 8)
    assert (cells(other), cells(counter)) == (8, 1)


def test_many_counters_that_come_and_go_leave_each_other_alone():
    def body(me):
        for _ in range(20):
            mine = [ShardedCounter(i) for i in range(100)]
            for _ in range(3):
                for counter in (*mine, *shared):
                    counter.inc()
            assert [counter.load() for counter in mine] == [i + 3 for i in range(100)]

    shared = [ShardedCounter() for _ in range(50)]
    run_threaded(body, 6)
    assert [counter.load() for counter in shared] == [6 * 20 * 3] * 50


@pytest.mark.skipif(not CAN_FORK, reason="no os.fork() there")
def test_child_after_fork_goes_on_with_all_counts_and_the_cells_of_those_that_are_not_there():
    out = run_program(
        """
import os, signal, sys, threading
from atomicpy import ShardedCounter
counter, go_on = ShardedCounter(1), threading.Event()
gate = threading.Barrier(5)
def body():
    global stray
    stray = counter.local()
    stray.add(10)
    gate.wait(); go_on.wait()
threads = [threading.Thread(target=body, name="gone") for _ in range(4)]
for t in threads: t.start()
gate.wait()
counter.inc()
handle = counter.local()
size = sys.getsizeof(counter)
pid = os.fork()
if pid == 0:
    signal.alarm(200)   # a deadlock kills the child
    assert counter.load() == 42
    handle.inc(); counter.inc()
    try: stray.inc()
    except RuntimeError as error: assert "'gone'" in str(error)
    else: os._exit(2)
    for _ in range(4):
        t = threading.Thread(target=counter.inc); t.start(); t.join()
    assert counter.drain() == 48 and counter.load() == 0
    assert sys.getsizeof(counter) == size
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
go_on.set()
for t in threads: t.join()
print(status, counter.load())
""",
        options=("-W", "ignore::DeprecationWarning"),  # fork with threads: just what is tested
    )
    assert out.split() == ["0", "42"]


def test_threads_that_end_while_the_interpreter_does_are_no_crash():
    run_program(
        """
import threading, time
from atomicpy import ShardedCounter
counter = ShardedCounter()
def body():
    handle = counter.local()
    while True:
        counter.inc(); handle.inc(); ShardedCounter().inc()
for _ in range(4): threading.Thread(target=body, daemon=True).start()
while counter.load() < 1000: time.sleep(0.001)
"""
    )

"""ShardedCounter: counts exactly, drains exactly, forgets no thread, and is freed; and the handle of one thread."""

import contextlib
import copy
import gc
import operator
import pickle
import sys
import threading
import weakref

import pytest
from helpers import CAN_FORK, FREE_THREADED, run_program, run_threaded

from atomicpy import AtomicInt, ShardedCounter
from atomicpy.sharded_counter import LocalCounter

TOP, BOTTOM = 2**63 - 1, -(2**63)
DEFERS = FREE_THREADED and sys.version_info >= (3, 14)


def cells(counter):
    """How many cells it has, of a cache line each."""
    line = 128 if sys.maxsize > 2**32 else 64
    extra = sys.getsizeof(counter) - sys.getsizeof(ShardedCounter())
    assert extra % line == 0
    return extra // line


def in_thread(fn, *args):
    """Call fn in a new thread and wait for its end; return the result or raise what it raised."""
    result = []

    def body():
        try:
            result.append((fn(*args), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    [(value, error)] = result
    if error is not None:
        raise error
    return value


# ---- one thread --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["counter", "handle"])
def made(request):
    """(counter, what counts in it)"""
    counter = ShardedCounter(5)
    return counter, counter if request.param == "counter" else counter.local()


def test_counts_up_and_down_and_returns_nothing(made):
    counter, c = made
    assert (c.inc(), c.inc(), c.dec(), c.add(), c.add(10), c.sub(), c.sub(4)) == (None,) * 7
    assert counter.load() == 5 + 1 + 1 - 1 + 1 + 10 - 1 - 4


def test_inplace_operators_are_the_same_object(made):
    counter, c = made
    same = c
    c += 10
    c -= 3
    assert c is same
    assert counter.load() == 12


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.iand, operator.imul])
def test_what_would_be_a_split_step_is_no_operator(made, operation):
    with pytest.raises(TypeError):
        operation(made[1], 1)
    with pytest.raises(TypeError):
        1 + made[1]


@pytest.mark.parametrize("name", ["add", "sub", "__iadd__", "__isub__"])
@pytest.mark.parametrize(
    ("bad", "error"), [(1.0, TypeError), ("1", TypeError), (None, TypeError), (2**63, OverflowError),
                       (-(2**63) - 1, OverflowError), (2**5000, OverflowError)],
)  # fmt: skip
def test_bad_argument_is_an_error_that_names_it_and_changes_nothing(made, name, bad, error):
    counter, c = made
    with pytest.raises(error, match="ShardedCounter"):
        getattr(c, name)(bad)
    assert counter.load() == 5


@pytest.mark.parametrize("good", [True, type("Index", (), {"__index__": lambda self: 1})()])
def test_argument_is_anything_with_index(made, good):
    counter, c = made
    c.add(good)
    c += good
    assert counter.load() == 7


def test_start_value_has_the_range_of_a_signed_64_bit_integer():
    assert [ShardedCounter(n).load() for n in (BOTTOM, -1, 0, TOP)] == [BOTTOM, -1, 0, TOP]
    for bad in (BOTTOM - 1, TOP + 1):
        with pytest.raises(OverflowError, match="ShardedCounter"):
            ShardedCounter(bad)
    with pytest.raises(TypeError):
        ShardedCounter("1")


@pytest.mark.parametrize("n", [BOTTOM, BOTTOM + 1, -1, 0, 1, TOP])
def test_sum_is_never_wrapped(n):
    counter, exact = ShardedCounter(), 0
    for times in range(1, 6):
        for _ in range(times):
            counter.add(n)
            exact += n
        assert repr(counter) == f"ShardedCounter({exact})"
        if BOTTOM <= exact <= TOP:
            assert counter.load() == exact
        else:
            for read in (counter.load, counter.drain, lambda: int(counter), lambda: counter == 1, lambda: f"{counter}"):
                with pytest.raises(OverflowError, match=str(exact)):
                    read()
        for _ in range(times + 1):
            counter.sub(n)
            exact -= n
    counter = ShardedCounter(n)
    counter.sub(n)
    assert counter.drain() == 0


def test_drain_returns_the_value_and_leaves_zero():
    counter = ShardedCounter(5)
    counter.add(3)
    assert (counter.drain(), counter.load(), counter.drain()) == (8, 0, 0)
    counter.sub(2)
    assert (counter.drain(), counter.load()) == (-2, 0)
    # Beyond what one cell can hold in all, if never at one time.
    for _ in range(5):
        counter.add(TOP)
        assert counter.drain() == TOP


def test_reads_as_its_value():
    counter = ShardedCounter(7)
    assert (int(counter), float(counter), operator.index(counter), bool(counter)) == (7, 7.0, 7, True)
    assert (str(counter), f"{counter:03}", repr(counter)) == ("7", "007", "ShardedCounter(7)")
    assert counter == 7
    assert counter != 8
    assert counter < 7.5
    assert counter >= AtomicInt(7)
    assert not ShardedCounter()
    with pytest.raises(TypeError):
        hash(counter)


def test_copies_and_pickles_are_refused_with_the_reason(made):
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            copying(made[1])


def test_types_are_final_and_a_handle_comes_from_local_alone():
    for cls in (ShardedCounter, LocalCounter):
        with pytest.raises(TypeError):
            type("Sub", (cls,), {})
    with pytest.raises(TypeError, match=r"made by ShardedCounter.local\(\)"):
        LocalCounter()
    with pytest.raises(AttributeError):
        ShardedCounter().n = 1


# ---- many threads ------------------------------------------------------------------------------------------------


def test_total_is_exact(made):
    counter, _ = made
    handles = made[1] is not counter

    def body(me):
        nonlocal counter
        c = counter.local() if handles else counter
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
        gate.wait(60)
        if me == 7:
            counter.inc()
            counter.inc()
        gate.wait(60)

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
    signal.alarm(20)   # a deadlock kills the child
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


# ---- the handle --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["inc()", "dec()", "add(1)", "sub(1)", "__iadd__(1)", "__isub__(1)"])
def test_a_handle_in_another_thread_is_an_error_that_names_both(step):
    counter = ShardedCounter(5)
    handle = counter.local()

    def use():
        threading.current_thread().name = "the-other"
        counter.inc()
        eval(f"handle.{step}", {"handle": handle})

    with pytest.raises(RuntimeError, match=r"'MainThread' alone and was used in 'the-other': call local\(\)"):
        in_thread(use)
    # The system gives the identity of a thread that has ended to the next; a handle does not go with it.
    stray = in_thread(counter.local)
    for _ in range(20):
        with pytest.raises(RuntimeError, match="was used in"):
            in_thread(lambda: (counter.inc(), stray.inc()))
    assert counter.load() == 5 + 1 + 20


def test_a_handle_holds_its_counter_and_shows_it():
    counter = ShardedCounter(5)
    ref = weakref.ref(counter)
    handle = counter.local()
    assert repr(handle) == "<atomicpy.LocalCounter of ShardedCounter(5) for the thread 'MainThread'>"
    del counter
    gc.collect()
    handle.inc()
    assert ref().load() == 6
    del handle
    assert ref() is None


# ---- memory ------------------------------------------------------------------------------------------------------


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
    # How the interpreter says "deferred": it adds a reference of its own, and a huge one.
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
            gate.wait(60)
            del counter
            if me == 0:
                counters[:] = [ShardedCounter()] * 4
                gc.collect()
            gate.wait(60)

    gate = threading.Barrier(4)
    counters = [ShardedCounter()] * 4
    run_threaded(body, 4)
    assert counters[0].load() == 0

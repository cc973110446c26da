"""ShardedCounter and the handle of one thread: what each call does, takes and refuses."""

import copy
import gc
import operator
import pickle
import threading
import weakref

import pytest
from helpers import in_thread

from atomicpy import AtomicInt, ShardedCounter
from atomicpy.atomic.sharded_counter import LocalCounter

TOP, BOTTOM = 2**63 - 1, -(2**63)


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

"""wait, notify, notify_all of AtomicInt, AtomicUInt, AtomicBool: no wake-up is lost, no wait outstays its time."""

import time

import pytest
from helpers import join_threads, run_threaded, start_threads

from atomicpy import AtomicBool, AtomicInt, AtomicUInt

# type: two values, the first of which it waits on
TYPES = {AtomicInt: (-1, 5), AtomicUInt: (2**64 - 1, 5), AtomicBool: (False, True)}

types = pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)


@types
def test_returns_at_once_where_the_value_differs(cls):
    one, other = TYPES[cls]
    assert cls(one).wait(other) is True
    assert cls(one).wait(other, timeout=0) is True


@types
def test_notify_wakes_the_waiters_and_returns_how_many(cls):
    one, other = TYPES[cls]
    a = cls(one)
    assert (a.notify(), a.notify(5), a.notify_all()) == (0, 0, 0)
    waiters = start_threads(5, a.wait, one)
    time.sleep(0.2)  # they sleep by now
    a.store(other)
    woken = a.notify(2)
    assert woken <= 2
    woken += a.notify(0)
    woken += a.notify_all()
    assert woken <= 5
    join_threads(waiters)


@types
def test_a_wake_up_without_a_change_does_not_end_the_wait(cls):
    one, _ = TYPES[cls]
    a = cls(one)

    def body(me):
        if me == 0:
            return a.wait(one, 0.4)
        for _ in range(100):
            a.notify_all()
            time.sleep(0.002)
        return None

    assert run_threaded(body, 2)[0] is False


@types
@pytest.mark.parametrize(
    ("timeout", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (1e100, OverflowError), ("1", TypeError)],
)
def test_bad_timeout_is_an_error(cls, timeout, error):
    one, other = TYPES[cls]
    for expected in (one, other):
        with pytest.raises(error):
            cls(one).wait(expected, timeout)


@types
@pytest.mark.parametrize(("n", "error"), [(-1, ValueError), ("1", TypeError), (1.0, TypeError), (None, TypeError)])
def test_bad_number_of_waiters_is_an_error(cls, n, error):
    with pytest.raises(error):
        cls().notify(n)


@pytest.mark.parametrize(("cls", "bad"), [(AtomicInt, 2**63), (AtomicUInt, -1)])
def test_expected_value_out_of_range_is_an_error(cls, bad):
    with pytest.raises(OverflowError):
        cls().wait(bad)


def test_no_wake_up_is_lost_when_a_token_goes_round():
    token, threads, rounds = AtomicInt(), 4, 300

    def body(me):
        for _ in range(rounds):
            while (now := token.load()) % threads != me:
                token.wait(now)
            token.inc()
            token.notify_all()

    run_threaded(body, threads)
    assert token == threads * rounds


def test_one_notify_for_each_item_is_enough():
    items, taken = AtomicInt(), AtomicInt()

    def body(me):
        if me == 0:
            for _ in range(1500):
                items.inc()
                items.notify()
            return
        for _ in range(500):
            while True:
                now = items.load()
                if now and items.compare_exchange(now, now - 1):
                    taken.inc()
                    break
                if not now:
                    assert items.wait(0, 30)

    run_threaded(body, 4)
    assert (items, taken) == (0, 1500)

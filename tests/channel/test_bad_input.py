"""Invalid arguments, and valid ones that break careless code: finalizers, signal handlers, cycles, many waiters."""

import threading
import time

import pytest
from channels import Waiting
from helpers import run_threaded

from atomicpy import Channel, ChannelClosed, select

# ---- arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capacity", "error", "message"),
    [
        (-1, ValueError, r"capacity must be 0 \(a rendezvous\) or more, or None for no bound, not -1"),
        (-(2**63), ValueError, "not -9223372036854775808"),
        ("3", TypeError, "the capacity of a Channel needs an integer, not the str '3'"),
        (3.0, TypeError, r"needs an integer, not the float 3\.0"),
        ([], TypeError, "needs an integer, not the list"),
        (2**63, OverflowError, "capacity must be at most"),
        (-(2**63) - 1, ValueError, "not -9223372036854775809"),
        pytest.param(1 << 100_000, OverflowError, "an integer of 100001 bits", id="huge"),
    ],
)
def test_invalid_capacity(capacity, error, message):
    with pytest.raises(error, match=message):
        Channel(capacity)
    with pytest.raises(error, match=message):
        Channel(capacity=capacity)


def test_invalid_number_of_arguments():
    for call in (lambda: Channel(1, 2), lambda: Channel(size=1), lambda: Channel[int](1, 2)):
        with pytest.raises(TypeError):
            call()
    ch = Channel(5)
    for call in (ch.send, ch.asend, ch.try_send, lambda: ch.send(1, 1, 1), lambda: ch.recv(1, 1), lambda: ch.close(1),
                 lambda: ch.send(1, wait=1), lambda: ch.try_send(value=1), lambda: ch.try_recv(1),
                 lambda: ch.arecv(1), lambda: select(ch, wait=1)):  # fmt: skip
        with pytest.raises(TypeError):
            call()
    assert len(ch) == 0


@pytest.mark.parametrize("capacity", [2**62, 2**63 - 1])
def test_huge_capacity_takes_memory_for_its_values_alone(capacity):
    ch = Channel(capacity)
    assert ch.capacity == capacity
    for n in range(1000):
        ch.send(n)
    assert [ch.recv() for _ in range(1000)] == list(range(1000))


class Index:
    def __index__(self):
        return 2


def test_integer_of_another_type_is_a_capacity():
    assert Channel(Index()).capacity == 2


TIMEOUTS = [
    (-1, ValueError, "timeout must be a non-negative number of seconds, or None to wait for ever, not -1"),
    (-1e-9, ValueError, "not -1e-09"),
    (float("-inf"), ValueError, "not -inf"),
    (float("nan"), ValueError, "NaN"),
    (float("inf"), OverflowError, "too large"),
    pytest.param(10**400, OverflowError, "too large", id="huge"),
    (threading.TIMEOUT_MAX * 2, OverflowError, "too large"),
    ("1", TypeError, "timeout must be a number of seconds, not str"),
    (1j, TypeError, "not complex"),
    ([], TypeError, "not list"),
]


@pytest.mark.parametrize(("timeout", "error", "message"), TIMEOUTS)
@pytest.mark.parametrize("waits", [False, True])
def test_invalid_timeout_raises_whether_the_operation_would_wait_or_not(timeout, error, message, waits):
    empty, full = Channel(1), Channel(1)
    full.send("a")
    receive, send = (empty, full) if waits else (full, empty)
    for call in (
        lambda: receive.recv(timeout),
        lambda: send.send("b", timeout),
        lambda: select(receive, timeout=timeout),
        lambda: select((send, "b"), None, timeout=timeout),
        lambda: select(timeout=timeout),
    ):
        with pytest.raises(error, match=message):
            call()
    assert (len(empty), len(full)) == (0, 1)


def test_longest_timeout_is_accepted():
    ch = Channel(1)
    ch.send("a", timeout=threading.TIMEOUT_MAX)
    assert ch.recv(timeout=threading.TIMEOUT_MAX) == "a"
    receiver = Waiting(ch.recv, threading.TIMEOUT_MAX)
    assert receiver.waits
    ch.send("b")
    assert receiver.result == "b"


@pytest.mark.parametrize(
    "case",
    [1, "ab", [], {}, Channel, (), (1,), (Channel(1),), (Channel(1), 1, 2), (1, Channel(1)), (None, 1), [Channel(1), 1],
     threading.Event()],
    ids=lambda case: type(case).__name__,
)  # fmt: skip
@pytest.mark.parametrize("others", [0, 2, 10])
def test_what_is_no_case_of_select_is_refused_before_anything_is_done(case, others):
    ready = Channel(1)
    ready.send("a")
    for timeout in (None, 0):
        with pytest.raises(TypeError, match=r"a case of select\(\) is a Channel, to receive, or \(Channel, value\)"):
            select(*[ready] * others, case, timeout=timeout)
        with pytest.raises(TypeError, match="a case of select"):
            select(case, *[ready] * others, timeout=timeout)
    assert len(ready) == 1


def test_error_of_select_shows_a_large_case_in_short():
    with pytest.raises(TypeError) as caught:
        select(["x" * 10_000] * 1000)
    assert len(str(caught.value)) < 500


def test_case_whose_repr_raises():
    class Bad:
        def __repr__(self):
            raise ZeroDivisionError

    with pytest.raises((TypeError, ZeroDivisionError)):
        select(Bad())


# ---- close by another thread ------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [0, 1, 3, None])
def test_sends_to_a_channel_that_another_thread_closes_are_done_or_raise(capacity):
    for _ in range(60):
        ch, received = Channel(capacity), []

        def body(me, ch=ch, received=received):
            if me == 0:
                received.extend(ch)
                return []
            if me == 1:
                for _ in range(3):
                    time.sleep(0)
                ch.close()
                return []
            sent = []
            try:
                for n in range(1000):
                    ch.send((me, n))
                    sent.append((me, n))
            except ChannelClosed:
                pass
            return sent

        sent = [value for part in run_threaded(body, 4) for value in part]
        assert sorted(received) == sorted(sent)

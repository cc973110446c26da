"""select: one of several sends and receives is done, or none."""

import gc
import sys
import weakref
from collections import Counter

import pytest
from channels import Waiting, eventually
from helpers import join_threads, run_threaded, start_threads, wait_until

from atomicpy import Channel, ChannelClosed, after, select

MANY = 100  # more cases than select() has room for on its stack


def full(capacity=1):
    ch = Channel(capacity)
    for _ in range(capacity):
        ch.send("old")
    return ch


def ready(value="a"):
    ch = Channel(1)
    ch.send(value)
    return ch


# ---- the result -------------------------------------------------------------------------------------------------


def test_receive_that_is_ready():
    assert select(ready("a")) == (0, "a", True)
    assert select(Channel(), ready("a")) == (1, "a", True)
    assert select(None, ready(None)) == (1, None, True)


def test_send_that_is_ready():
    ch = Channel(1)
    assert select(Channel(), (ch, "a")) == (1, None, True)
    assert ch.recv() == "a"


def test_tuple_is_a_value_and_a_channel_is_a_value():
    ch = Channel(2)
    select((ch, (ch, 1)))
    select((ch, ch))
    assert [ch.recv(), ch.recv()] == [(ch, 1), ch]


def test_closed_channel_is_ready_to_receive():
    ch = ready()
    ch.close()
    assert select(ch) == (0, "a", True)
    assert select(Channel(), ch) == (1, None, False)
    assert select(ch, timeout=0) == (0, None, False)


@pytest.mark.parametrize("capacity", [0, 1, None])
def test_send_to_a_closed_channel_raises(capacity):
    ch = Channel(capacity)
    ch.close()
    for timeout in (None, 0, 1):
        with pytest.raises(ChannelClosed, match="send to a closed channel"):
            select(Channel(), (ch, "a"), timeout=timeout)


@pytest.mark.parametrize("timeout", [0, 0.0, 0.01, 0.06])
def test_timeout_returns_and_does_nothing(timeout):
    inbox, outbox = Channel(), full()
    assert select(inbox, (outbox, "new"), timeout=timeout) == (-1, None, False)
    assert [outbox.recv(), outbox.try_recv(), inbox.try_recv()] == ["old", (None, False), (None, False)]
    assert inbox.try_send("a") is False


def test_case_of_none_is_never_ready():
    assert select(None, None, timeout=0.01) == (-1, None, False)
    assert select(None, ready(), None) == (1, "a", True)


def test_select_of_nothing_needs_a_timeout():
    with pytest.raises(ValueError, match="would wait for ever"):
        select()
    with pytest.raises(ValueError, match="would wait for ever"):
        select(timeout=None)
    assert select(timeout=0) == (-1, None, False)
    assert select(timeout=0.01) == (-1, None, False)


@pytest.mark.parametrize("n", [2, 7, 8, 9, MANY])
def test_index_is_the_position_of_the_case(n):
    for at in range(n):
        cases = [Channel() for _ in range(n)]
        cases[at] = ready(at)
        assert select(*cases) == (at, at, True)
        cases[at] = (Channel(1), at)
        assert select(*cases, timeout=0) == (at, None, True)


# ---- waiting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("timeout", [None, 100])
def test_waiting_select_is_ended_by_a_send_by_a_receive_and_by_a_close(n, timeout):
    for at in {0, n // 2, n - 1}:
        channels = [Channel() for _ in range(n)]
        sends = [(ch, "b") for ch in channels]
        receiver = Waiting(lambda channels=channels: select(*channels, timeout=timeout))
        assert receiver.waits
        channels[at].send("a")
        assert receiver.result == (at, "a", True)
        sender = Waiting(lambda sends=sends: select(*sends, timeout=timeout))
        assert sender.waits
        assert channels[at].recv() == "b"
        assert sender.result == (at, None, True)
        receiver = Waiting(lambda channels=channels: select(*channels, timeout=timeout))
        assert receiver.waits
        channels[at].close()
        assert receiver.result == (at, None, False)


def test_select_to_send_and_select_to_receive_meet():
    channels = [Channel() for _ in range(3)]
    (receiver, value, ok), sent = run_threaded(
        lambda me: select(*((ch, at) for at, ch in enumerate(channels))) if me else select(*channels), 2
    )
    assert ok
    assert value == receiver
    assert sent == (receiver, None, True)


def test_close_ends_a_select_that_waits_to_send():
    ch, other = Channel(), Channel()
    sender = Waiting(lambda: select((ch, "a"), (other, "b")))
    assert sender.waits
    other.close()
    assert isinstance(sender.result, ChannelClosed)
    assert ch.try_recv() == (None, False)


def test_only_one_of_several_cases_is_done():
    a, b = Channel(1), Channel(1)
    for _ in range(200):
        index, _, ok = select((a, "a"), (b, "b"))
        assert ok
        assert (len(a), len(b)) == ((1, 0) if index == 0 else (0, 1))
        assert select(a, b)[:2] == (index, "ab"[index])


def test_cases_that_were_not_chosen_leave_their_channels():
    """A later send does not find the receiver of an ended select, nor a later receive its value."""
    chosen, left = Channel(), Channel()
    receiver = Waiting(select, chosen, left)
    chosen.send("a")
    assert receiver.result == (0, "a", True)
    assert left.try_send("lost") is False
    sender = Waiting(select, (chosen, "b"), (left, "lost"))
    assert chosen.recv() == "b"
    assert sender.result == (0, None, True)
    assert left.try_recv() == (None, False)


def test_waiters_of_one_channel_are_served_in_order_whether_they_select_or_receive():
    def attempt(pause):
        ch, other, received = Channel(), Channel(), [None] * 4
        ways = [ch.recv, lambda: select(other, ch)[1], lambda: select(ch, other)[1], ch.recv]
        threads = []
        for me, way in enumerate(ways):
            threads += start_threads(1, lambda me=me, way=way: received.__setitem__(me, way()))
            pause()
        for n in range(4):
            ch.send(n)
        join_threads(threads)
        return received == [0, 1, 2, 3]

    assert eventually(attempt)


# ---- the same channel twice -------------------------------------------------------------------------------------


def test_select_does_not_meet_itself():
    ch = Channel()
    assert select(ch, (ch, "a"), timeout=0.01) == (-1, None, False)
    assert select((ch, "a"), ch, timeout=0) == (-1, None, False)
    waiting = Waiting(select, ch, (ch, "a"))
    assert waiting.waits
    ch.send("b")
    assert waiting.result == (0, "b", True)
    waiting = Waiting(select, (ch, "a"), ch)
    assert ch.recv() == "a"
    assert waiting.result == (0, None, True)


def test_two_selects_that_each_send_and_receive_on_one_channel_meet():
    ch = Channel()
    results = run_threaded(lambda me: select(ch, (ch, me)), 2)
    assert sorted(results) in ([(0, 0, True), (1, None, True)], [(0, 1, True), (1, None, True)])


def test_one_channel_in_several_cases():
    ch = ready("a")
    assert select(ch, ch, ch)[1:] == ("a", True)
    receiver = Waiting(select, ch, ch, ch)
    assert receiver.waits
    ch.close()
    assert receiver.result[1:] == (None, False)
    ch = Channel()
    sender = Waiting(select, (ch, "a"), (ch, "b"))
    wait_until(lambda: not sender.waits or ch.try_recv()[1])
    assert sender.result[1:] == (None, True)
    assert ch.try_recv() == (None, False)


# ---- fairness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", ["rr", "ss", "rs", "rrrr", "rcsr"])
def test_each_ready_case_is_chosen_with_equal_chance(kinds):
    """r receives, s sends, c receives from a closed channel. The bound is 8 standard deviations: 1 run in 10**15."""
    channels, counts, n = [ready() for _ in kinds], Counter(), 4000
    for ch, kind in zip(channels, kinds, strict=True):
        if kind != "r":
            ch.recv()
        if kind == "c":
            ch.close()
    for _ in range(n):
        index, value, _ = select(*((ch, "a") if kind == "s" else ch for ch, kind in zip(channels, kinds, strict=True)))
        counts[index] += 1
        if kinds[index] == "r":
            channels[index].send(value)
        elif kinds[index] == "s":
            channels[index].recv()
    p = 1 / len(kinds)
    assert all(abs(counts[i] - n * p) < 8 * (n * p * (1 - p)) ** 0.5 for i in range(len(kinds))), counts


def test_case_that_is_not_ready_does_not_change_the_chances_of_the_others():
    a, b, counts, n = Channel(None), Channel(None), Counter(), 4000
    for _ in range(n):
        a.send("a"), b.send("b")
    for _ in range(n):
        counts[select(Channel(), a, None, b, Channel())[1]] += 1
    assert abs(counts["a"] - n / 2) < 8 * (n / 4) ** 0.5, counts


# ---- references -------------------------------------------------------------------------------------------------


class Thing:
    """An object that weak references can refer to."""


@pytest.mark.parametrize("n", [2, MANY])
def test_values_of_cases_that_were_not_chosen_are_released(n):
    thing = Thing()
    before = sys.getrefcount(thing)
    cases = [(full(), thing) for _ in range(n)]
    assert select(*cases, timeout=0)[0] == -1
    assert select(*cases, timeout=0.01)[0] == -1
    assert select(*cases, ready())[0] == n
    closed = Channel()
    closed.close()
    with pytest.raises(ChannelClosed):
        select(*cases, (closed, thing))
    with pytest.raises(TypeError):
        select(*cases, (closed, thing), 1)
    del cases
    gc.collect()
    assert sys.getrefcount(thing) == before


def test_select_keeps_its_channels_while_it_waits():
    ch = Channel()
    ref = weakref.ref(ch)
    receiver = Waiting(lambda: select(Channel(), ref(), timeout=0.05))
    del ch
    gc.collect()
    assert receiver.result == (-1, None, False)
    del receiver
    wait_until(lambda: gc.collect() >= 0 and ref() is None)


def test_function_has_a_name_a_signature_and_documentation():
    assert select.__name__ == "select"
    assert select.__module__ == "atomicpy"
    assert "one of several sends and receives" in select.__doc__


# ---- threads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacities", [(0, 0), (1, 3), (0, 2, None, 1)])
def test_selects_in_both_directions_lose_and_repeat_no_value(capacities):
    channels, each, senders = [Channel(capacity) for capacity in capacities], 500, 3

    def body(me):
        if me < senders:
            for n in range(each):
                select(*((ch, (me, n)) for ch in channels))
            return []
        return [select(*channels, after(200))[1] for _ in range(each)]

    parts = run_threaded(body, 2 * senders)
    received = sorted(value for part in parts for value in part)
    assert received == [(me, n) for me in range(senders) for n in range(each)]
    assert not any(map(len, channels))

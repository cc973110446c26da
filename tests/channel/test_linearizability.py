"""Concurrent histories of a channel are linearizable: a queue with a capacity explains each result.

A receive from a closed channel and a send to one raise `ChannelClosed`. A send or a receive that waits has a timeout,
so that no round hangs. It may time out only if its model waits, at some time during the call.

With capacity 0 a value passes from a send to a receive in one step, and a queue does not model that. There, what each
call may return is checked by test_interleavings_channel.py; here the values are.
"""

import itertools
import os
import random
import time
from collections.abc import Iterator

import pytest
from linearizability import Call, Plan, linearize, record, show

from atomicpy import Channel, ChannelClosed, select

SEED = int(os.environ.get("ATOMICPY_SEED") or time.time_ns())

CALLS, ROUNDS = 5, 300
THREADS = [3, pytest.param(4, marks=pytest.mark.slow)]


# ---- the model ---------------------------------------------------------------------------------------------------


def model(capacity):
    """A step of (values, closed). Each send has its value; each result is compared with that of the channel."""

    def step(state, name, arguments):
        values, closed = state
        has_room = capacity is None or len(values) < capacity
        if name in ("send", "try_send"):
            if closed:
                return state, ChannelClosed
            if not has_room:
                return state, TimeoutError if name == "send" else False
            return ((*values, *arguments), closed), None if name == "send" else True
        if name in ("recv", "try_recv"):
            if values:
                return (values[1:], closed), values[0] if name == "recv" else (values[0], True)
            if closed:
                return state, ChannelClosed
            return state, TimeoutError if name == "recv" else (None, False)
        if name == "close":
            return (values, True), None
        return state, {"len": len(values), "closed": closed}[name]

    return step


def calls_of(ch, timeout):
    return {
        "send": lambda value: ch.send(value, timeout=timeout),
        "recv": lambda: ch.recv(timeout=timeout),
        "try_send": ch.try_send,
        "try_recv": ch.try_recv,
        "close": ch.close,
        "len": lambda: len(ch),
        "closed": lambda: ch.closed,
        # The model does not know select: it is a send or a receive with another result.
        "select_send": lambda value: expect(select((ch, value), None, timeout=timeout), sends=True),
        "select_recv": lambda: expect(select(None, ch, timeout=timeout), sends=False),
    }


def expect(result, sends):
    index, value, ok = result
    if index == -1:
        raise TimeoutError
    if not ok:
        raise ChannelClosed
    return None if sends else value


NAMES = ["send", "recv", "try_send", "try_recv", "select_send", "select_recv", "len", "closed"]


def plans(rng, capacity, threads, closes) -> Iterator[list[Plan]]:
    """Random rounds without end, each on a new channel, with a timeout that may let another thread run."""
    while True:
        calls = calls_of(Channel(capacity), rng.choice([0, 0.0001, 0.001, 0.01]))
        values = itertools.count(1)
        names = rng.sample(NAMES, rng.randint(3, 6))
        at = rng.randrange(threads * CALLS) if closes else -1
        yield [
            [
                (
                    name.removeprefix("select_"),
                    arguments,
                    lambda call=calls[name], arguments=arguments: call(*arguments),
                )
                for i in range(CALLS)
                for name in ["close" if at == me * CALLS + i else rng.choice(names)]
                for arguments in [(next(values),) if "send" in name else ()]
            ]
            for me in range(threads)
        ]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("closes", [False, True], ids=["open", "closed meanwhile"])
@pytest.mark.parametrize("capacity", [1, 2, 5, None])
def test_every_history_is_linearizable(capacity, closes, threads):
    rng = random.Random(f"{SEED} {capacity} {closes} {threads}")
    endless = plans(rng, capacity, threads, closes)
    for history in record(itertools.islice(endless, ROUNDS), threads, seconds=1.0):
        assert linearize(history, ((), False), model(capacity)), f"seed {SEED}\n{show(history)}"


# ---- a rendezvous: what a queue cannot model ---------------------------------------------------------------------


def check_rendezvous(history):
    """Each value that was sent is received once, by a call that overlaps the send; no other value is received."""
    sent = {call.arguments[0]: call for call in history if "send" in call.name and call.result in (None, True)}
    received = {}
    for call in history:
        if "recv" in call.name and not isinstance(call.result, type) and call.result != (None, False):
            value = call.result if call.name == "recv" else call.result[0]
            assert value not in received, "received twice"
            received[value] = call
    assert sent.keys() == received.keys()
    for value, send in sent.items():
        assert send.start < received[value].end, "received before it was sent"
        assert received[value].start < send.end, "sent before a receiver was there"
    # A send that ends before another begins passed its value first. So its receive cannot begin after the other's end.
    for one, other in itertools.permutations(sent, 2):
        if sent[one].end < sent[other].start:
            assert received[one].start < received[other].end, "not first in, first out"
    ended = [call.end for call in history if call.name == "close"]
    for call in history:
        if call.result is ChannelClosed:
            assert any(other.start < call.end for other in history if other.name == "close")
        elif ended and call.name not in ("close", "len", "closed"):
            assert call.start < min(ended), "done on a closed channel"


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("closes", [False, True], ids=["open", "closed meanwhile"])
def test_every_history_of_a_rendezvous_passes_each_value_once(closes, threads):
    rng = random.Random(f"{SEED} 0 {closes} {threads}")
    for history in record(itertools.islice(plans(rng, 0, threads, closes), ROUNDS), threads, seconds=1.0):
        try:
            check_rendezvous(history)
        except AssertionError as error:
            pytest.fail(f"{error}; seed {SEED}\n{show(history)}")


# ---- the model rejects what cannot be ----------------------------------------------------------------------------


def calls(*rows) -> list[Call]:
    return [Call(*row) for row in rows]


IMPOSSIBLE = {
    "a lost value": calls((0, "send", (1,), None, 0, 1), (1, "try_recv", (), (None, False), 2, 3)),
    "a value twice": calls(
        (0, "send", (1,), None, 0, 9), (1, "recv", (), 1, 1, 2), (2, "recv", (), 1, 3, 4), (1, "len", (), 0, 10, 11)
    ),
    "the second value first": calls(
        (0, "send", (1,), None, 0, 1), (0, "send", (2,), None, 2, 3), (1, "recv", (), 2, 4, 5), (1, "recv", (), 1, 6, 7)
    ),
    "more values than the capacity": calls(*((0, "send", (i,), None, 2 * i, 2 * i + 1) for i in range(3))),
    "a receive after close that left a value": calls(
        (0, "send", (1,), None, 0, 1), (0, "close", (), None, 2, 3), (1, "recv", (), ChannelClosed, 4, 5)
    ),
    "a send after close": calls((0, "close", (), None, 0, 1), (1, "try_send", (1,), True, 2, 3)),
    "a timed-out send that was done": calls((0, "send", (1,), TimeoutError, 0, 3), (1, "recv", (), 1, 1, 4)),
    "empty after close": calls((0, "close", (), None, 0, 1), (1, "try_recv", (), (None, False), 2, 3)),
    "a timeout beside room": calls((0, "send", (1,), TimeoutError, 0, 1)),
}


@pytest.mark.parametrize("history", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_history_that_cannot_be_is_rejected(history):
    assert linearize(history, ((), False), model(2)) is None

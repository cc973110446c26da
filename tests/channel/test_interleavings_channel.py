"""Channels and select in every interleaving of a few threads. The search finds the broken variants.

channel_steps.py has the steps of a thread. Its check_invariants, after each step: no more values than the capacity, and
invariant 1 of ap_channel.h. When all threads are done: what was sent equals what was received plus what is left.
"""

import pytest
from channel_states import channels, close, receive, select, send
from channel_steps import thread
from interleavings import InterleavingError, explore

# A list of threads, each a list of operations. No operation of them waits for ever, whatever the order.
TIMED = {"times_out": True}
ANY_CAPACITY = {
    "two senders, one receiver": [[send(1)], [send(2)], [receive(), receive()]],
    "one sender, two receivers": [[send(1), send(2)], [receive()], [receive()]],
    "senders and a receiver that time out": [
        [send(1, **TIMED), send(2, **TIMED)],
        [send(3, **TIMED)],
        [receive(**TIMED), receive(**TIMED), receive(**TIMED)],
    ],
    "a sender and receivers that time out": [
        [send(1, **TIMED), send(2, **TIMED), send(3, **TIMED)],
        [receive(**TIMED), receive(**TIMED)],
        [receive(**TIMED)],
    ],
    "two waiters look for signals": [[send(1, looks=1)], [send(2, looks=1)], [receive(looks=1), receive(looks=1)]],
    "two receivers look for signals": [[receive(looks=2)], [receive(looks=1)], [send(1), send(2)]],
    "operations that do not wait": [
        [send(1, tries=True), send(2, tries=True)],
        [receive(tries=True), receive(**TIMED)],
        [receive(tries=True), send(3, **TIMED)],
    ],
    "close beside senders": [[send(1), send(2)], [send(3, **TIMED)], [close()]],
    "close beside receivers": [[receive(), receive(**TIMED)], [receive()], [close()]],
    "close beside both": [[send(1), send(2)], [receive(), receive(tries=True)], [close(), receive()]],
    "close twice, beside a receiver": [[receive()], [receive(**TIMED), close()], [close(), send(1)]],
    "close beside operations that do not wait": [
        [send(1, tries=True), send(2, tries=True)],
        [receive(**TIMED), receive(tries=True)],
        [close()],
    ],
    "a callback that can never run": [[receive(lost=True)], [receive(**TIMED)], [send(1, **TIMED), send(2, **TIMED)]],
}
SELECTS = {
    "one select, two senders": [
        [select(receive(0), receive(1), **TIMED)],
        [send(1, 0, **TIMED)],
        [send(2, 1, **TIMED)],
    ],
    "one select, two receivers": [
        [select(send(1, 0), send(2, 1), **TIMED)],
        [receive(0, **TIMED)],
        [receive(1, **TIMED)],
    ],
    "a select that waits for either of two senders": [
        [select(receive(0), receive(1)), select(receive(1), receive(0))],
        [send(1, 0)],
        [send(2, 1)],
    ],
    "two selects that face each other": [
        [select(send(1, 0), receive(1), **TIMED), select(receive(0), receive(1), **TIMED)],
        [select(send(2, 1), receive(0), **TIMED), select(receive(1), receive(0), **TIMED)],
    ],
    "two selects that face each other, and a sender": [
        [select(receive(1), send(1, 0), **TIMED)],
        [select(receive(0), send(2, 1), **TIMED)],
        [send(3, 1, **TIMED)],
    ],
    "three selects": [
        [select(send(1, 0), receive(1), **TIMED)],
        [select(send(2, 1), receive(0), **TIMED)],
        [select(receive(1), receive(0), **TIMED)],
    ],
    "a channel twice in one select": [
        [select(send(1, 0), receive(0), **TIMED), select(receive(1), receive(1), **TIMED)],
        [select(send(2, 0), receive(0), **TIMED)],
        [send(3, 1, **TIMED)],
    ],
    "selects that look for signals": [
        [select(receive(0), receive(1), looks=1, **TIMED)],
        [select(receive(0), send(1, 1), looks=1, **TIMED)],
        [send(2, 0, **TIMED), send(3, 1, tries=True)],
    ],
    "selects beside close": [
        [select(receive(0), send(1, 1))],
        [select(send(2, 0), receive(1), **TIMED)],
        [close(0), close(1)],
    ],
    "a channel that is closed, twice in one select": [[select(send(1), receive())], [receive(1, **TIMED)], [close()]],
    "a callback that can never run": [
        [receive(0, lost=True)],
        [select(receive(1), send(1, 0), **TIMED)],
        [send(2, 1, **TIMED)],
    ],
}


def explored(operations, *capacities, **variant):
    programs = [thread(*of_thread, **variant) for of_thread in operations]
    return explore(channels(*capacities, threads=len(programs)), programs)


@pytest.mark.parametrize("capacity", [0, 1, 2])
@pytest.mark.parametrize("operations", ANY_CAPACITY.values(), ids=ANY_CAPACITY)
def test_a_channel_hands_each_value_over_once(operations, capacity):
    assert explored(operations, capacity) > 50


@pytest.mark.parametrize("capacities", [(0, 0), (0, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("operations", SELECTS.values(), ids=SELECTS)
def test_a_select_does_one_case(operations, capacities):
    assert explored(operations, *capacities) > 20


# ---- broken variants: the search finds each ----------------------------------------------------------------------

RACING = [[send(1, **TIMED)], [receive(**TIMED)], [receive(**TIMED)]]
PAIR = [[send(1, **TIMED), send(2, **TIMED)], [receive(tries=True)]]
FACING = [
    [select(send(1, 0), receive(1), **TIMED)],
    [select(send(2, 1), receive(0), **TIMED)],
]
LOST = "a value is lost|received, and not sent|without a value|memory is gone|woken twice"
TWO_SENDERS = SELECTS["one select, two senders"]
FULL = [[send(1), send(2)], [send(3)], [receive(), receive(), receive()]]
CLOSING = [[receive()], [receive()], [close()]]
LOOKING = [[send(1, looks=1)], [send(2, looks=1)], [receive(), receive()]]


@pytest.mark.parametrize(
    ("broken", "operations", "capacities", "what"),
    [
        ("withdraws without a compare", RACING, (0,), LOST),
        ("withdraws without dequeuing", RACING, (0,), "memory is gone"),
        ("returns before it is woken", PAIR, (0,), "memory is gone"),
        ("chooses without a compare", RACING, (0,), LOST),
        ("chooses without a compare", TWO_SENDERS, (0, 0), LOST),
        ("wakes before it dequeues", PAIR, (0,), "memory is gone"),
        ("a chosen select leaves its other cases", TWO_SENDERS, (0, 0), "memory is gone"),
        ("a select enqueues after the unlock", TWO_SENDERS, (0, 0), "wait|no thread can go on"),
        ("a select locks in the order of its arguments", FACING, (0, 0), "no thread can go on"),
        ("a receive leaves the sender of a full buffer", FULL, (1,), "waits beside room|no thread can go on"),
        ("a receive takes the sender's value before the buffer's", FULL, (1,), "not first in, first out"),
        ("a send ignores the receivers", RACING, (0,), "a receiver and a sender wait"),
        ("a send ignores the receivers", RACING, (1,), "a receiver waits beside a value"),
        ("a close wakes one waiter", CLOSING, (0,), "on a closed channel|no thread can go on"),
        ("a close forgets the senders", ANY_CAPACITY["close beside senders"], (0,), "on a closed channel"),
        ("a close reads the next case after the wake-up", CLOSING, (0,), "memory is gone"),
        ("a waiter that comes back gets a new ticket", LOOKING, (0,), "overtook a waiter"),
        ("looks at closed first", [[send(1, tries=True)], [receive()], [close()]], (0,), "would block at no time"),
        (
            "a send ends although the receiver is lost",
            ANY_CAPACITY["a callback that can never run"],
            (0,),
            "a value is lost",
        ),
    ],
)
def test_a_broken_channel_is_found(broken, operations, capacities, what):
    with pytest.raises(InterleavingError, match=what):
        explored(operations, *capacities, broken=broken)


# Without the invariants, where the search finds what the error leads to.
@pytest.mark.parametrize(
    ("broken", "operations", "capacities"),
    [
        ("a select enqueues after the unlock", [[select(receive(0), receive(1))], [send(1, 0)]], (0, 0)),
        ("a receive leaves the sender of a full buffer", [[send(1), send(2)], [receive()]], (1,)),
        ("a send ignores the receivers", [[send(1)], [receive()]], (0,)),
        ("a close wakes one waiter", CLOSING, (0,)),
        ("a close forgets the senders", [[send(1)], [send(2)], [close()]], (0,)),
    ],
)
def test_a_wake_up_that_a_broken_channel_loses_is_found(broken, operations, capacities):
    with pytest.raises(InterleavingError, match="no thread can go on"):
        explored(operations, *capacities, broken=broken, check=None)

"""The state of a few channels for the exhaustive search, what the threads do there, and what is checked.

channel_steps.py has the steps of a thread. A waiter is a pair of a thread and the number of its operation. Each value
is sent by one operation. "Live" is defined in ap_select.h.
"""

from typing import NamedTuple

from interleavings import DONE

WITHDRAWN, CLOSED = "withdrawn", "closed"


class Case(NamedTuple):
    channel: int
    value: int | None = None  # None: a receive


class Operation(NamedTuple):
    cases: tuple[Case, ...]
    times_out: bool = False  # at any time
    looks: int = 0  # how often it withdraws and comes back, as to look for signals
    tries: bool = False  # it does not wait
    closes: int | None = None  # a channel
    lost: bool = False  # a callback that can never run: `wake` returns false


class Queued(NamedTuple):
    ticket: int
    arrived: int  # the ticket that it should have
    waiter: tuple[int, int]
    index: int  # of the case
    value: int | None


class Local(NamedTuple):
    """What a thread knows of its operation."""

    operation: int = 0
    steps: int = 0  # of those that a loop has done: channels locked, cases dequeued
    index: int | None = None  # the case that it does
    other: Queued | None = None  # whom it chooses
    woken: tuple = ()  # the waiters that it has to wake
    tickets: tuple = ()
    arrived: tuple = ()
    looks: int = 0
    looking: Case | None = None  # what it looks at without the lock


def send(value, channel=0, **how):
    return Operation((Case(channel, value),), **how)


def receive(channel=0, **how):
    return Operation((Case(channel),), **how)


def select(*operations, **how):
    return Operation(tuple(operation.cases[0] for operation in operations), **how)


def close(channel=0):
    return Operation((), closes=channel)


def channels(*capacities, threads=3):
    """The state. `sent`, `received`, `refused`: the values of operations that have returned. `order`: the values that
    were sent and not received."""
    state = {"capacities": capacities, "tickets": 0, "memory": frozenset(), "woken": frozenset(), "lost": frozenset()}
    state |= {outcome: frozenset() for outcome in ("sent", "received", "refused")}
    for ch in range(len(capacities)):
        state |= {("lock", ch): None, ("buffer", ch): (), ("closed", ch): False, ("order", ch): ()}
        state |= {("receivers", ch): (), ("senders", ch): ()}
    for me in range(threads):
        state |= {("local", me): Local(), ("chosen", me): None, ("result", me): None, ("may block", me): False}
    return state


# ---- a queue, with the lock held -------------------------------------------------------------------------------


def touch(s, waiter):
    assert waiter in s["memory"], "touched a waiter whose memory is gone"


def is_live(s, queued):
    return queued.waiter in s["memory"] and s["chosen", queued.waiter[0]] is None


def first_live(s, queue):
    while s[queue]:
        touch(s, s[queue][0].waiter)
        if is_live(s, s[queue][0]):
            return s[queue][0]
        s[queue] = s[queue][1:]
    return None


def dequeue(s, queue, queued):
    touch(s, queued.waiter)
    s[queue] = tuple(other for other in s[queue] if other != queued)


def enqueue(s, queue, queued):
    """Python's sort is stable, so cases with the same ticket keep their order."""
    s[queue] = tuple(sorted((*s[queue], queued), key=lambda each: each.ticket))


# ---- what is checked -------------------------------------------------------------------------------------------


def note_sent(s, ch, value):
    s["order", ch] = (*s["order", ch], value)


def note_received(s, ch, value):
    assert s["order", ch][:1] == (value,), "not first in, first out"
    s["order", ch] = s["order", ch][1:]


def note_chosen(s, queue, queued):
    earlier = [other for other in s[queue] if is_live(s, other) and other.arrived < queued.arrived]
    assert not earlier, "overtook a waiter that came before"


def note_returned(s, cases, index, value):
    """A thread returns: it did the case at `index`, and no other."""
    for i, case in enumerate(cases):
        if case.value is not None and i == index:
            s["sent"] |= {case.value}
        elif case.value is not None:
            assert case.value not in s["received"], "received, and not sent"
            s["refused"] |= {case.value}
        elif i == index:
            assert value is not None, "a receive without a value"
            assert value not in s["received"], "received twice"
            assert value not in s["refused"], "received, and not sent"
            s["received"] |= {value}


def would_block(s, case):
    ch = case.channel
    full = len(s["buffer", ch]) >= s["capacities"][ch]
    waits = (full if case.value is not None else not s["buffer", ch]) and not s["closed", ch]
    queue = ("senders" if case.value is None else "receivers", ch)
    return waits and not any(is_live(s, other) for other in s[queue])


def check_invariants(s, me, to):
    for ch, capacity in enumerate(s["capacities"]):
        buffered = len(s["buffer", ch])
        assert buffered <= capacity, "more values than the capacity"
        if s["lock", ch] is not None:
            continue
        receivers = {other.waiter for other in s["receivers", ch] if is_live(s, other)}
        senders = {other.waiter for other in s["senders", ch] if is_live(s, other)}
        assert not receivers or not buffered, "a receiver waits beside a value"
        assert not senders or buffered == capacity, "a sender waits beside room"
        assert not any(senders - {receiver} for receiver in receivers), "a receiver and a sender wait"
        assert not (s["closed", ch] and (receivers or senders)), "a waiter on a closed channel"
    for other in range(len(s["pc"])):
        looking = s["local", other].looking
        if looking is not None and would_block(s, looking):
            s["may block", other] = True
    if to == DONE and all(label == DONE for thread, label in enumerate(s["pc"]) if thread != me):
        left = {value for ch in range(len(s["capacities"])) for value in s["buffer", ch]}
        assert s["sent"] == s["received"] | left, "a value is lost"
        assert not s["received"] & left, "a value is received and left"
    return to

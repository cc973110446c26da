"""What the programs in Go's folder test/chan require, as tests of Channel and select.

Each docstring names the program; test_go_behaviours.py has the tests of Go's runtime, and the deliberate differences.
"""

import gc
import sys

import pytest
from channels import Waiting, eventually
from helpers import join_threads, start_threads, wait_until

from atomicpy import Channel, ChannelClosed, WaitGroup, select, tick


def test_two_cases_of_one_select_are_never_both_done():
    """doubleselect.go: a select sends a number to one of four channels; no number arrives twice."""
    channels, merged, n = [Channel() for _ in range(4)], Channel(), 2000

    def sender():
        for i in range(n):
            select(*((ch, i) for ch in channels))
        for ch in channels:
            ch.close()

    def forward(ch):
        for value in ch:
            merged.send(value)
        group.done()

    def close():
        group.wait()
        merged.close()

    group = WaitGroup()
    group.add(4)
    threads = [*start_threads(1, sender), *start_threads(1, close)]
    for ch in channels:
        threads += start_threads(1, forward, ch)
    received = list(merged)
    join_threads(threads)
    assert sorted(received) == list(range(n))


@pytest.mark.parametrize("capacity", [0, 10])
def test_channel_is_a_fifo(capacity):
    """fifo.go: receivers that wait one after the other get the values in the order in which they were sent."""

    def attempt(pause):
        ch, received = Channel(capacity), [None] * 10
        threads = []
        for me in range(10):
            threads += start_threads(1, lambda me=me: received.__setitem__(me, ch.recv()))
            pause()
        for n in range(10):
            ch.send(n)
        join_threads(threads)
        return received == list(range(10))

    assert eventually(attempt)


def test_value_passes_through_a_chain_of_threads():
    """goroutines.go: a value passes through a chain of threads, each between two channels."""
    first = left = Channel()
    threads = []
    for _ in range(200):
        right = Channel()
        threads += start_threads(1, lambda left=left, right=right: right.send(left.recv() + 1))
        left = right
    first.send(0)
    assert left.recv() == 200
    join_threads(threads)


@pytest.mark.parametrize("capacity", [0, 1])
@pytest.mark.parametrize("value", [123, 2**60, True, "hello", 1.5, None, [1]])
def test_operations_that_do_not_block(capacity, value):
    """nonblock.go: a try succeeds if the other side waits or the buffer allows it, for values of each kind."""
    ch, strobe, received = Channel(capacity), Channel(), []
    assert ch.try_recv() == (None, False)
    threads = start_threads(1, lambda: strobe.send(ch.recv()))
    wait_until(lambda: ch.try_send(value))
    assert strobe.recv() is value
    threads += start_threads(1, lambda: (ch.send(value), strobe.send("sent")))
    wait_until(lambda: received.append(ch.try_recv()) or received[-1][1])
    assert received[-1] == (value, True)
    assert strobe.recv() == "sent"
    join_threads(threads)


def test_select_with_a_default_sends_to_each_channel_that_has_room():
    """select.go: a case of no channel is left out; values are made before select looks at the channels."""
    made = []

    def value():
        made.append(1 << len(made))
        return made[-1]

    def send(a, b):
        sent = 0
        while True:
            index = select(a and (a, value()), b and (b, value()), timeout=0)[0]
            if index < 0:
                return sent
            sent += 1
            a, b = (None, b) if index == 0 else (a, None)

    a, b = Channel(1), Channel(1)
    assert send(a, b) == 2
    assert a.recv() != b.recv()
    assert send(a, None) == 1
    assert len(made) == 4


def test_select_does_not_consume_memory():
    """select2.go: 10,000 selects that leave a case on a quiet channel add no memory."""
    ch, quiet = Channel(), Channel()

    def rounds(n):
        sender = start_threads(1, lambda: [ch.send(1) for _ in range(n)])
        for _ in range(n):
            assert select(ch, quiet) == (0, 1, True)
        join_threads(sender)
        gc.collect()

    rounds(500)
    before = sys.getallocatedblocks()
    rounds(10_000)
    assert sys.getallocatedblocks() - before < 1000
    assert gc.get_referents(quiet) == []


CLOSED = Channel()
CLOSED.close()

BLOCKS = {
    "receive from an empty channel": lambda: Channel().recv(),
    "send without a receiver": lambda: Channel().send(7),
    "only cases of no channel": lambda: select(None, None, None),
    "select of a channel that is not ready": lambda: select(Channel()),
    "select of a send without a receiver": lambda: select((Channel(), 7)),
    "select that sees itself": lambda: (lambda ch: select((ch, 1), ch))(Channel()),
}

DOES_NOT_BLOCK = {
    "send to a buffer with room": lambda: Channel(1).send(7) is None,
    "receive from a closed channel": lambda: [select(CLOSED) for _ in range(10)] == [(0, None, False)] * 10,
    "select of nothing with a default": lambda: select(timeout=0)[0] == -1,
    "select of no channel with a default": lambda: select(None, timeout=0)[0] == -1,
    "select of a ready send with a default": lambda: select((Channel(1), 7), timeout=0) == (0, None, True),
    "select of a closed channel": lambda: select(Channel(), CLOSED) == (1, None, False),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_what_blocks(case):
    """select3.go, the cases that always block. Such a thread is a daemon: nothing ends its wait."""
    assert Waiting(BLOCKS[case]).waits


@pytest.mark.parametrize("case", DOES_NOT_BLOCK)
def test_what_does_not_block(case):
    """select3.go, the cases that never block."""
    assert DOES_NOT_BLOCK[case]() is True


def test_send_to_a_closed_channel_panics():
    """select3.go: as a statement and as a case of select, with a default too."""
    for send in (lambda: CLOSED.send(7), lambda: select((CLOSED, 7)), lambda: select((CLOSED, 7), timeout=0)):
        with pytest.raises(ChannelClosed):
            send()


def test_only_the_chosen_case_has_an_effect():
    """select4.go: nothing of the case that was not chosen is done."""
    ready, other = Channel(1), Channel()
    ready.send(42)
    assert select(other, ready) == (1, 42, True)
    assert other.try_send(1) is False


def test_each_combination_of_cases_does_what_the_single_operation_does():
    """select5.go: select of one to four cases, with a send or a receive ready, a channel closed, or no channel."""
    for n in range(1, 5):
        for at in range(n):
            for kind in ("send", "receive", "closed"):
                ch = Channel(1)
                if kind == "receive":
                    ch.send(1)
                if kind == "closed":
                    ch.close()
                cases = [None if i % 2 else Channel() for i in range(n)]
                cases[at] = (ch, 1) if kind == "send" else ch
                expected = {"send": (at, None, True), "receive": (at, 1, True), "closed": (at, None, False)}[kind]
                assert select(*cases) == expected


def test_waiters_behind_an_ended_select_are_woken():
    """select6.go: the select is last in the queue of `a` and ends on `b`; receivers that come later are found."""
    for _ in range(10):
        a, b, c = Channel(), Channel(), Channel()
        first = Waiting(a.recv)
        then = Waiting(lambda a=a, b=b, c=c: (select(a, b)[0], c.send(True), a.recv()))
        b.send(True)
        assert c.recv() is True
        a.send(1)
        a.send(2)
        assert {first.result, then.result[2]} == {1, 2}


SENDS = {
    "send": lambda ch: ch.send(1),
    "select of one": lambda ch: select((ch, 1)),
    "select of two": lambda ch: select((ch, 1), (Channel(), 1)),
}
RECEIVES = {
    "recv": lambda ch: ch.recv(),
    "select of one": lambda ch: select(ch)[1],
    "select of two": lambda ch: select(ch, Channel())[1],
}


@pytest.mark.parametrize("send", SENDS)
@pytest.mark.parametrize("receive", RECEIVES)
def test_each_way_to_send_meets_each_way_to_receive(send, receive):
    """select7.go, on a rendezvous channel."""
    ch = Channel()
    receiver = Waiting(RECEIVES[receive], ch)
    SENDS[send](ch)
    assert receiver.result == 1


@pytest.mark.parametrize("capacity", [0, 1, 10])
def test_sieve_of_eratosthenes(capacity):
    """sieve1.go and sieve2.go: a chain of filters, each a thread between two channels, yields the primes."""

    def generate(out):
        with out:
            for n in range(2, 100):
                out.send(n)

    def keep(source, out, prime):
        with out:
            for n in source:
                if n % prime:
                    out.send(n)

    source, primes = Channel(capacity), []
    threads = start_threads(1, generate, source)
    while (prime := next(source, None)) is not None:
        primes.append(prime)
        out = Channel(capacity)
        threads += start_threads(1, keep, source, out, prime)
        source = out
    join_threads(threads)
    assert primes == [n for n in range(2, 100) if all(n % p for p in range(2, n))]


def test_ticks_of_a_short_interval():
    """nonblock.go uses a ticker of 10 µs to sleep."""
    ticks = tick(10e-6)
    assert ticks.recv() < ticks.recv()

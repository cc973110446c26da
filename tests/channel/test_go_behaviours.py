"""What Go's own tests of channels and select require, as tests of Channel and select.

Each docstring names the behaviour, and the test of Go that requires it: a function of src/runtime/chan_test.go. The
programs of Go's test/chan are in test_go_programs.py.

Two differences are deliberate. A receive from a closed channel raises ChannelClosed, and yields no zero value. A select
without a case and without a timeout raises, and does not wait for ever.
"""

import gc
from collections import Counter

import pytest
from channels import Waiting
from helpers import join_threads, run_threaded, start_threads

from atomicpy import Channel, ChannelClosed, Mutex, WaitGroup, select

every_capacity = pytest.mark.parametrize("capacity", [*range(6), 31, 32, 33, 100, None])
every_bound = pytest.mark.parametrize("capacity", [*range(6), 31, 32, 33, 100])


# ---- chan_test.go -----------------------------------------------------------------------------------------------


@every_capacity
def test_receive_from_an_empty_channel_blocks(capacity):
    """TestChan, part 1: two receivers of an empty channel wait, and a select with a default does not."""
    ch = Channel(capacity)
    receivers = [Waiting(ch.recv), Waiting(select, ch)]
    assert all(receiver.waits for receiver in receivers)
    assert select(ch, timeout=0) == (-1, None, False)
    assert ch.try_recv() == (None, False)
    ch.send(0)
    ch.send(0)
    assert [receiver.result for receiver in receivers] == [0, (0, 0, True)]


@every_bound
def test_send_to_a_full_channel_blocks(capacity):
    """TestChan, part 2: a sender of a full channel waits for a receive; a select with a default does not wait."""
    ch = Channel(capacity)
    for n in range(capacity):
        ch.send(n)
    sender = Waiting(ch.send, capacity)
    assert sender.waits
    assert select((ch, "lost"), timeout=0) == (-1, None, False)
    assert ch.try_send("lost") is False
    assert [ch.recv() for _ in range(capacity + 1)] == list(range(capacity + 1))
    assert sender.result is None


@every_bound
def test_closed_channel_yields_its_values_and_then_that_it_is_closed(capacity):
    """TestChan, part 3: what was buffered is received after the close; then each receive reports the close."""
    ch = Channel(capacity)
    for n in range(capacity):
        ch.send(n)
    ch.close()
    assert [ch.recv() for _ in range(capacity)] == list(range(capacity))
    for _ in range(2):
        with pytest.raises(ChannelClosed):
            ch.recv()
        assert select(ch) == (0, None, False)


@every_capacity
def test_close_unblocks_a_receiver(capacity):
    """TestChan, part 4."""
    ch = Channel(capacity)
    receivers = [Waiting(select, ch), Waiting(ch.recv)]
    ch.close()
    assert receivers[0].result == (0, None, False)
    assert isinstance(receivers[1].result, ChannelClosed)


@every_capacity
def test_values_arrive_unchanged_and_in_order(capacity):
    """TestChan, part 5: 100 values, by recv and by select."""
    ch = Channel(capacity)
    for receive in (ch.recv, lambda: select(ch)[1]):
        sender = start_threads(1, lambda: [ch.send(n) for n in range(100)])
        assert [receive() for _ in range(100)] == list(range(100))
        join_threads(sender)


@every_capacity
def test_four_senders_and_four_receivers(capacity):
    """TestChan, part 6: each value is received as often as it was sent."""
    ch, each = Channel(capacity), 250

    def body(me):
        if me % 2:
            for n in range(each):
                ch.send(n)
            return []
        return [ch.recv() for _ in range(each)]

    counts = Counter(value for part in run_threaded(body, 8) for value in part)
    assert counts == dict.fromkeys(range(each), 4)


@every_bound
def test_len_and_cap(capacity):
    """TestChan, part 7."""
    ch = Channel(capacity)
    assert (len(ch), ch.capacity) == (0, capacity)
    for n in range(capacity):
        ch.send(n)
    assert (len(ch), ch.capacity) == (capacity, capacity)


def test_closed_channel_that_has_a_value_is_ready_for_a_default():
    """TestNonblockRecvRace: close() and a receive race with a select that has a default; one of two finds the value.

    Go's test lets the default's branch fail only if the channel was not ready. A closed channel is always ready.
    """
    for _ in range(300):
        ch = Channel(1)
        ch.send(1)

        def body(me, ch=ch):
            if me:
                return select(ch, timeout=0)
            ch.close()
            return select(ch)

        results = run_threaded(body, 2)
        assert sorted(results, key=repr) == [(0, 1, True), (0, None, False)]


@pytest.mark.parametrize("second", ["send", "close"])
def test_select_with_a_default_acts_on_one_moment(second):
    """TestNonblockSelectRace and TestNonblockSelectRace2: one of two channels is ready at any time.

    A select that looked at the channels at two different times could find neither ready.
    """
    for _ in range(300):
        first, other = Channel(1), Channel(1)
        first.send(1)

        def body(me, first=first, other=other):
            if me:
                return select(first, other, timeout=0)[0]
            if second == "send":
                other.send(1)
            else:
                other.close()
            select(first, timeout=0)
            return None

        assert run_threaded(body, 2)[1] in (0, 1)


@pytest.mark.parametrize("capacity", [0, 10])
def test_send_and_receive_on_one_channel_in_one_select(capacity):
    """TestSelfSelect: neither a crash nor a deadlock, and a select does not receive what it sends itself."""
    ch = Channel(capacity)

    def body(me):
        for n in range(1000):
            index, value, ok = select((ch, me), ch) if me == 0 or n % 2 == 0 else select(ch, (ch, me))
            received = value is not None
            assert ok
            assert not (received and capacity == 0 and value == me), index

    run_threaded(body, 2)


def test_sends_receives_and_selects_on_four_channels():
    """TestSelectStress: a sender and a receiver for each, and a select over all of them in each direction."""
    channels, n = [Channel(), Channel(), Channel(2), Channel(3)], 500

    def sends(ch):
        for _ in range(n):
            ch.send(0)

    def receives(ch):
        for _ in range(n):
            ch.recv()

    def selects(case):
        left = [n] * len(channels)
        for _ in range(n * len(channels)):
            index = select(*(case(ch) if left[at] else None for at, ch in enumerate(channels)))[0]
            left[index] -= 1
        assert left == [0] * len(channels)

    bodies = [lambda ch=ch, of=of: of(ch) for ch in channels for of in (sends, receives)]
    bodies += [lambda: selects(lambda ch: (ch, 0)), lambda: selects(lambda ch: ch)]
    run_threaded(lambda me: bodies[me](), len(bodies))
    assert not any(map(len, channels))


def test_object_without_content_is_sent():
    """TestChanSendInterface: by a send, by a select with a default, and by a select of two sends with a default."""
    ch, thing = Channel(1), object()
    ch.send(thing)
    assert select((ch, thing), timeout=0) == (-1, None, False)
    assert select((ch, thing), (ch, object()), timeout=0) == (-1, None, False)
    assert ch.recv() is thing


@pytest.mark.parametrize("capacity", [0, 100])
def test_select_of_two_sends_to_one_channel_is_random(capacity):
    """TestPseudoRandomSend: of 100 values, more than 10 come from each case. Chance fails 1 run in 10**16."""
    ch, values, done = Channel(capacity), [], Mutex()
    done.acquire()

    def receive():
        for _ in range(100):
            values.append(ch.recv())
        done.release()

    receiver = start_threads(1, receive)
    for _ in range(100):
        select((ch, 1), (ch, 0))
    done.acquire()
    join_threads(receiver)
    assert 10 < sum(values) < 90


def test_many_workers_between_two_channels():
    """TestMultiConsumer: 23 workers iterate over one channel and send to another; both are closed when drained."""
    workers, n = 23, 5000
    primes = [2, 3, 7, 11, 13, 17, 19, 23, 27, 31]
    tasks, results, group = Channel(workers * 3), Channel(workers * 3), WaitGroup()
    group.add(workers)

    def work():
        for value in tasks:
            results.send(value)
        group.done()

    def feed():
        for i in range(n):
            tasks.send(primes[i % len(primes)])
        tasks.close()
        group.wait()
        results.close()

    threads = [*start_threads(workers, work), *start_threads(1, feed)]
    received = list(results)
    join_threads(threads)
    assert (len(received), sum(received)) == (n, sum(primes) * n // len(primes))


def test_collection_while_a_sender_waits():
    """TestShrinkStackDuringBlockedSend: each value is received, although the collector runs while its sender waits."""
    ch, n = Channel(), 10

    def send():
        for i in range(n):
            ch.send([i])
        ch.close()

    sender = start_threads(1, send)
    for i in range(n):
        gc.collect()
        assert ch.recv() == [i]
    join_threads(sender)


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_select_that_waits_several_times_on_one_channel_leaves_the_queue_whole(repeats):
    """TestSelectDuplicateChannel: a receiver behind the cases of a select that ended elsewhere gets its value."""
    for _ in range(10):
        ch, other, ended = Channel(), Channel(), Channel()
        selects = Waiting(lambda ch=ch, other=other, ended=ended: (select(*[ch] * repeats, other), ended.send(9)))
        receiver = Waiting(ch.recv)
        other.send(7)
        assert ended.recv() == 9
        ch.send(8)
        assert receiver.result == 8
        assert selects.result == ((repeats, 7, True), None)

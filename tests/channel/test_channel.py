"""Channel: send, receive, close, iteration, and what else a user may call. Other files test select and asyncio."""

import pickle
import threading

import pytest
from channels import Waiting, eventually
from helpers import WATCHDOG, in_thread, join_threads, run_threaded, start_threads, wait_until

from atomicpy import Channel, ChannelClosed

CAPACITIES = [0, 1, 3, 32, 33, 1000, None]

every_capacity = pytest.mark.parametrize("capacity", CAPACITIES)
every_buffer = pytest.mark.parametrize("capacity", CAPACITIES[1:])


# ---- send and receive -------------------------------------------------------------------------------------------


def test_default_capacity_is_a_rendezvous():
    assert Channel().capacity == 0
    assert Channel(capacity=2).capacity == 2
    assert Channel(True).capacity == 1
    assert Channel(None).capacity is None


@every_buffer
def test_values_are_received_in_the_order_in_which_they_were_sent(capacity):
    ch = Channel(capacity)
    many = 100 if capacity is None else capacity
    values = [object() for _ in range(many)]
    for _ in range(3):
        for n, value in enumerate(values):
            assert ch.send(value) is None
            assert len(ch) == n + 1
        assert [ch.recv() for _ in values] == values
        assert len(ch) == 0


@every_buffer
def test_order_is_kept_where_sends_and_receives_take_turns(capacity):
    ch, sent, received = Channel(capacity), 0, 0
    for round_ in range(300):
        for _ in range(round_ % 7):
            sent += ch.try_send(sent)
        for _ in range(round_ % 5):
            value, ok = ch.try_recv()
            assert (value, ok) == ((received, True) if received < sent else (None, False))
            received += ok
        assert len(ch) == sent - received


@every_capacity
def test_received_object_is_the_one_that_was_sent(capacity):
    ch, value = Channel(capacity), object()
    sender = start_threads(1, ch.send, value)
    assert ch.recv() is value
    join_threads(sender)


@pytest.mark.parametrize("value", [None, False, (), ChannelClosed, ChannelClosed(), StopIteration(), Channel(1)])
def test_any_object_is_a_value(value):
    ch = Channel(2)
    ch.send(value)
    assert ch.try_send(value) is True
    assert ch.recv() is value
    assert ch.try_recv() == (value, True)


def test_send_to_a_rendezvous_channel_waits_for_its_receiver():
    ch = Channel()
    sender = Waiting(ch.send, "a")
    assert sender.waits
    assert len(ch) == 0
    assert ch.recv() == "a"
    assert sender.result is None


def test_send_to_a_full_buffer_waits_for_room():
    ch = Channel(1)
    ch.send("a")
    sender = Waiting(ch.send, "b")
    assert sender.waits
    assert len(ch) == 1
    assert ch.recv() == "a"
    assert sender.result is None
    assert ch.recv() == "b"


@every_capacity
def test_receive_from_an_empty_channel_waits_for_a_value(capacity):
    ch = Channel(capacity)
    receiver = Waiting(ch.recv)
    assert receiver.waits
    ch.send("a")
    assert receiver.result == "a"
    assert len(ch) == 0


def test_try_send_is_done_where_a_receiver_waits_or_the_buffer_has_room():
    ch = Channel()
    assert ch.try_send("a") is False
    receiver = Waiting(ch.recv)
    wait_until(lambda: ch.try_send("b") is True)
    assert ch.try_send("c") is False
    assert receiver.result == "b"
    ch = Channel(1)
    assert [ch.try_send("a"), ch.try_send("b")] == [True, False]


def test_try_recv_is_done_where_a_sender_waits_or_a_value_is_buffered():
    ch, received = Channel(), []
    assert ch.try_recv() == (None, False)
    sender = Waiting(ch.send, "a")
    wait_until(lambda: received.append(ch.try_recv()) or received[-1] != (None, False))
    assert received[-1] == ("a", True)
    assert ch.try_recv() == (None, False)
    assert sender.result is None
    ch = Channel(1)
    ch.send("a")
    assert [ch.try_recv(), ch.try_recv()] == [("a", True), (None, False)]


@pytest.mark.parametrize("capacity", [0, 2])
def test_waiting_senders_are_served_in_the_order_in_which_they_came(capacity):
    def attempt(pause):
        ch = Channel(capacity)
        for n in range(capacity):
            ch.send(n)
        senders = []
        for n in range(4):
            senders += start_threads(1, ch.send, capacity + n)
            pause()
        received = [ch.recv() for _ in range(capacity + 4)]
        join_threads(senders)
        return received == list(range(capacity + 4))

    assert eventually(attempt)


def test_waiting_receivers_are_served_in_the_order_in_which_they_came():
    def attempt(pause):
        ch, received = Channel(2), [None] * 4
        receivers = []
        for me in range(4):
            receivers += start_threads(1, lambda me=me: received.__setitem__(me, ch.recv()))
            pause()
        for n in range(4):
            ch.send(n)
        join_threads(receivers)
        return received == [0, 1, 2, 3]

    assert eventually(attempt)


def test_waiter_that_timed_out_leaves_the_queue_to_those_behind_it():
    ch = Channel()
    first, second = Waiting(ch.recv, 0.06), Waiting(ch.recv)
    assert isinstance(first.result, TimeoutError)
    ch.send("a")
    assert second.result == "a"


# ---- close ------------------------------------------------------------------------------------------------------


@every_capacity
def test_closed_channel_yields_its_buffer_and_then_raises(capacity):
    ch = Channel(capacity)
    values = list(range(min(capacity if capacity is not None else 50, 50)))
    for value in values:
        ch.send(value)
    assert ch.closed is False
    assert ch.close() is None
    assert ch.closed is True
    assert [ch.recv() for _ in values] == values
    for receive in (ch.recv, ch.try_recv, lambda: ch.recv(timeout=0), lambda: ch.recv(0.01)):
        with pytest.raises(ChannelClosed, match="recv from a closed channel"):
            receive()


@every_capacity
def test_send_to_a_closed_channel_raises_and_sends_nothing(capacity):
    ch = Channel(capacity)
    ch.close()
    for send in (ch.send, ch.try_send, lambda value: ch.send(value, timeout=0), lambda value: ch.send(value, 0.01)):
        with pytest.raises(ChannelClosed, match="send to a closed channel: the value was not sent"):
            send("a")
    assert len(ch) == 0


def test_second_close_does_nothing():
    ch = Channel(1)
    ch.send("a")
    ch.close()
    ch.close()
    assert ch.recv() == "a"


def test_close_ends_the_wait_of_every_receiver():
    ch = Channel(2)
    receivers = [Waiting(ch.recv) for _ in range(4)]
    ch.close()
    assert [type(receiver.result) for receiver in receivers] == [ChannelClosed] * 4


@pytest.mark.parametrize("capacity", [0, 2])
def test_close_ends_the_wait_of_every_sender_and_their_values_are_not_sent(capacity):
    ch = Channel(capacity)
    for n in range(capacity):
        ch.send(n)
    senders = [Waiting(ch.send, "not sent") for _ in range(4)]
    ch.close()
    assert [type(sender.result) for sender in senders] == [ChannelClosed] * 4
    assert list(ch) == list(range(capacity))


def test_channel_closed_is_an_exception_of_the_package():
    assert issubclass(ChannelClosed, Exception)
    assert not issubclass(ChannelClosed, ValueError | OSError | StopIteration)
    assert (ChannelClosed.__module__, ChannelClosed.__qualname__) == ("atomicpy", "ChannelClosed")
    assert type(pickle.loads(pickle.dumps(ChannelClosed("why")))) is ChannelClosed


# ---- timeouts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 0.0, 0.01, 0.06])
@pytest.mark.parametrize("where", [lambda fn: fn(), in_thread], ids=["main thread", "other thread"])
def test_timeout_raises_and_does_nothing(seconds, where):
    ch = Channel()
    with pytest.raises(TimeoutError, match="send: no receiver took the value, and there was no room for it"):
        where(lambda: ch.send("a", seconds))
    with pytest.raises(TimeoutError, match="recv: no value came within the timeout"):
        where(lambda: ch.recv(timeout=seconds))
    assert ch.try_recv() == (None, False)
    assert ch.try_send("b") is False


def test_timeout_does_not_end_an_operation_that_need_not_wait():
    ch = Channel(1)
    ch.send("a", timeout=0)
    assert ch.recv(timeout=0) == "a"
    ch.send(value="b", timeout=None)
    assert ch.recv(None) == "b"


# ---- iteration, with --------------------------------------------------------------------------------------------


@every_capacity
def test_iteration_ends_when_the_channel_is_closed_and_drained(capacity):
    ch = Channel(capacity)

    def feed():
        with ch as entered:
            assert entered is ch
            for n in range(100):
                ch.send(n)

    feeder = start_threads(1, feed)
    assert iter(ch) is ch
    assert list(ch) == list(range(100))
    assert next(ch, "end") == "end"
    with pytest.raises(StopIteration):
        next(ch)
    join_threads(feeder)


def test_several_threads_iterate_over_one_channel_and_each_value_goes_to_one():
    ch = Channel(4)

    def body(me):
        if me:
            return list(ch)
        with ch:
            for n in range(2000):
                ch.send(n)
        return []

    parts = run_threaded(body, 4)
    assert sorted(value for part in parts for value in part) == list(range(2000))
    assert all(part == sorted(part) for part in parts)


def test_with_closes_the_channel_after_an_exception_too():
    with pytest.raises(KeyError), Channel(1) as ch:
        ch.send("a")
        raise KeyError
    assert ch.closed
    assert list(ch) == ["a"]


# ---- threads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [0, 1, 128, None])
def test_each_value_of_many_senders_is_received_once_and_in_the_order_of_its_sender(capacity):
    ch, each = Channel(capacity), 1000
    done = threading.Barrier(3)

    def body(me):
        if me < 3:
            for n in range(each):
                ch.send((me, n))
            if done.wait(WATCHDOG) == 0:
                ch.close()
            return []
        return list(ch)

    parts = run_threaded(body, 6)
    assert sorted(value for part in parts for value in part) == [(me, n) for me in range(3) for n in range(each)]
    for part in parts:
        for me in range(3):
            numbers = [n for sender, n in part if sender == me]
            assert numbers == sorted(numbers)


@pytest.mark.parametrize("capacity", [1, 5])
def test_buffer_never_has_more_values_than_its_capacity(capacity):
    ch, stop, most = Channel(capacity), threading.Event(), []

    def body(me):
        if me == 0:
            seen = [len(ch)]
            while not stop.is_set():
                seen.append(len(ch))
            most.append(max(seen))
            return
        for _ in range(1000):
            if me % 2:
                ch.send(me)
            else:
                ch.recv()
        if me == 1:
            stop.set()

    run_threaded(body, 5)
    assert most[0] <= capacity
    assert len(ch) == 0

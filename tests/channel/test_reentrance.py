"""Finalizers and signal handlers use the channel whose operation they interrupt."""

import gc
import signal
import sys
import weakref

import pytest
from channels import eventually
from helpers import join_threads, start_threads, wait_until

from atomicpy import Channel, ChannelClosed, select

# ---- finalizers -------------------------------------------------------------------------------------------------


class Finalized:
    """An object whose __del__ calls a function."""

    def __init__(self, call):
        self.call = call

    def __del__(self):
        self.call()


def test_finalizer_of_a_value_uses_its_channel():
    ch, seen = Channel(1), []

    def use():
        seen.append((len(ch), ch.try_recv(), ch.try_send("from __del__"), select(ch, timeout=0)))

    ch.send(Finalized(use))
    ch.recv()
    assert seen == [(0, (None, False), True, (0, "from __del__", True))]
    with pytest.raises(TimeoutError):
        ch.send("a") or ch.send(Finalized(lambda: seen.append(ch.try_recv())), timeout=0.01)
    wait_until(lambda: gc.collect() >= 0 and len(seen) == 2)
    assert seen[1] == ("a", True)
    ch.close()
    with pytest.raises(ChannelClosed):
        ch.send(Finalized(lambda: seen.append(ch.closed)))
    wait_until(lambda: gc.collect() >= 0 and len(seen) == 3)
    assert seen[2] is True


def test_finalizer_runs_while_the_channel_is_freed_and_does_not_find_it():
    seen = []
    ch = Channel(None)
    ref = weakref.ref(ch)
    for _ in range(3):
        ch.send(Finalized(lambda: seen.append(ref())))
    del ch
    gc.collect()
    assert seen == [None] * 3


@pytest.mark.parametrize("how", ["sends itself", "receives", "closes", "sends another"])
def test_finalizer_of_a_value_in_a_cycle_with_its_channel(how):
    ch, done, kept = Channel(None), [], []

    def use(value=None):
        done.append(how)
        channel = kept.pop()() if kept else None
        if channel is None:
            return
        if how == "receives":
            channel.try_recv()
        elif how == "closes":
            channel.close()
        else:
            channel.send(Finalized(lambda: done.append("second")) if how == "sends another" else "itself")

    class Thing:
        def __del__(self):
            kept.append(lambda: self.channel)
            use()

    thing = Thing()
    thing.channel = ch
    ch.send(thing)
    ref = weakref.ref(ch)
    del ch, thing
    wait_until(lambda: gc.collect() >= 0 and ref() is None)
    assert done[0] == how


def test_value_that_revives_its_channel_in_a_finalizer():
    revived = []

    class Thing:
        def __del__(self):
            revived.append(self.channel)

    ch, thing = Channel(2), Thing()
    thing.channel = ch
    ch.send(thing)
    ch.send("a")
    del ch, thing
    wait_until(lambda: gc.collect() >= 0 and revived)
    [ch] = revived
    assert type(ch.recv()) is Thing
    assert ch.recv() == "a"


@pytest.mark.parametrize("deep", [100_000])
def test_deep_nesting_of_channels_is_freed(deep):
    """Each channel is a value of the next. A recursion in C would overflow the stack."""
    ch = Channel(1)
    ref = weakref.ref(ch)
    for _ in range(deep):
        outer = Channel(1)
        outer.send(ch)
        ch = outer
    del ch, outer
    gc.collect()
    assert ref() is None


# ---- signal handlers --------------------------------------------------------------------------------------------

signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no setitimer")


@pytest.fixture
def on_alarm():
    """A function that installs a handler, and has it called while the main thread waits."""

    def install(handler, seconds=0.03):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.getsignal(signal.SIGALRM)
    yield install
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@signals
def test_signal_handler_sends_what_the_interrupted_receive_waits_for(on_alarm):
    ch = Channel(1)
    on_alarm(lambda *_: ch.send("a"))
    assert ch.recv() == "a"
    on_alarm(lambda *_: ch.send("b"))
    assert select(Channel(), ch) == (1, "b", True)


@signals
def test_signal_handler_receives_what_the_interrupted_send_waits_to_send_behind(on_alarm):
    ch, received = Channel(1), []
    ch.send("a")
    on_alarm(lambda *_: received.append(ch.recv()))
    ch.send("b")
    assert received == ["a"]
    assert ch.recv() == "b"


@signals
@pytest.mark.parametrize("operation", ["recv", "send", "select"])
def test_signal_handlers_wait_on_the_same_channel_within_each_other(on_alarm, operation):
    ch, depth = Channel(), [0]
    calls = {"recv": lambda: ch.recv(), "send": lambda: ch.send("a"), "select": lambda: select(ch, (Channel(), 1))}

    def handler(*_):
        depth[0] += 1
        if depth[0] < 20:
            on_alarm(handler, 0.001)
            calls[operation]()
        else:
            ch.close()

    on_alarm(handler, 0.001)
    if operation == "select":
        assert calls[operation]() == (0, None, False)
    else:
        with pytest.raises(ChannelClosed):
            calls[operation]()
    assert depth == [20]


@signals
def test_exception_of_a_signal_handler_ends_the_wait_and_the_operation_is_not_done(on_alarm):
    ch = Channel()

    def handler(*_):
        raise ZeroDivisionError

    for call in (ch.recv, lambda: ch.send("a"), lambda: select(ch, (Channel(), "a"))):
        on_alarm(handler)
        with pytest.raises(ZeroDivisionError):
            call()
        assert (ch.try_recv(), ch.try_send("b")) == ((None, False), False)


@signals
def test_interrupted_waiter_keeps_its_turn(on_alarm):
    """The main thread leaves the queue to run a signal handler, and comes back before the threads that came later."""

    def attempt(pause):
        ch, threads, received = Channel(), [], []

        def handler(*_):
            for _ in range(2):
                threads.extend(start_threads(1, lambda: received.append(ch.recv())))
                pause()
            threads.extend(start_threads(1, feed))

        def feed():
            pause()  # the main thread is in the queue again
            for n in range(3):
                ch.send(n)

        on_alarm(handler)
        first = ch.recv()
        join_threads(threads)
        assert sorted([first, *received]) == [0, 1, 2]
        return first == 0

    assert eventually(attempt)

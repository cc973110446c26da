"""Each blocking call of the package: how to make it block, and how to end the wait."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from helpers import WATCHDOG

from atomicpy import (
    AtomicBool,
    AtomicInt,
    AtomicUInt,
    Channel,
    ChannelClosed,
    Mutex,
    Once,
    RWMutex,
    WaitGroup,
    once,
    select,
)


@dataclass
class Call:
    """One blocking call. It releases what it acquires, so all waiters return, one after the other, after one `end`."""

    make: Callable  # () -> an object on which the call blocks, and a function that ends the wait
    wait: Callable  # (object): the call, without a timeout
    timed: Callable | None = None  # (object, seconds) -> False on timeout; None: the call has no timeout
    unlock: Callable | None = None  # for a `with` statement: (object), the release at its end
    owned: bool = False  # the call waits for an owner: if fork() lost the owner, the call raises RuntimeError


def held(cls, acquire: str, release: str):
    def make():
        lock = cls()
        getattr(lock, acquire)()
        return lock, getattr(lock, release)

    return make


def with_statement(manager: Callable = lambda lock: lock) -> Callable:
    def wait(lock):
        with manager(lock):
            pass

    return wait


def counted():
    group = WaitGroup()
    group.add()
    return group, group.done


def value(cls):
    def make():
        word, other = cls(), type(cls().load())(1)

        def change():
            word.store(other)
            word.notify_all()

        return word, change

    return make


def running(of: Callable):
    """A Once, or a once function, that another thread is running."""

    def make():
        begun, go_on = threading.Event(), threading.Event()

        def function():
            begun.set()
            go_on.wait()
            return 42

        call, made = of(function)
        threading.Thread(target=call, daemon=True).start()
        assert begun.wait(WATCHDOG)
        return made, go_on.set

    return make


def do_once(function):
    made = Once()
    return lambda: made.do(function), made


def decorated(function):
    made = once(function)
    return made, made


def full():
    ch = Channel(1)
    ch.send(0)
    return ch, ch.recv


def empty():
    ch = Channel(1)
    return ch, lambda: ch.send(0)


def rendezvous():
    """What ends all waits at once, and those that come later: close()."""
    ch = Channel()
    return ch, ch.close


class Two:
    """Two channels of one select: the first is empty, and the second is full."""

    def __init__(self):
        self.inbox, self.outbox = Channel(1), Channel(1)
        self.outbox.send(0)


def two():
    channels = Two()
    return channels, lambda: channels.inbox.send(0)


def sends(ch, seconds=None):
    """Send, and make room for the next waiter."""
    try:
        ch.send(0, seconds)
    except TimeoutError:
        return False
    ch.recv()
    return True


def receives(ch, seconds=None):
    """Receive, and send the value to the next waiter."""
    try:
        ch.send(ch.recv(seconds))
    except TimeoutError:
        return False
    return True


def until_closed(operation: Callable) -> Callable:
    def wait(ch, seconds=None):
        try:
            operation(ch, seconds)
        except TimeoutError:
            return False
        except ChannelClosed:
            return True
        raise AssertionError("no other thread does the other half of the operation")

    return wait


def selects(channels, seconds=None):
    index, value, ok = select(channels.inbox, (channels.outbox, 0), timeout=seconds)
    if index < 0:
        return False
    assert (index, ok) == (0, True)
    channels.inbox.send(value)
    return True


close_ends_send = until_closed(lambda ch, seconds: ch.send(0, seconds))
close_ends_recv = until_closed(lambda ch, seconds: ch.recv(seconds))

CALLS = {
    "Mutex.acquire": Call(
        held(Mutex, "acquire", "release"),
        lambda m: m.acquire() and m.release(),
        lambda m, seconds: m.acquire(timeout=seconds),
        owned=True,
    ),
    "with Mutex": Call(held(Mutex, "acquire", "release"), with_statement(), unlock=Mutex.release, owned=True),
    "RWMutex.acquire_read": Call(
        held(RWMutex, "acquire_write", "release_write"),
        lambda rw: rw.acquire_read() and rw.release_read(),
        lambda rw, seconds: rw.acquire_read(timeout=seconds),
        owned=True,
    ),
    "RWMutex.acquire_write, held by a reader": Call(
        held(RWMutex, "acquire_read", "release_read"),
        lambda rw: rw.acquire_write() and rw.release_write(),
        lambda rw, seconds: rw.acquire_write(timeout=seconds),
        owned=True,
    ),
    "RWMutex.acquire_write, held by a writer": Call(
        held(RWMutex, "acquire_write", "release_write"),
        lambda rw: rw.acquire_write() and rw.release_write(),
        lambda rw, seconds: rw.acquire_write(timeout=seconds),
        owned=True,
    ),
    "with RWMutex.read": Call(
        held(RWMutex, "acquire_write", "release_write"),
        with_statement(RWMutex.read),
        unlock=RWMutex.release_read,
        owned=True,
    ),
    "with RWMutex.write": Call(
        held(RWMutex, "acquire_read", "release_read"),
        with_statement(RWMutex.write),
        unlock=RWMutex.release_write,
        owned=True,
    ),
    "WaitGroup.wait": Call(counted, WaitGroup.wait, WaitGroup.wait),
    "with WaitGroup": Call(counted, with_statement()),
    "Once.do": Call(running(do_once), lambda o: o.do(int), owned=True),
    "once": Call(running(decorated), lambda function: function(), owned=True),
    "AtomicInt.wait": Call(value(AtomicInt), lambda a: a.wait(0), lambda a, seconds: a.wait(0, seconds)),
    "AtomicUInt.wait": Call(value(AtomicUInt), lambda a: a.wait(0), lambda a, seconds: a.wait(0, seconds)),
    "AtomicBool.wait": Call(value(AtomicBool), lambda a: a.wait(False), lambda a, seconds: a.wait(False, seconds)),
    "Channel.send, full": Call(full, sends, sends),
    "Channel.send, rendezvous": Call(rendezvous, close_ends_send, close_ends_send),
    "Channel.recv, empty": Call(empty, receives, receives),
    "Channel.recv, rendezvous": Call(rendezvous, close_ends_recv, close_ends_recv),
    "for value in Channel": Call(rendezvous, list),
    "select": Call(two, selects, selects),
}

"""The package's own types: while the detector is in, their methods are replaced in place; else nothing is there.

An operation and what it says about the order are one step, under one lock for all: a load then knows what was stored by
who stored the value that it has read, and not what others did before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import atomicpy
from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Around, Clock, clock_of
from atomicpy.race.happens_before.kept import Kept
from atomicpy.race.happens_before.patch import acquire, acquire_after, around, release

# Re-entrant: what an argument converts itself by, and what a dropped object does at its end, may use an atomic.
_step = threading.RLock()
_begin, _end = _step.acquire, _step.release  # as they are before the detector

READS = ("load", "__int__", "__index__", "__bool__", "__float__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__",
         "__ge__", "__str__", "__format__", "__getitem__")  # fmt: skip
STORES = ("store", "clear", "__setitem__")
CHANGES = ("exchange", "inc", "dec", "add", "sub", "fetch_add", "fetch_sub", "fetch_and", "fetch_or", "fetch_xor",
           "fetch_max", "fetch_min", "test_and_set", "toggle", "__iadd__", "__isub__", "__iand__", "__ior__",
           "__ixor__")  # fmt: skip


def _clock_for(cls: type) -> Callable[[Any, tuple[Any, ...]], Clock]:
    if cls is atomicpy.AtomicIntArray:
        return lambda self, arguments: engine.clock_at(self, arguments[0])
    return lambda self, arguments: clock_of(self)


def _ordered(cls: type, name: str, order: Callable[[Clock, Any], object]) -> None:
    clock_for = _clock_for(cls)

    def after(result: Any, self: Any, *arguments: Any) -> Any:
        order(clock_for(self, arguments), result)
        return result

    around(cls, name, _begin, after, end=_end)


def _updates(cls: type) -> None:
    """Published before the value can be seen; the function may run more than once."""
    clock_for = _clock_for(cls)

    def before(self: Any, *arguments: Any, **named: Any) -> Any:
        if not arguments or not callable(arguments[-1]):
            return None  # it says what is wrong
        *place, function = arguments

        def reads(old: Any) -> None:
            clock_for(self, arguments).acquire()  # here, where an index is known to be a good one

        def stores(new: Any, old: Any) -> Any:
            clock_for(self, arguments).release()
            return new

        return (self, *place, Around(function, reads, stores)), named

    def after(new: Any, self: Any, *arguments: Any) -> Any:
        clock_for(self, arguments).acquire()
        return new

    around(cls, "update", before, after)


def _install_values() -> None:
    for cls in (
        atomicpy.AtomicInt,
        atomicpy.AtomicUInt,
        atomicpy.AtomicBool,
        atomicpy.AtomicFloat,
        atomicpy.AtomicRef,
        atomicpy.AtomicIntArray,
    ):
        for names, order in (
            (READS, lambda clock, result: clock.acquire()),
            (STORES, lambda clock, result: clock.set()),
            (CHANGES, lambda clock, result: clock.swap()),
            (("compare_exchange",), lambda clock, result: clock.swap() if result else clock.acquire()),
        ):
            for name in names:
                if name in vars(cls):
                    _ordered(cls, name, order)
        if "update" in vars(cls):
            _updates(cls)
        if "wait" in vars(cls):
            around(cls, "wait", after=acquire_after)


# Of a RWMutex: what its read sections release, which do not order each other. Of a handle: the clock of its counter.
_second_clocks: Kept[Clock] = Kept(Clock)


def _release_second(self: Any, /, *_: Any, **__: Any) -> None:
    _second_clocks.of(self).release()


def _install_sharded() -> None:
    cls = atomicpy.ShardedCounter
    writes = ("inc", "dec", "add", "sub", "__iadd__", "__isub__")
    for name in (*READS, "drain"):
        if name in vars(cls):
            around(cls, name, after=acquire_after)
    for name in writes:
        around(cls, name, release)

    def new_local(handle: Any, self: Any) -> Any:
        _second_clocks.put(handle, clock_of(self))
        return handle

    around(cls, "local", after=new_local)
    handle_type = type(cls().local())
    for name in writes:
        around(handle_type, name, _release_second)


def _install_locks() -> None:
    cls: Any = atomicpy.Mutex
    for name in ("acquire", "__enter__"):
        around(cls, name, after=acquire_after)
    for name in ("release", "__exit__"):
        around(cls, name, release)

    def got_write(result: Any, self: Any, /, *_: Any, **__: Any) -> Any:
        if result is not False:
            clock_of(self).acquire()
            _second_clocks.of(self).acquire()
        return result

    cls = atomicpy.RWMutex
    around(cls, "acquire_read", after=acquire_after)
    around(cls, "acquire_write", after=got_write)
    around(cls, "release_read", _release_second)
    around(cls, "release_write", release)
    reading, writing = type(cls().read()), type(cls().write())
    around(reading, "__enter__", after=lambda result, self: acquire_after(result, self.rw))
    around(reading, "__exit__", lambda self, *_: _release_second(self.rw))
    around(writing, "__enter__", after=lambda result, self: got_write(result, self.rw))
    around(writing, "__exit__", lambda self, *_: release(self.rw))


def _runs(self: Any, function: Any = None, /, *arguments: Any, **named: Any) -> Any:
    """`go(fn, ...)`, `do(fn, ...)`: the end of the function is released."""
    if not callable(function):
        return None  # it says what is wrong
    return (self, Around(function, end=partial(release, self)), *arguments), named


def _install_waits() -> None:
    cls: Any = atomicpy.WaitGroup
    around(cls, "done", release)
    around(cls, "go", _runs)
    for name in ("wait", "__exit__"):
        around(cls, name, after=acquire_after, failed=acquire)
    around(atomicpy.Once, "do", _runs, end=acquire)


def _install_once() -> None:
    """once(fn) has its Once inside, where nobody can take the place of it: the function is what is replaced."""
    cls: Any = atomicpy.once
    clocks: Kept[Clock] = Kept(Clock)

    def makes(self: Any, function: Any = None, /, *rest: Any, **named: Any) -> Any:
        if not callable(function) or rest or named:
            return None  # it says what is wrong
        clock = Clock()
        clocks.put(self, clock)
        return (self, Around(function, end=clock.release)), {}

    def made(result: None, self: Any, function: Any, /) -> None:
        self.__wrapped__ = function

    def called(self: Any, /, *_: Any, **__: Any) -> None:
        clock = clocks.find(self)
        if clock is not None:
            clock.acquire()
        else:  # it is older than the detector, and we do not see the end of its function: a call comes before the next
            engine.clock_of(self).swap()

    around(cls, "__init__", makes, made)
    around(cls, "__call__", end=called)


def install() -> None:
    _install_values()
    _install_sharded()
    _install_locks()
    _install_waits()
    _install_once()

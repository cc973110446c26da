"""The package's own types. Their methods are hooked while the detector is installed; otherwise they have no overhead.

An operation on an atomic and the operation on its clock are one step under `_step`, one lock for all objects. So a load
acquires what the thread released that stored the value, and nothing that was released by a later store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import atomicpy
from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Clock, Hook, clock_of
from atomicpy.race.happens_before.identity_map import IdentityMap
from atomicpy.race.happens_before.patch import acquire, acquire_after, hook, release

# Re-entrant: __index__ of an argument, or __del__ of an object that a store drops, may use an atomic.
_step = threading.RLock()
_begin, _end = _step.acquire, _step.release  # the originals, without hooks

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


def _hook_operation(cls: type, name: str, update_clock: Callable[[Clock, Any], object]) -> None:
    """Hook an operation: call `update_clock(clock, result)` in one step with it."""
    clock_for = _clock_for(cls)

    def after(result: Any, self: Any, *arguments: Any) -> Any:
        update_clock(clock_for(self, arguments), result)
        return result

    hook(cls, name, _begin, after, end=_end)


def _hook_update(cls: type) -> None:
    """Hook update(): release before the new value is visible. The program's function may run more than once."""
    clock_for = _clock_for(cls)

    def before(self: Any, *arguments: Any, **named: Any) -> Any:
        if not arguments or not callable(arguments[-1]):
            return None  # the original raises the error
        *place, function = arguments

        def reads(old: Any) -> None:
            clock_for(self, arguments).acquire()  # here, because update() has checked the index by now

        def stores(new: Any, old: Any) -> Any:
            clock_for(self, arguments).release()
            return new

        return (self, *place, Hook(function, reads, stores)), named

    def after(new: Any, self: Any, *arguments: Any) -> Any:
        clock_for(self, arguments).acquire()
        return new

    hook(cls, "update", before, after)


def _install_values() -> None:
    for cls in (
        atomicpy.AtomicInt,
        atomicpy.AtomicUInt,
        atomicpy.AtomicBool,
        atomicpy.AtomicFloat,
        atomicpy.AtomicRef,
        atomicpy.AtomicIntArray,
    ):
        for names, update_clock in (
            (READS, lambda clock, result: clock.acquire()),
            (STORES, lambda clock, result: clock.set()),
            (CHANGES, lambda clock, result: clock.swap()),
            (("compare_exchange",), lambda clock, result: clock.swap() if result else clock.acquire()),
        ):
            for name in names:
                if name in vars(cls):
                    _hook_operation(cls, name, update_clock)
        if "update" in vars(cls):
            _hook_update(cls)
        if "wait" in vars(cls):
            hook(cls, "wait", after=acquire_after)


# Of an RWMutex: the clock that readers release into, because readers do not order each other. Of a handle of a
# ShardedCounter: the clock of its counter.
_second_clocks: IdentityMap[Clock] = IdentityMap(Clock)


def _release_second(self: Any, /, *_: Any, **__: Any) -> None:
    _second_clocks.of(self).release()


def _install_sharded() -> None:
    cls = atomicpy.ShardedCounter
    writes = ("inc", "dec", "add", "sub", "__iadd__", "__isub__")
    for name in (*READS, "drain"):
        if name in vars(cls):
            hook(cls, name, after=acquire_after)
    for name in writes:
        hook(cls, name, release)

    def new_local(handle: Any, self: Any) -> Any:
        _second_clocks.put(handle, clock_of(self))
        return handle

    hook(cls, "local", after=new_local)
    handle_type = type(cls().local())
    for name in writes:
        hook(handle_type, name, _release_second)


def _install_locks() -> None:
    cls: Any = atomicpy.Mutex
    for name in ("acquire", "__enter__"):
        hook(cls, name, after=acquire_after)
    for name in ("release", "__exit__"):
        hook(cls, name, release)

    def got_write(result: Any, self: Any, /, *_: Any, **__: Any) -> Any:
        if result is not False:
            clock_of(self).acquire()
            _second_clocks.of(self).acquire()
        return result

    cls = atomicpy.RWMutex
    hook(cls, "acquire_read", after=acquire_after)
    hook(cls, "acquire_write", after=got_write)
    hook(cls, "release_read", _release_second)
    hook(cls, "release_write", release)
    reading, writing = type(cls().read()), type(cls().write())
    hook(reading, "__enter__", after=lambda result, self: acquire_after(result, self.rw))
    hook(reading, "__exit__", lambda self, *_: _release_second(self.rw))
    hook(writing, "__enter__", after=lambda result, self: got_write(result, self.rw))
    hook(writing, "__exit__", lambda self, *_: release(self.rw))


def _runs(self: Any, function: Any = None, /, *arguments: Any, **named: Any) -> Any:
    """Hook the function of `go(fn, ...)` and `do(fn, ...)`: its end releases."""
    if not callable(function):
        return None  # the original raises the error
    return (self, Hook(function, end=partial(release, self)), *arguments), named


def _install_waits() -> None:
    cls: Any = atomicpy.WaitGroup
    hook(cls, "done", release)
    hook(cls, "go", _runs)
    for name in ("wait", "__exit__"):
        hook(cls, name, after=acquire_after, failed=acquire)
    hook(atomicpy.Once, "do", _runs, end=acquire)


def _install_once() -> None:
    """once(fn) has its Once inside, out of reach of a hook, so the function is wrapped instead."""
    cls: Any = atomicpy.once
    clocks: IdentityMap[Clock] = IdentityMap(Clock)

    def makes(self: Any, function: Any = None, /, *rest: Any, **named: Any) -> Any:
        if not callable(function) or rest or named:
            return None  # the original raises the error
        clock = Clock()
        clocks.put(self, clock)
        return (self, Hook(function, end=clock.release)), {}

    def made(result: None, self: Any, function: Any, /) -> None:
        self.__wrapped__ = function

    def called(self: Any, /, *_: Any, **__: Any) -> None:
        clock = clocks.find(self)
        if clock is not None:
            clock.acquire()
        else:  # made before install(): the end of its function has no hook, so each call happens before the next one
            engine.clock_of(self).swap()

    hook(cls, "__init__", makes, made)
    hook(cls, "__call__", end=called)


def install() -> None:
    _install_values()
    _install_sharded()
    _install_locks()
    _install_waits()
    _install_once()

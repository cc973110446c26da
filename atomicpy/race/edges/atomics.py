"""The package's own types: while the detector is in, their methods are replaced in place; else nothing is there.

An operation and what it says about the order are one step, under one lock for all: a load then knows what was stored by
who stored the value that it has read, and not what others did before.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import atomicpy
from atomicpy.race import engine
from atomicpy.race.edges.replaced import replace_in_type
from atomicpy.race.engine import Clock, clock_of

# Re-entrant: what an argument converts itself by, and what a dropped object does at its end, may use an atomic.
_step = threading.RLock()

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


def _step_of(original: Any, clock_for: Any, order: Callable[[Clock, Any], object]) -> Any:
    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        with _step:
            result = original(self, *arguments, **named)
            order(clock_for(self, arguments), result)
            return result

    return method


def _update(original: Any, clock_for: Any) -> Any:
    """Published before the value can be seen; the function may run more than once."""

    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        if named or not arguments or not callable(arguments[-1]):
            return original(self, *arguments, **named)  # which says what is wrong
        *before, function = arguments

        def step(old: Any) -> Any:
            clock = clock_for(self, arguments)  # here, where an index is known to be a good one
            clock.acquire()
            new = function(old)
            clock.release()
            return new

        result = original(self, *before, step)
        clock_for(self, arguments).acquire()
        return result

    return method


def _wait(original: Any) -> Any:
    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> bool:
        changed: bool = original(self, *arguments, **named)
        if changed:
            clock_of(self).acquire()
        return changed

    return method


def _install_values() -> None:
    for cls in (
        atomicpy.AtomicInt,
        atomicpy.AtomicUInt,
        atomicpy.AtomicBool,
        atomicpy.AtomicFloat,
        atomicpy.AtomicRef,
        atomicpy.AtomicIntArray,
    ):
        clock_for = _clock_for(cls)
        for names, order in (
            (READS, lambda clock, result: clock.acquire()),
            (STORES, lambda clock, result: clock.set()),
            (CHANGES, lambda clock, result: clock.swap()),
            (("compare_exchange",), lambda clock, result: clock.swap() if result else clock.acquire()),
        ):
            for name in names:
                if name in vars(cls):
                    replace_in_type(cls, name, _step_of(vars(cls)[name], clock_for, order))
        if "update" in vars(cls):
            replace_in_type(cls, "update", _update(vars(cls)["update"], clock_for))
        if "wait" in vars(cls):
            replace_in_type(cls, "wait", _wait(vars(cls)["wait"]))


def _released_before(original: Any, clock_for: Callable[[Any], Clock]) -> Any:
    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        clock_for(self).release()
        return original(self, *arguments, **named)

    return method


def _acquired_after(original: Any, *clocks: Callable[[Any], Clock]) -> Any:
    """Unless it returned False: not got, or timed out."""

    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        result = original(self, *arguments, **named)
        if result is not False:
            for clock_for in clocks:
                clock_for(self).acquire()
        return result

    return method


# Of a RWMutex: what its read sections release, which do not order each other. Of a handle: the clock of its counter.
_second_clocks: weakref.WeakKeyDictionary[Any, Clock] = weakref.WeakKeyDictionary()


def _second_clock(self: Any) -> Clock:
    with _step:
        return _second_clocks.setdefault(self, Clock())


def _install_sharded() -> None:
    cls = atomicpy.ShardedCounter
    for name in (*READS, "drain"):
        if name in vars(cls):
            replace_in_type(cls, name, _acquired_after(vars(cls)[name], clock_of))
    for name in ("inc", "dec", "add", "sub", "__iadd__", "__isub__"):
        replace_in_type(cls, name, _released_before(vars(cls)[name], clock_of))
    local = vars(cls)["local"]

    @functools.wraps(local)
    def new_local(self: Any) -> Any:
        handle = local(self)
        with _step:
            _second_clocks[handle] = clock_of(self)
        return handle

    replace_in_type(cls, "local", new_local)
    handle_type = type(cls().local())
    for name in ("inc", "dec", "add", "sub", "__iadd__", "__isub__"):
        replace_in_type(handle_type, name, _released_before(vars(handle_type)[name], _second_clock))


class _Section:
    """`with rw.read():`, `with rw.write():`"""

    def __init__(self, enter: Callable[[], object], leave: Callable[[], object]) -> None:
        self._enter, self._leave = enter, leave

    def __enter__(self) -> None:
        self._enter()

    def __exit__(self, *error: object) -> None:
        self._leave()


def _install_locks() -> None:
    cls: Any = atomicpy.Mutex
    for name in ("acquire", "__enter__"):
        replace_in_type(cls, name, _acquired_after(vars(cls)[name], clock_of))
    for name in ("release", "__exit__"):
        replace_in_type(cls, name, _released_before(vars(cls)[name], clock_of))
    cls = atomicpy.RWMutex
    replace_in_type(cls, "acquire_read", _acquired_after(vars(cls)["acquire_read"], clock_of))
    replace_in_type(cls, "acquire_write", _acquired_after(vars(cls)["acquire_write"], clock_of, _second_clock))
    replace_in_type(cls, "release_read", _released_before(vars(cls)["release_read"], _second_clock))
    replace_in_type(cls, "release_write", _released_before(vars(cls)["release_write"], clock_of))
    replace_in_type(cls, "read", lambda self: _Section(self.acquire_read, self.release_read))
    replace_in_type(cls, "write", lambda self: _Section(self.acquire_write, self.release_write))


def _released_at_end(clock: Clock, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def body(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        finally:
            clock.release()

    return body


def _acquired_at_last(original: Any) -> Any:
    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        result: Any = None
        try:
            result = original(self, *arguments, **named)
        finally:
            if result is not False:  # it timed out
                clock_of(self).acquire()
        return result

    return method


def _runs(original: Any) -> Any:
    """`go(fn, ...)`, `do(fn, ...)`: the end of the function is released."""

    @functools.wraps(original)
    def method(self: Any, function: Any, *arguments: Any, **named: Any) -> Any:
        if callable(function):
            function = _released_at_end(clock_of(self), function)
        return original(self, function, *arguments, **named)

    return method


def _install_waits() -> None:
    cls: Any = atomicpy.WaitGroup
    replace_in_type(cls, "done", _released_before(vars(cls)["done"], clock_of))
    replace_in_type(cls, "go", _runs(vars(cls)["go"]))
    for name in ("wait", "__exit__"):
        replace_in_type(cls, name, _acquired_at_last(vars(cls)[name]))
    cls = atomicpy.Once
    replace_in_type(cls, "do", _acquired_at_last(_runs(vars(cls)["do"])))
    cls = atomicpy.once
    call = vars(cls)["__call__"]

    @functools.wraps(call)
    def new_call(self: Any) -> Any:
        # The same through a Once, whose edges are known.
        return self.__dict__.setdefault("_race_once", atomicpy.Once()).do(self.__wrapped__)

    replace_in_type(cls, "__call__", new_call)


def install() -> None:
    _install_values()
    _install_sharded()
    _install_locks()
    _install_waits()

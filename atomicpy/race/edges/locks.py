"""Lock, RLock, Condition, Semaphore, Event, Barrier: release -> a later acquire."""

from __future__ import annotations

import _thread
import functools
import threading
from typing import Any

from atomicpy.race.edges.replaced import acquire_if_true, around, for_the_program, release, replace
from atomicpy.race.engine import Clock

_RAW_LOCK: Any = threading.Lock
_RAW_RLOCK: Any = threading.RLock


class _Kind(type):
    """`isinstance(lock, threading.Lock)` is true of the library's own locks too."""

    raw: Any

    def __instancecheck__(cls, instance: object) -> bool:
        return type.__instancecheck__(cls, instance) or isinstance(instance, cls.raw)


class Lock(metaclass=_Kind):
    """A lock of the program; the library gets a bare one. A failed acquire orders nothing."""

    __slots__ = ("__weakref__", "_clock", "_raw")
    _raw: Any
    _clock: Clock
    raw: Any = _thread.LockType
    make: Any = staticmethod(_RAW_LOCK)

    def __new__(cls) -> Any:
        raw = cls.make()
        if not for_the_program():
            return raw
        self = object.__new__(cls)
        self._raw, self._clock = raw, Clock()
        return self

    @classmethod
    def of_the_program(cls) -> Any:
        """One for the program, whoever asks."""
        self = object.__new__(cls)
        self._raw, self._clock = cls.make(), Clock()
        return self

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        got: bool = self._raw.acquire(blocking, timeout)
        if got:
            self._clock.acquire()
        return got

    def release(self) -> None:
        self._clock.release()
        self._raw.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle {type(self._raw).__qualname__!r} object")

    def __repr__(self) -> str:
        return repr(self._raw)

    def _at_fork_reinit(self) -> None:
        self._raw._at_fork_reinit()

    def locked(self) -> bool:
        held: bool = self._raw.locked()
        return held


class RLock(Lock):
    __slots__ = ()
    raw = type(_RAW_RLOCK())
    make: Any = staticmethod(_RAW_RLOCK)

    def _is_owned(self) -> bool:
        owned: bool = self._raw._is_owned()
        return owned

    def _recursion_count(self) -> int:
        count: int = self._raw._recursion_count()
        return count

    def _release_save(self) -> Any:
        self._clock.release()
        return self._raw._release_save()

    def _acquire_restore(self, saved: Any) -> None:
        self._raw._acquire_restore(saved)
        self._clock.acquire()


def install() -> None:
    replace(threading, "Lock", Lock)
    replace(threading, "RLock", RLock)
    replace(_thread, "allocate_lock", Lock)
    make_condition = vars(threading.Condition)["__init__"]

    @functools.wraps(make_condition)
    def condition(self: Any, lock: Any = None) -> None:
        make_condition(self, RLock.of_the_program() if lock is None and for_the_program() else lock)

    replace(threading.Condition, "__init__", condition)
    for cls in (threading.Semaphore, threading.BoundedSemaphore):
        around(cls, "release", before=release)
    around(threading.Semaphore, "acquire", after=acquire_if_true)
    around(threading.Semaphore, "__enter__", after=acquire_if_true)
    around(threading.Semaphore, "__exit__", before=release)
    around(threading.Event, "set", before=release)
    around(threading.Event, "wait", after=acquire_if_true)
    around(threading.Event, "is_set", after=acquire_if_true)
    _install_barrier()


def _install_barrier() -> None:
    """All arrivals and the action of a round -> all departures of it: one clock a round."""
    here = threading.local()
    enter, free, wait = (vars(threading.Barrier)[name] for name in ("_enter", "_release", "wait"))

    @functools.wraps(enter)
    def new_enter(self: Any) -> None:
        enter(self)
        here.round = self.__dict__.setdefault("_race_round", Clock())  # under the barrier's lock
        here.round.release()

    @functools.wraps(free)
    def new_release(self: Any) -> None:
        here.round.acquire()
        free(self)
        here.round.release()
        self._race_round = Clock()

    @functools.wraps(wait)
    def new_wait(self: Any, timeout: float | None = None) -> int:
        result: int = wait(self, timeout)
        here.round.acquire()
        return result

    replace(threading.Barrier, "_enter", new_enter)
    replace(threading.Barrier, "_release", new_release)
    replace(threading.Barrier, "wait", new_wait)

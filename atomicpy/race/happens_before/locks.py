"""Lock, RLock, Condition, Semaphore, Event, Barrier: release -> a later acquire."""

from __future__ import annotations

import _thread
import threading
from typing import Any

from atomicpy.race.engine.engine import Clock, TracedLock, TracedRLock, for_the_program, traced
from atomicpy.race.happens_before.identity_map import IdentityMap
from atomicpy.race.happens_before.patch import acquire_after, hook, patch, release

_BARE = (type(threading.Lock()), type(threading.RLock()))


def is_bare(value: Any) -> bool:
    """Whether it is a lock without a clock: the standard library's, or made before the detector was installed."""
    return type(value) in _BARE


def install() -> None:
    new_rlock = threading.RLock

    def with_a_lock(self: Any, lock: Any = None, *rest: Any, **named: Any) -> Any:
        if not (lock is None or is_bare(lock)) or not for_the_program():
            return None
        return (self, traced(new_rlock() if lock is None else lock), *rest), named

    for bare in _BARE:
        _install_bare(bare)
    patch(threading, "Lock", TracedLock)
    patch(threading, "RLock", TracedRLock)
    patch(_thread, "allocate_lock", TracedLock)
    hook(threading.Condition, "__init__", with_a_lock)
    for cls in (threading.Semaphore, threading.BoundedSemaphore):
        hook(cls, "release", release, program=True)
    for owner, name in (
        (threading.Semaphore, "acquire"),
        (threading.Event, "wait"),
        (threading.Event, "is_set"),
    ):
        hook(owner, name, after=acquire_after, program=True)
    patch(threading.Semaphore, "__enter__", vars(threading.Semaphore)["acquire"])  # one function, as in the library
    hook(threading.Semaphore, "__exit__", release, program=True)
    hook(threading.Event, "set", release, program=True)
    _install_barrier()


def _install_bare(cls: type) -> None:
    """A bare lock may be the program's or the library's. It orders accesses when the program's own code takes it."""
    for name in {"acquire", "acquire_lock", "__enter__"} & vars(cls).keys():
        hook(cls, name, after=acquire_after, program=True)
    for name in {"release", "release_lock", "__exit__"} & vars(cls).keys():
        hook(cls, name, release, program=True)


class _Here(threading.local):
    """The round that the thread is in, for each barrier by its identity: an action may wait at another barrier."""

    def __init__(self) -> None:
        self.rounds: dict[int, Clock] = {}


def _install_barrier() -> None:
    """All arrivals at a round and its action -> all departures from it, by one clock per round."""
    cls = threading.Barrier
    rounds: IdentityMap[Clock] = IdentityMap(Clock)  # of the current round; changed under the barrier's lock
    here = _Here()

    def arrived(result: None, self: Any) -> None:
        here.rounds[id(self)] = clock = rounds.of(self)
        clock.release()

    def opens(self: Any) -> None:
        here.rounds[id(self)].acquire()

    def opened(result: None, self: Any) -> None:
        here.rounds[id(self)].release()
        rounds.put(self, Clock())

    def departed(result: int, self: Any, /, *_: Any, **__: Any) -> int:
        here.rounds[id(self)].acquire()
        return result

    def left(self: Any, /, *_: Any, **__: Any) -> None:
        here.rounds.pop(id(self), None)

    hook(cls, "_enter", after=arrived)
    hook(cls, "_release", opens, opened)
    hook(cls, "wait", after=departed, end=left)

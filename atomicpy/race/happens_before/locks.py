"""Lock, RLock, Condition, Semaphore, Event, Barrier: release -> a later acquire."""

from __future__ import annotations

import _thread
import threading
from typing import Any

from atomicpy.race.engine.engine import Clock, TracedLock, TracedRLock, for_the_program, traced
from atomicpy.race.happens_before.kept import Kept
from atomicpy.race.happens_before.patch import acquire_after, around, release, replace

_BARE = (type(threading.Lock()), type(threading.RLock()))


def is_bare(value: Any) -> bool:
    """A lock without a clock of its own: the standard library's, or one that is older than the detector."""
    return type(value) in _BARE


def install() -> None:
    new_rlock = threading.RLock

    def with_a_lock(self: Any, lock: Any = None, *rest: Any, **named: Any) -> Any:
        if not (lock is None or is_bare(lock)) or not for_the_program():
            return None
        return (self, traced(new_rlock() if lock is None else lock), *rest), named

    for bare in _BARE:
        _install_bare(bare)
    replace(threading, "Lock", TracedLock)
    replace(threading, "RLock", TracedRLock)
    replace(_thread, "allocate_lock", TracedLock)
    around(threading.Condition, "__init__", with_a_lock)
    for cls in (threading.Semaphore, threading.BoundedSemaphore):
        around(cls, "release", release, program=True)
    for owner, name in (
        (threading.Semaphore, "acquire"),
        (threading.Event, "wait"),
        (threading.Event, "is_set"),
    ):
        around(owner, name, after=acquire_after, program=True)
    replace(threading.Semaphore, "__enter__", vars(threading.Semaphore)["acquire"])  # one function, as it was
    around(threading.Semaphore, "__exit__", release, program=True)
    around(threading.Event, "set", release, program=True)
    _install_barrier()


def _install_bare(cls: type) -> None:
    """Whose such a lock is, nobody knows: it orders those who take it in the program's own code."""
    for name in {"acquire", "acquire_lock", "__enter__"} & vars(cls).keys():
        around(cls, name, after=acquire_after, program=True)
    for name in {"release", "release_lock", "__exit__"} & vars(cls).keys():
        around(cls, name, release, program=True)


class _Here(threading.local):
    """The rounds that the thread is in, by the identity of the barrier: its action may wait at another one."""

    def __init__(self) -> None:
        self.rounds: dict[int, Clock] = {}


def _install_barrier() -> None:
    """All arrivals and the action of a round -> all departures of it: one clock a round."""
    cls = threading.Barrier
    rounds: Kept[Clock] = Kept(Clock)  # the present one's, under the barrier's lock
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

    around(cls, "_enter", after=arrived)
    around(cls, "_release", opens, opened)
    around(cls, "wait", after=departed, end=left)

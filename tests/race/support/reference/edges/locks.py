"""Lock, RLock, Condition, Semaphore, Event, Barrier: release -> a later acquire."""

import threading

import _thread

from edges.replaced import acquire_if_true, around, for_the_program, release
from engine import Clock


class Lock:
    make = staticmethod(_thread.allocate_lock)

    def __init__(self):
        self.raw, self.clock = self.make(), Clock()

    def acquire(self, *arguments, **named):
        got = self.raw.acquire(*arguments, **named)
        if got:
            self.clock.acquire()
        return got

    def release(self):
        self.clock.release()
        self.raw.release()

    __enter__ = acquire

    def __exit__(self, *error):
        self.release()

    def locked(self):
        return self.raw.locked()


class RLock(Lock):
    make = staticmethod(threading.RLock)

    def _is_owned(self):
        return self.raw._is_owned()

    def _release_save(self):
        self.clock.release()
        return self.raw._release_save()

    def _acquire_restore(self, saved):
        self.raw._acquire_restore(saved)
        self.clock.acquire()


def install():
    raw_lock, raw_rlock = threading.Lock, threading.RLock
    threading.Lock = _thread.allocate_lock = lambda: Lock() if for_the_program() else raw_lock()
    threading.RLock = lambda: RLock() if for_the_program() else raw_rlock()
    init = threading.Condition.__init__

    def condition(self, lock=None):
        init(self, RLock() if lock is None and for_the_program() else lock)

    threading.Condition.__init__ = condition
    for cls in (threading.Semaphore, threading.BoundedSemaphore):
        around(cls, "release", before=release)
    around(threading.Semaphore, "acquire", after=acquire_if_true)
    threading.Semaphore.__enter__ = lambda self: self.acquire()
    threading.Semaphore.__exit__ = lambda self, *error: self.release()
    around(threading.Event, "set", before=release)
    around(threading.Event, "wait", after=acquire_if_true)
    around(threading.Event, "is_set", after=acquire_if_true)
    install_barrier()


def install_barrier():
    here = threading.local()
    enter, release, wait = (getattr(threading.Barrier, name) for name in ("_enter", "_release", "wait"))

    def new_enter(self):
        enter(self)
        here.round = self.__dict__.setdefault("race_round", Clock())
        here.round.release()

    def new_release(self):
        here.round.acquire()
        release(self)
        here.round.release()
        self.race_round = Clock()

    def new_wait(self, timeout=None):
        result = wait(self, timeout)
        here.round.acquire()
        return result

    threading.Barrier._enter, threading.Barrier._release, threading.Barrier.wait = new_enter, new_release, new_wait

"""threading's Lock and RLock with a clock: a release happens before a later acquire."""

import threading

import _thread

from atomicpy.race.engine.engine import for_the_program

from engine.clocks import Clock
from engine.objects import clock_of


class Traced(type):
    """The type of the two classes: a call from the standard library makes a bare lock, which is an instance too."""

    def __call__(cls, *arguments, **named):
        raw = cls.make(*arguments, **named)
        return cls.of(raw, Clock()) if for_the_program() else raw

    def __instancecheck__(cls, instance):
        return type(instance) in (cls, cls.bare)


class TracedLock(metaclass=Traced):
    make, bare = staticmethod(_thread.allocate_lock), type(_thread.allocate_lock())

    @classmethod
    def of(cls, raw, clock):
        self = object.__new__(cls)
        self.raw, self.clock = raw, clock
        return self

    def acquire(self, *arguments, **named):
        got = self.raw.acquire(*arguments, **named)
        if got:
            self.clock.acquire()
        return got

    __enter__ = acquire

    def release(self):
        self.clock.release()
        self.raw.release()

    def __exit__(self, *error):
        self.release()

    def __getattr__(self, name):
        return getattr(self.raw, name)


class TracedRLock(TracedLock):
    make, bare = staticmethod(threading.RLock), type(threading.RLock())

    def _release_save(self):
        self.clock.release()
        return self.raw._release_save()

    def _acquire_restore(self, saved):
        self.raw._acquire_restore(saved)
        self.clock.acquire()


def traced(raw):
    """The bare lock with a clock, which it shares with other traced locks of the same bare one."""
    return (TracedRLock if type(raw) is TracedRLock.bare else TracedLock).of(raw, clock_of(raw))

"""Threads that wait for each other: each type that can block, beside its nearest of `threading`.

locks.py measures the pairs of WAITING. A job, called with a number of rounds, returns the `prepare` of `together`.
"""

import threading
from contextlib import contextmanager
from typing import NamedTuple

from atomicpy import AtomicInt, Once, RWMutex, WaitGroup


class Rounds(NamedTuple):
    threads: int
    job: object


class Counted:
    n = 0


class Latch:
    """A WaitGroup by threading.Condition."""

    def __init__(self, n):
        self._changed, self._n = threading.Condition(), n

    def done(self):
        with self._changed:
            self._n -= 1
            if not self._n:
                self._changed.notify_all()

    def wait(self):
        with self._changed:
            while self._n:
                self._changed.wait()


class OnceByLock:
    """A Once by threading.Lock, with a look before the lock."""

    def __init__(self):
        self._lock, self._done = threading.Lock(), False

    def do(self, function):
        if not self._done:
            with self._lock:
                if not self._done:
                    function()
                    self._done = True


class ConditionRWLock:
    """An RWMutex by threading.Condition."""

    def __init__(self):
        self._changed, self._readers = threading.Condition(), 0

    def acquire_read(self):
        with self._changed:
            self._readers += 1

    def release_read(self):
        with self._changed:
            self._readers -= 1
            if not self._readers:
                self._changed.notify_all()

    @contextmanager
    def read(self):
        self.acquire_read()
        try:
            yield
        finally:
            self.release_read()

    def acquire_write(self):
        self._changed.acquire()
        while self._readers:
            self._changed.wait()

    def release_write(self):
        self._changed.release()


def in_turn(times):
    """Two threads that change one value in turn, and wait for it."""
    turn = AtomicInt()

    def prepare(me):
        def run():
            for _ in range(times):
                turn.wait(1 - me)
                turn.store(1 - me)
                turn.notify()

        return run

    return prepare


def in_turn_by_condition(times):
    changed, turn = threading.Condition(), [0]

    def prepare(me):
        def run():
            for _ in range(times):
                with changed:
                    while turn[0] != me:
                        changed.wait()
                    turn[0] = 1 - me
                    changed.notify()

        return run

    return prepare


def written(make):
    def job(times):
        lock = make()

        def prepare(me):
            def run():
                for _ in range(times):
                    lock.acquire_write()
                    Counted.n += 1
                    lock.release_write()

            return run

        return prepare

    return job


def read_and_written(make):
    """Nine of ten sections read."""

    def job(times):
        lock = make()

        def prepare(me):
            def run():
                for i in range(times):
                    if i % 10 == me:
                        lock.acquire_write()
                        Counted.n += 1
                        lock.release_write()
                    else:
                        lock.acquire_read()
                        Counted.n  # noqa: B018 -- a reader reads
                        lock.release_read()

            return run

        return prepare

    return job


def first_calls(make):
    """All threads call one object after another: the first call of each is contended."""

    def job(times):
        objects = [make() for _ in range(times)]

        def prepare(me):
            def run():
                for each in objects:
                    each.do(int)

            return run

        return prepare

    return job


def group_of(members):
    group = WaitGroup()
    group.add(members)
    return group


def counted_down(make, threads):
    """One thread waits for group after group; the others are done with each."""

    def job(times):
        groups = [make(threads - 1) for _ in range(times)]

        def prepare(me):
            def run():
                for group in groups:
                    if me:
                        group.done()
                    else:
                        group.wait()

            return run

        return prepare

    return job


WAITING = {
    "two threads in turn, AtomicInt.wait / Condition": (Rounds(2, in_turn), Rounds(2, in_turn_by_condition)),
    "RWMutex, 4 writers / Condition": (Rounds(4, written(RWMutex)), Rounds(4, written(ConditionRWLock))),
    "RWMutex, 4 threads, 9 of 10 read / Condition": (
        Rounds(4, read_and_written(RWMutex)),
        Rounds(4, read_and_written(ConditionRWLock)),
    ),
    "Once.do, first calls of 4 threads / Lock": (Rounds(4, first_calls(Once)), Rounds(4, first_calls(OnceByLock))),
    "WaitGroup, 3 done, 1 waits / Condition": (
        Rounds(4, counted_down(group_of, 4)),
        Rounds(4, counted_down(Latch, 4)),
    ),
}

"""Threads and their vector clocks: how many steps of each other thread happen before the next step of a thread."""

import itertools
import threading

import _thread

lock = _thread.RLock()
_numbers = itertools.count()
_local = _thread._local()


class ThreadState:
    def __init__(self, name, created=None):
        self.number = next(_numbers)
        self.name, self.created = name, created
        self.clock = {self.number: 1}


def state():
    found = getattr(_local, "state", None)
    if found is None:
        _local.state = found = ThreadState(
            "MainThread" if threading.current_thread() is threading.main_thread() else "?"
        )
        if found.name == "?":
            found.name = threading.current_thread().name
    return found


class Clock:
    """The clock of a synchronisation variable. A hook calls the methods with the arguments of its function."""

    def __init__(self):
        self.times = {}

    def acquire(self, *_, **__):
        with lock:
            mine = state().clock
            for thread, time in self.times.items():
                if time > mine.get(thread, 0):
                    mine[thread] = time

    def release(self, *_, **__):
        with lock:
            mine = state()
            for thread, time in mine.clock.items():
                if time > self.times.get(thread, 0):
                    self.times[thread] = time
            mine.clock[mine.number] += 1

    def set(self):
        with lock:
            self.times = {}
            self.release()

    def swap(self):
        with lock:
            self.acquire()
            self.release()


def begin_thread(parent, name, created=None):
    _local.state = ThreadState(name, created)
    if parent is not None:
        parent.acquire()


def end_thread():
    """Nothing: every access is kept, so the clock of the thread is too."""

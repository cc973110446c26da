"""Threads and their clocks: how much of each other they have seen."""

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
    def __init__(self):
        self.times = {}

    def acquire(self):
        with lock:
            mine = state().clock
            for thread, time in self.times.items():
                mine[thread] = max(time, mine.get(thread, 0))

    def release(self):
        with lock:
            mine = state()
            for thread, time in mine.clock.items():
                self.times[thread] = max(time, self.times.get(thread, 0))
            mine.clock[mine.number] += 1

    def set(self):
        with lock:
            self.times = {}
            self.release()

    def swap(self):
        with lock:
            self.acquire()
            self.release()

    def clear(self):
        with lock:
            self.times = {}


def begin_thread(parent, name, created):
    _local.state = ThreadState(name, created)
    if parent is not None:
        parent.acquire()


def end_thread():
    _local.state = None

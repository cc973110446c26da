"""Thread.start -> run -> the join that returned because of it; `_thread` as well."""

import threading

import _thread

import engine
from engine import Clock


def install():
    cls = threading.Thread
    start, bootstrap, join, is_alive = cls.start, cls._bootstrap_inner, cls.join, cls.is_alive

    def new_start(self):
        self.race_begin, self.race_end, self.race_created = Clock(), Clock(), engine.here()
        self.race_begin.release()
        start(self)

    def new_bootstrap(self):
        engine.begin_thread(self.race_begin, self.name, self.race_created)
        try:
            bootstrap(self)
        finally:
            self.race_end.release()

    def new_join(self, timeout=None):
        join(self, timeout)
        if hasattr(self, "race_end") and not is_alive(self):
            self.race_end.acquire()

    def new_is_alive(self):
        alive = is_alive(self)
        if not alive and hasattr(self, "race_end"):
            self.race_end.acquire()
        return alive

    cls.start, cls._bootstrap_inner, cls.join, cls.is_alive = new_start, new_bootstrap, new_join, new_is_alive
    begin = _thread.start_new_thread

    def start_new_thread(function, arguments, named=None):
        clock, created = Clock(), engine.here()
        clock.release()

        def body():
            engine.begin_thread(clock, "low level", created)
            function(*arguments, **(named or {}))

        return begin(body, ())

    _thread.start_new_thread = start_new_thread

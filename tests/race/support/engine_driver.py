"""The engine by itself, without hooks and rewriting: threads that run the steps of a test, one at a time.

A test starts each step and waits for its end by bare locks, which have no hooks. So the steps run in the order of the
test, and for the engine only the clocks that the test uses order them.
"""

import _thread
import contextlib
import sys

if sys.version_info >= (3, 13):
    from atomicpy.race.engine import engine

    read, write = engine.calls["_race_read__"], engine.calls["_race_write__"]
    get_item, set_item = engine.calls["_race_get__"], engine.calls["_race_set__"]
    del_item, each_of = engine.calls["_race_del__"], engine.calls["_race_iter__"]


class Thing:
    """An object with attributes that the program may set."""


class Actor:
    """A thread. `do(f, ...)` runs f in it and returns its result."""

    def __init__(self):
        self.wanted, self.done = _thread.allocate_lock(), _thread.allocate_lock()
        self.wanted.acquire()
        self.done.acquire()
        self.step = self.result = self.error = None
        self.alive = True
        _thread.start_new_thread(self.run, ())

    def run(self):
        while self.alive:
            self.wanted.acquire()
            function, arguments = self.step
            self.step = None
            try:
                self.result = function(*arguments)
            except BaseException as error:
                self.error = error
            del function, arguments
            self.done.release()

    def do(self, function, *arguments):
        assert self.alive, "the thread has ended"
        self.step = (function, arguments)
        del arguments
        self.wanted.release()
        self.done.acquire()
        result, self.result = self.result, None
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return result

    def end(self):
        """End the thread, with the engine's call for its end, as the hooks of threads do."""
        if self.alive:
            self.do(self.leave)

    def leave(self):
        engine.end_thread()
        self.alive = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


@contextlib.contextmanager
def session():
    """Install the engine while the block runs; gives the list of the races that it reports."""
    races = []
    engine.install(races.append)
    try:
        yield races
    finally:
        engine.uninstall()

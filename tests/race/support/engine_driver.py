"""The engine by itself, without edges and rewriting: threads that do what they are told, step by step.

A step is handed to its thread and waited for by bare locks, of which the engine knows nothing: so the steps come in the
order of the test, and only the clocks that the test uses order them for the engine.
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
    """A thread. `do(f, ...)` runs f in it and gives back what it returned."""

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
        """The engine is told so in the thread, as the edges do it."""
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
    """The engine is in; gives the list of the races that it tells."""
    races = []
    engine.install(races.append)
    try:
        yield races
    finally:
        engine.uninstall()

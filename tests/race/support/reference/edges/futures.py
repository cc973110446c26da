"""The task -> result(), exception(), wait(), as_completed() and callbacks of its future."""

import concurrent.futures
import functools
from concurrent.futures import Future, _base

from engine import clock_of


def install():
    result, exception, done, add = Future.result, Future.exception, Future.done, Future.add_done_callback

    def finished(self):
        if done(self):
            clock_of(self).acquire()

    for name in ("set_result", "set_exception"):
        original = getattr(Future, name)

        def setter(self, value, original=original):
            clock_of(self).release()
            original(self, value)

        setattr(Future, name, setter)

    def getter(original):
        def method(self, timeout=None):
            try:
                return original(self, timeout)
            finally:
                finished(self)

        return method

    Future.result, Future.exception = getter(result), getter(exception)

    def new_done(self):
        finished(self)
        return done(self)

    def new_add(self, function):
        def callback(future):
            finished(future)
            function(future)

        add(self, callback)

    Future.done, Future.add_done_callback = new_done, new_add
    wait, completed = _base.wait, _base.as_completed

    @functools.wraps(wait)
    def new_wait(*arguments, **named):
        answer = wait(*arguments, **named)
        for future in answer.done:
            finished(future)
        return answer

    def new_completed(*arguments, **named):
        for future in completed(*arguments, **named):
            finished(future)
            yield future

    concurrent.futures.wait, concurrent.futures.as_completed = new_wait, new_completed

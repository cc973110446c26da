"""The task -> result(), exception(), wait(), as_completed() and callbacks of its future.

submit -> the task needs nothing of its own: it goes through a queue.
"""

from __future__ import annotations

import concurrent.futures
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from atomicpy.race.edges.replaced import acquire, release, replace


def install() -> None:
    done = vars(Future)["done"]

    def finished(future: Any) -> None:
        if done(future):
            acquire(future)

    def setter(original: Any) -> Any:
        @functools.wraps(original)
        def method(self: Any, value: Any) -> None:
            release(self)
            original(self, value)

        return method

    def getter(original: Any) -> Any:
        @functools.wraps(original)
        def method(self: Any, timeout: float | None = None) -> Any:
            try:
                return original(self, timeout)
            finally:
                finished(self)

        return method

    for name in ("set_result", "set_exception"):
        replace(Future, name, setter(vars(Future)[name]))
    for name in ("result", "exception"):
        replace(Future, name, getter(vars(Future)[name]))

    @functools.wraps(done)
    def new_done(self: Any) -> bool:
        finished(self)
        return bool(done(self))

    add = vars(Future)["add_done_callback"]

    @functools.wraps(add)
    def new_add(self: Any, fn: Callable[[Any], object]) -> None:
        def callback(future: Any) -> None:
            finished(future)
            fn(future)

        add(self, callback)

    replace(Future, "done", new_done)
    replace(Future, "add_done_callback", new_add)
    _install_waits(finished)


def _install_waits(finished: Callable[[Any], None]) -> None:
    wait, completed = concurrent.futures.wait, concurrent.futures.as_completed

    @functools.wraps(wait)
    def new_wait(*arguments: Any, **named: Any) -> Any:
        answer = wait(*arguments, **named)
        for future in answer.done:
            finished(future)
        return answer

    @functools.wraps(completed)
    def new_completed(*arguments: Any, **named: Any) -> Iterator[Any]:
        for future in completed(*arguments, **named):
            finished(future)
            yield future

    replace(concurrent.futures, "wait", new_wait)
    replace(concurrent.futures, "as_completed", new_completed)

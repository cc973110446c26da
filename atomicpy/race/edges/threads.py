"""Thread.start -> run -> the join that returned because of it; `_thread` as well."""

from __future__ import annotations

import _thread
import functools
import threading
from collections.abc import Callable
from typing import Any

from atomicpy.race import engine
from atomicpy.race.edges.replaced import replace
from atomicpy.race.engine import Clock


def install() -> None:
    cls: Any = threading.Thread
    start, inner, join, is_alive = (vars(cls)[name] for name in ("start", "_bootstrap_inner", "join", "is_alive"))

    @functools.wraps(start)
    def new_start(self: Any) -> None:
        self._race_begin, self._race_end, self._race_created = Clock(), Clock(), engine.here()
        self._race_begin.release()
        start(self)

    @functools.wraps(inner)
    def new_inner(self: Any) -> None:
        begin = getattr(self, "_race_begin", None)  # of one that was started before the detector: nothing
        if begin is not None:
            engine.begin_thread(begin, self.name, self._race_created)
        try:
            inner(self)
        finally:
            if begin is not None:
                self._race_end.release()
            engine.end_thread()

    def ended(self: Any) -> None:
        end = getattr(self, "_race_end", None)
        if end is not None:
            end.acquire()

    @functools.wraps(join)
    def new_join(self: Any, timeout: float | None = None) -> None:
        join(self, timeout)
        if not is_alive(self):  # it did not time out
            ended(self)

    @functools.wraps(is_alive)
    def new_is_alive(self: Any) -> bool:
        alive: bool = is_alive(self)
        if not alive:
            ended(self)
        return alive

    replace(cls, "start", new_start)
    replace(cls, "_bootstrap_inner", new_inner)
    replace(cls, "join", new_join)
    replace(cls, "is_alive", new_is_alive)
    begin = _thread.start_new_thread

    @functools.wraps(begin)
    def start_new_thread(function: Callable[..., object], arguments: Any, named: Any = None, /) -> int:
        if not callable(function) or not isinstance(arguments, tuple):
            return begin(function, arguments)  # which says what is wrong
        clock, created = Clock(), engine.here()
        clock.release()

        def body() -> None:
            engine.begin_thread(clock, f"Thread {_thread.get_ident()}", created)
            try:
                function(*arguments, **(named or {}))
            finally:
                engine.end_thread()

        return begin(body, ())

    replace(_thread, "start_new_thread", start_new_thread)

"""Thread.start -> run -> the join that returned because of it; `_thread` as well."""

from __future__ import annotations

import _thread
import threading
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Clock, Hook
from atomicpy.race.happens_before.identity_map import IdentityMap
from atomicpy.race.happens_before.patch import hook

_is_set = threading.Event.is_set  # the original, without a hook


class _Life:
    """The clocks of a thread's start and end, and the stack that started it."""

    def __init__(self) -> None:
        self.begin, self.end, self.created = Clock(), Clock(), engine.here()


def install() -> None:
    cls: Any = threading.Thread
    lives: IdentityMap[_Life] = IdentityMap(_Life)
    is_alive = vars(cls)["is_alive"]

    def starts(self: Any, /, *_: Any) -> None:
        # A second start, or one before Thread.__init__, raises an error and orders nothing.
        if getattr(self, "_initialized", False) and not _is_set(self._started):
            lives.put(self, life := _Life())
            life.begin.release()

    def begins(self: Any) -> None:
        life = lives.find(self)  # None if the thread was started before install()
        if life is not None:
            engine.begin_thread(life.begin, self.name, life.created)

    def ends(self: Any) -> None:
        life = lives.find(self)
        if life is not None:
            life.end.release()
        engine.end_thread()

    def ended(self: Any) -> None:
        life = lives.find(self)
        if life is not None:
            life.end.acquire()

    def joined(result: None, self: Any, /, *_: Any, **__: Any) -> None:
        if not is_alive(self):  # else join() timed out
            ended(self)

    def looked(alive: bool, self: Any) -> bool:
        if not alive:
            ended(self)
        return alive

    hook(cls, "start", starts)
    hook(cls, "_bootstrap_inner", begins, end=ends)
    hook(cls, "join", after=joined)
    hook(cls, "is_alive", after=looked)

    def starts_new(function: Any = None, *rest: Any, **named: Any) -> Any:
        if not callable(function) or named:
            return None  # the original raises the error
        clock, created = Clock(), engine.here()
        clock.release()

        def begins_new(*_: Any, **__: Any) -> None:
            engine.begin_thread(clock, f"Thread {_thread.get_ident()}", created)

        def ends_new(*_: Any, **__: Any) -> None:
            engine.end_thread()

        return (Hook(function, begins_new, end=ends_new), *rest), {}

    hook(_thread, "start_new_thread", starts_new)

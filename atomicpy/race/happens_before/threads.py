"""Thread.start -> run -> the join that returned because of it; `_thread` as well."""

from __future__ import annotations

import _thread
import threading
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Around, Clock
from atomicpy.race.happens_before.kept import Kept
from atomicpy.race.happens_before.patch import around

_is_set = threading.Event.is_set  # as it was before the detector


class _Life:
    """Of a thread: its start, where that was, and its end."""

    def __init__(self) -> None:
        self.begin, self.end, self.created = Clock(), Clock(), engine.here()


def install() -> None:
    cls: Any = threading.Thread
    lives: Kept[_Life] = Kept(_Life)
    is_alive = vars(cls)["is_alive"]

    def starts(self: Any, /, *_: Any) -> None:
        # A mistake says what is wrong, and orders nothing: a second start, or one before Thread.__init__ was called.
        if getattr(self, "_initialized", False) and not _is_set(self._started):
            lives.put(self, life := _Life())
            life.begin.release()

    def begins(self: Any) -> None:
        life = lives.find(self)  # of one that was started before the detector: nothing
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
        if not is_alive(self):  # it did not time out
            ended(self)

    def looked(alive: bool, self: Any) -> bool:
        if not alive:
            ended(self)
        return alive

    around(cls, "start", starts)
    around(cls, "_bootstrap_inner", begins, end=ends)
    around(cls, "join", after=joined)
    around(cls, "is_alive", after=looked)

    def starts_new(function: Any = None, *rest: Any, **named: Any) -> Any:
        if not callable(function) or named:
            return None  # it says what is wrong
        clock, created = Clock(), engine.here()
        clock.release()

        def begins_new(*_: Any, **__: Any) -> None:
            engine.begin_thread(clock, f"Thread {_thread.get_ident()}", created)

        def ends_new(*_: Any, **__: Any) -> None:
            engine.end_thread()

        return (Around(function, begins_new, end=ends_new), *rest), {}

    around(_thread, "start_new_thread", starts_new)

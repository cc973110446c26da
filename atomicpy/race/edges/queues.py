"""put -> the get that received it, get -> the put that needed its room, task_done -> join."""

from __future__ import annotations

import collections
import functools
import queue
import threading
from typing import Any

from atomicpy.race.edges.locks import Lock
from atomicpy.race.edges.replaced import acquire, release, replace
from atomicpy.race.engine import Clock


def install() -> None:
    cls = queue.Queue
    originals = {name: vars(cls)[name] for name in ("__init__", "put", "get", "task_done", "join")}

    @functools.wraps(originals["__init__"])
    def new_init(self: Any, maxsize: int = 0) -> None:
        originals["__init__"](self, maxsize)
        if not all(getattr(type(self), name).__module__ == __name__ for name in ("_put", "_get")):
            # A subclass: the program's own code runs with the queue's lock held, and may rely on it.
            self.mutex = Lock.of_the_program()
            for name in ("not_empty", "not_full", "all_tasks_done"):
                setattr(self, name, threading.Condition(self.mutex))

    @functools.wraps(originals["put"])
    def new_put(self: Any, item: Any, *arguments: Any, **named: Any) -> None:
        originals["put"](self, item, *arguments, **named)
        if self.maxsize > 0:
            acquire(self)

    @functools.wraps(originals["get"])
    def new_get(self: Any, *arguments: Any, **named: Any) -> Any:
        if self.maxsize > 0:
            release(self)
        return originals["get"](self, *arguments, **named)

    @functools.wraps(originals["task_done"])
    def new_task_done(self: Any) -> None:
        release(self.all_tasks_done)
        originals["task_done"](self)

    @functools.wraps(originals["join"])
    def new_join(self: Any) -> None:
        originals["join"](self)
        acquire(self.all_tasks_done)

    for name, new in (("put", new_put), ("get", new_get), ("task_done", new_task_done), ("join", new_join)):
        replace(cls, name, new)
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        _install_items(kind)
    replace(cls, "__init__", new_init)
    replace(queue, "SimpleQueue", SimpleQueue)


def _install_items(cls: type) -> None:
    """One clock an item; both run under the queue's lock."""
    put, get = vars(cls)["_put"], vars(cls)["_get"]

    def _put(self: Any, item: Any) -> None:
        clock = Clock()
        clock.release()
        self.__dict__.setdefault("_race_items", {}).setdefault(id(item), collections.deque()).append(clock)
        put(self, item)

    def _get(self: Any) -> Any:
        item = get(self)
        clocks = self.__dict__.get("_race_items", {})
        if id(item) in clocks:
            clocks[id(item)].popleft().acquire()
            if not clocks[id(item)]:
                del clocks[id(item)]
        return item

    replace(cls, "_put", _put)
    replace(cls, "_get", _get)


class SimpleQueue(queue.SimpleQueue[Any]):
    """In the place of the library's, which is written in C: each item travels with its clock."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        clock = Clock()
        clock.release()
        super().put((item, clock))

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        item, clock = super().get(block, timeout)
        clock.acquire()
        return item

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get_nowait(self) -> Any:
        return self.get(False)


SimpleQueue.__module__ = queue.SimpleQueue.__module__

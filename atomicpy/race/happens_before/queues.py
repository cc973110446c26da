"""put -> the get that received it, get -> the put that needed its room, task_done -> join."""

from __future__ import annotations

import collections
import queue
import threading
from importlib.machinery import SourceFileLoader
from types import FunctionType
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Around, Clock, traced
from atomicpy.race.happens_before.kept import Kept
from atomicpy.race.happens_before.patch import acquire, around, release, replace


def install() -> None:
    _install_in(queue)
    around(SourceFileLoader, "exec_module", after=_executed)


def _executed(result: None, loader: Any, module: Any) -> None:
    """A program may import the library's module anew: classes of the same names, that nobody has touched."""
    if getattr(module, "__file__", None) == queue.__file__:
        _install_in(module)


def _install_in(module: Any) -> None:
    kinds = (module.Queue, module.LifoQueue, module.PriorityQueue)
    own = {vars(kind)[name] for kind in kinds for name in ("_put", "_get")}

    def made(result: None, self: Any, /, *_: Any, **__: Any) -> None:
        if not {type(self)._put, type(self)._get} <= own:
            # A subclass: the program's own code runs with the queue's lock held, and may rely on it.
            self.mutex = traced(self.mutex)
            for name in ("not_empty", "not_full", "all_tasks_done"):
                setattr(self, name, threading.Condition(self.mutex))

    def was_put(result: None, self: Any, /, *_: Any, **__: Any) -> None:
        if self.maxsize > 0:
            acquire(self)

    def makes_room(self: Any, /, *_: Any, **__: Any) -> None:
        if self.maxsize > 0:
            release(self)

    def done(self: Any, /, *_: Any) -> None:
        release(self.all_tasks_done)

    def joined(result: None, self: Any) -> None:
        acquire(self.all_tasks_done)

    for kind in kinds:
        _install_items(kind, first=kind is not module.LifoQueue, all_equal=kind is module.PriorityQueue)
    own |= {vars(kind)[name] for kind in kinds for name in ("_put", "_get")}
    around(module.Queue, "__init__", after=made)
    around(module.Queue, "put", after=was_put)
    around(module.Queue, "get", makes_room)
    around(module.Queue, "task_done", done)
    around(module.Queue, "join", after=joined)
    bare = module.SimpleQueue
    replace(module, "SimpleQueue", _simple(bare))
    if not isinstance(vars(bare)["put"], Around):  # the one type of several copies
        _install_bare(bare)


_Items = collections.defaultdict[int, collections.deque[Clock]]
# By the identity of an item that is in the queue: the clocks of those who have put it there, in their order.
_items: Kept[_Items] = Kept(lambda: collections.defaultdict(collections.deque))


def _install_items(cls: type, first: bool, all_equal: bool) -> None:
    """One clock an item; both run under the queue's lock.

    Of equal items, the one put `first`, or else the last, is what comes out; `all_equal`: only the queue knows which.
    """

    def puts(self: Any, item: Any) -> None:
        items = _items.of(self)
        if items and not self.queue:  # the program has cleared it by hand
            items.clear()
        items[id(item)].append(clock := Clock())
        clock.release()

    def got(item: Any, self: Any) -> Any:
        clocks = _items.of(self).get(id(item))
        if clocks:
            if all_equal:
                for clock in clocks:
                    clock.acquire()
            (clocks.popleft if first else clocks.pop)().acquire()
            if not clocks:
                del _items.of(self)[id(item)]
        return item

    around(cls, "_put", puts)
    around(cls, "_get", after=got)


def _simple(bare: Any) -> Any:
    """In the place of the library's, which is written in C: each item travels with its clock.

    Such a queue outlives the detector, and the globals of this module.
    """
    cls = _simples.get(bare)
    if cls is not None:
        return cls
    new = Clock

    def with_clock(self: Any, *arguments: Any, **named: Any) -> Any:
        if not (arguments or "item" in named):
            return None  # it says what is wrong
        item, *rest = arguments or (named.pop("item"),)
        if not named.keys() <= {"block", "timeout"}:
            return None
        clock = new()
        clock.release()
        return (self, (item, clock), *rest), named

    def without_clock(pair: Any, *_: Any, **__: Any) -> Any:
        item, clock = pair
        clock.acquire()
        return item

    changes = {"put": Around(bare.put, with_clock), "get": Around(bare.get, after=without_clock)}
    if not isinstance(bare.put_nowait, FunctionType):  # in Python, these two call the other two
        changes["put_nowait"] = Around(bare.put_nowait, with_clock)
        changes["get_nowait"] = Around(bare.get_nowait, after=without_clock)
    names = {"__slots__": (), "__module__": bare.__module__, "__doc__": bare.__doc__, **changes}
    cls = _simples.setdefault(bare, type(bare.__name__, (bare,), names))
    engine.name_in_errors(cls, f"{bare.__module__}.{bare.__name__}")
    return cls


_simples: dict[Any, Any] = {}


def _install_bare(bare: Any) -> None:
    """One that is older than the detector, or that a name from before has made: a put comes before every later get."""

    def got(item: Any, self: Any, /, *_: Any, **__: Any) -> Any:
        acquire(self)
        return item

    for name in ("put", "put_nowait"):
        around(bare, name, release, program=True)
    for name in ("get", "get_nowait"):
        around(bare, name, after=got, program=True)

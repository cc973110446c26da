"""put -> the get that received it, get -> the put that needed its room, task_done -> join."""

from __future__ import annotations

import collections
import queue
import threading
from importlib.machinery import SourceFileLoader
from types import FunctionType
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Clock, Hook, traced
from atomicpy.race.happens_before.identity_map import IdentityMap
from atomicpy.race.happens_before.patch import acquire, hook, patch, release


def install() -> None:
    _install_in(queue)
    hook(SourceFileLoader, "exec_module", after=_executed)


def _executed(result: None, loader: Any, module: Any) -> None:
    """Patch the classes of a second copy: a program may import the library's module again."""
    if getattr(module, "__file__", None) == queue.__file__:
        _install_in(module)


def _install_in(module: Any) -> None:
    kinds = (module.Queue, module.LifoQueue, module.PriorityQueue)
    own = {vars(kind)[name] for kind in kinds for name in ("_put", "_get")}

    def made(result: None, self: Any, /, *_: Any, **__: Any) -> None:
        if not {type(self)._put, type(self)._get} <= own:
            # The program's own _put or _get runs with the queue's lock held, so that lock orders its accesses.
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
    hook(module.Queue, "__init__", after=made)
    hook(module.Queue, "put", after=was_put)
    hook(module.Queue, "get", makes_room)
    hook(module.Queue, "task_done", done)
    hook(module.Queue, "join", after=joined)
    bare = module.SimpleQueue
    patch(module, "SimpleQueue", _simple(bare))
    if not isinstance(vars(bare)["put"], Hook):  # copies of the module share this type
        _install_bare(bare)


_Items = collections.defaultdict[int, collections.deque[Clock]]
# For each queue, from the identity of an item in it to the clocks of its puts, in their order.
_items: IdentityMap[_Items] = IdentityMap(lambda: collections.defaultdict(collections.deque))


def _install_items(cls: type, first: bool, all_equal: bool) -> None:
    """One clock per item. Both hooks run under the queue's lock.

    An object may be in the queue several times. Then a get returns the one that was put `first`, or else the last.
    With `all_equal` the order is not known, so a get acquires the clocks of all of them.
    """

    def puts(self: Any, item: Any) -> None:
        items = _items.of(self)
        if items and not self.queue:  # the program has cleared the underlying container
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

    hook(cls, "_put", puts)
    hook(cls, "_get", after=got)


def _simple(bare: Any) -> Any:
    """A subclass of the library's SimpleQueue, which is written in C: it puts each item together with a clock.

    Such a queue may be used after uninstall(), and when the interpreter has cleared this module's globals.
    """
    cls = _simples.get(bare)
    if cls is not None:
        return cls
    new = Clock

    def with_clock(self: Any, *arguments: Any, **named: Any) -> Any:
        if not (arguments or "item" in named):
            return None  # the original raises the error
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

    changes = {"put": Hook(bare.put, with_clock), "get": Hook(bare.get, after=without_clock)}
    if not isinstance(bare.put_nowait, FunctionType):  # the pure Python version calls put and get there
        changes["put_nowait"] = Hook(bare.put_nowait, with_clock)
        changes["get_nowait"] = Hook(bare.get_nowait, after=without_clock)
    names = {"__slots__": (), "__module__": bare.__module__, "__doc__": bare.__doc__, **changes}
    cls = _simples.setdefault(bare, type(bare.__name__, (bare,), names))
    engine.name_in_errors(cls, f"{bare.__module__}.{bare.__name__}")
    return cls


_simples: dict[Any, Any] = {}


def _install_bare(bare: Any) -> None:
    """For queues made before install(), or by a name bound before it: a put happens before every later get."""

    def got(item: Any, self: Any, /, *_: Any, **__: Any) -> Any:
        acquire(self)
        return item

    for name in ("put", "put_nowait"):
        hook(bare, name, release, program=True)
    for name in ("get", "get_nowait"):
        hook(bare, name, after=got, program=True)

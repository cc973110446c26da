"""What modules that are imported already have made: their locks, and names of what makes one, are replaced as well.

Such modules are the plugins of pytest with all that they import, and what a `.pth` file has begun. A lock gets a clock
around the very lock that it is, so it goes on to shut out those who have it from elsewhere. It is found among the
globals, in a class, and in an object that a global holds; `from threading import Lock` is a name for what was there
before. One that is kept elsewhere, in a list or a closure, orders what the program's own code does under it
(locks.py); so do its conditions, wherever they are. Queues, events, semaphores and barriers need nothing: their classes
are the same.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from types import GetSetDescriptorType, ModuleType
from typing import Any

from atomicpy.race.engine.engine import traced
from atomicpy.race.happens_before.locks import is_bare
from atomicpy.race.happens_before.patch import names_in_modules, replace, whose


def install() -> None:
    """After all the others, who say what takes the place of what."""
    instead = names_in_modules()
    locks: dict[int, Any] = {}
    for owner in _owners():
        for name, value in list(vars(owner).items()):
            if is_bare(value):
                replace(owner, name, locks.setdefault(id(value), traced(value)))
            elif id(value) in instead and isinstance(owner, ModuleType):
                replace(owner, name, instead[id(value)])
    for condition in _conditions():
        bare = condition._lock
        again = threading.Condition(locks.setdefault(id(bare), traced(bare)))
        for each in vars(again).keys() - {"_waiters"}:
            replace(condition, each, vars(again)[each])


def _conditions() -> list[Any]:
    """Those on a bare lock, wherever they are, but for what the library's own objects are made of."""
    objects = gc.get_objects()
    classes = {cls for cls in {type(each) for each in objects} if _is_librarys(cls)}  # far fewer than objects
    library = {id(value) for each in objects if type(each) in classes for value in vars(each).values()}
    conditions: list[Any] = [each for each in objects if type(each) is threading.Condition]
    return [each for each in conditions if is_bare(each._lock) and id(each) not in library]


def _is_librarys(cls: type) -> bool:
    """A class of the library whose objects have attributes: it is written in Python."""
    module = sys.modules.get(cls.__module__)
    return type(module) is ModuleType and whose(_file(module)) is False and _has_plain_dict(cls)


def _owners() -> Iterator[Any]:
    """The program's modules so far, their classes, and what their globals hold of these if it has a plain dict."""
    modules = [each for each in list(sys.modules.values()) if type(each) is ModuleType and whose(_file(each))]
    names = {each.__name__ for each in modules}
    for module in modules:
        yield module
        for value in list(vars(module).values()):
            cls: Any = type(value)
            if isinstance(value, type):
                if vars(value).get("__module__") == module.__name__:
                    yield value
            elif cls.__module__ in names and cls.__setattr__ is object.__setattr__ and _has_plain_dict(cls):
                yield value


def _has_plain_dict(cls: type) -> bool:
    found = [vars(base)["__dict__"] for base in cls.__mro__ if "__dict__" in vars(base)]
    return bool(found) and type(found[0]) is GetSetDescriptorType


def _file(module: ModuleType) -> str:
    file = vars(module).get("__file__")
    return file if isinstance(file, str) else "<frozen>"

"""What modules that are imported already have made: their locks, and names of what makes one, are replaced as well.

Such modules are the plugins of pytest with all that they import, and what a `.pth` file has begun. A lock gets a clock
around the very lock that it is, so it goes on to shut out those who have it from elsewhere. It is found among the
globals, in a class, and in an object that a global holds; `from threading import Lock` is a name for what was there
before. Queues, events, semaphores and barriers need nothing: their classes are the same.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import GetSetDescriptorType, ModuleType
from typing import Any

from atomicpy.race.edges.replaced import names_in_modules, replace, whose
from atomicpy.race.engine import TracedLock, TracedRLock, traced


def install() -> None:
    """After all the others, who say what takes the place of what."""
    instead = names_in_modules()
    locks: dict[int, Any] = {}
    for owner in _owners():
        for name, value in list(vars(owner).items()):
            if _is_bare(value):
                replace(owner, name, locks.setdefault(id(value), traced(value)))
            elif type(value) is threading.Condition and _is_bare(value._lock):  # type: ignore[attr-defined]
                bare = value._lock  # type: ignore[attr-defined]
                again = threading.Condition(locks.setdefault(id(bare), traced(bare)))
                for each in vars(again).keys() - {"_waiters"}:
                    replace(value, each, vars(again)[each])
            elif id(value) in instead and isinstance(owner, ModuleType):
                replace(owner, name, instead[id(value)])


def _is_bare(value: Any) -> bool:
    """A lock without a clock: both are instances of the types that stand in `threading`."""
    return isinstance(value, (TracedLock, TracedRLock)) and type(value) not in (TracedLock, TracedRLock)


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

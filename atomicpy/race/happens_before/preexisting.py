"""Locks, and names of what makes locks, that modules have bound before the detector is installed.

Such modules are plugins of pytest with everything that they import, and what a `.pth` file imports. A traced lock
holds the bare lock that it replaces, so it still excludes the threads that use the bare one. Patched are locks in
the globals of a module, in a class of it, and in an object that a global holds. A name like that of
`from threading import Lock` is bound to what replaces it.

A lock elsewhere, in a list or a closure, stays bare. It orders accesses when the program's own code takes it
(locks.py). Conditions are patched wherever they are. Queues, events, semaphores and barriers need nothing here,
because their classes are patched in place.
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
from atomicpy.race.happens_before.patch import patch, patched_names
from atomicpy.race.ownership import counts_as_program


def install() -> None:
    """Call this after every other install(): they patch the names that this looks for."""
    instead = patched_names()
    locks: dict[int, Any] = {}
    for owner in _owners():
        for name, value in list(vars(owner).items()):
            if is_bare(value):
                patch(owner, name, locks.setdefault(id(value), traced(value)))
            elif id(value) in instead and isinstance(owner, ModuleType):
                patch(owner, name, instead[id(value)])
    for condition in _conditions():
        bare = condition._lock
        again = threading.Condition(locks.setdefault(id(bare), traced(bare)))
        for each in vars(again).keys() - {"_waiters"}:
            patch(condition, each, vars(again)[each])


def _conditions() -> list[Any]:
    """All conditions on a bare lock, without those that objects of the standard library use for themselves."""
    objects = gc.get_objects()
    classes = {cls for cls in {type(each) for each in objects} if _is_of_library(cls)}  # far fewer than objects
    library = {id(value) for each in objects if type(each) in classes for value in vars(each).values()}
    conditions: list[Any] = [each for each in objects if type(each) is threading.Condition]
    return [each for each in conditions if is_bare(each._lock) and id(each) not in library]


def _is_of_library(cls: type) -> bool:
    """Whether the standard library defines the class in Python, and its instances have attributes."""
    module = sys.modules.get(cls.__module__)
    return type(module) is ModuleType and counts_as_program(_file(module)) is False and _has_plain_dict(cls)


def _owners() -> Iterator[Any]:
    """The program's modules, their classes, and the objects with a plain dict that their globals hold."""
    modules = [each for each in list(sys.modules.values()) if type(each) is ModuleType]
    modules = [each for each in modules if counts_as_program(_file(each))]
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

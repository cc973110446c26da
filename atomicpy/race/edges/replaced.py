"""Replace a function of a module or a class, and put it back; who calls it: the program, or the library for itself."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from atomicpy.race import engine

LIBRARY = os.path.dirname(os.__file__) + os.sep
PACKAGES = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_originals: list[tuple[Callable[[Any, str, Any], None], Any, str, Any]] = []


def replace(owner: Any, name: str, value: Any) -> None:
    """`owner.name = value`, until put_back()."""
    _originals.append((setattr, owner, name, vars(owner)[name]))
    setattr(owner, name, value)


def replace_in_type(owner: type, name: str, value: Any) -> None:
    """As replace(), for a class that is written in C."""
    _originals.append((engine.set_type_attribute, owner, name, vars(owner)[name]))
    engine.set_type_attribute(owner, name, value)


def put_back() -> None:
    while _originals:
        put, owner, name, original = _originals.pop()
        put(owner, name, original)


def for_the_program() -> bool:
    """Whether the nearest caller outside the detector is no part of the standard library.

    What the library asks for, for itself, orders nothing: its locks are no promise to the program.
    """
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(HERE) and frame.f_back is not None:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return not file.startswith((LIBRARY, "<frozen")) or any(folder in file for folder in PACKAGES)


def around(
    cls: type,
    name: str,
    before: Callable[[Any], object] | None = None,
    after: Callable[[Any, Any], object] | None = None,
) -> None:
    """Call `before(self)` ahead of a method and `after(self, result)` behind it, where the program calls it."""
    original = vars(cls)[name]

    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        ours = for_the_program()
        if ours and before is not None:
            before(self)
        result = original(self, *arguments, **named)
        if ours and after is not None:
            after(self, result)
        return result

    replace(cls, name, method)


def release(self: Any) -> None:
    engine.clock_of(self).release()


def acquire(self: Any) -> None:
    engine.clock_of(self).acquire()


def acquire_if_true(self: Any, result: Any) -> None:
    if result:
        engine.clock_of(self).acquire()

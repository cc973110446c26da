"""Replace a function of a module or a class, and put it back; whose code a file is: the program's, or the library's."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Around
from atomicpy.race.instrument.rewriter import instrumented_files

LIBRARY = os.path.dirname(os.__file__) + os.sep
PACKAGES = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_MISSING = object()
_originals: list[tuple[Any, str, Any]] = []


def replace(owner: Any, name: str, value: Any) -> None:
    """`owner.name = value`, until put_back(): of a module, or a class; it may be written in C, or inherit it."""
    _originals.append((owner, name, vars(owner).get(name, _MISSING)))
    _set(owner, name, value)


def around(
    owner: Any,
    name: str,
    before: Callable[..., Any] | None = None,
    after: Callable[..., Any] | None = None,
    failed: Callable[..., Any] | None = None,
    end: Callable[..., Any] | None = None,
    program: bool = False,
) -> None:
    """Put an Around in the place of a function that is there. `program`: only where the program calls it."""
    original = vars(owner).get(name, _MISSING)
    original = getattr(owner, name) if original is _MISSING else original
    replace(owner, name, Around(original, before, after, failed, end, program=program))


def names_in_modules() -> dict[int, Any]:
    """What has been replaced in modules: by the identity of what was there, what is there now."""
    return {id(original): vars(owner)[name] for owner, name, original in _originals if type(owner) is ModuleType}


def put_back() -> None:
    while _originals:
        _set(*_originals.pop())


def _set(owner: Any, name: str, value: Any) -> None:
    if value is _MISSING:
        delattr(owner, name)
    elif isinstance(owner, type):
        engine.set_type_attribute(owner, name, value)
    else:
        setattr(owner, name, value)


def whose(file: str) -> bool | None:
    """True: the program's; False: the standard library's; None: the detector's own.

    What the library asks for, for itself, orders nothing: its locks are no promise to the program. What `--include`
    takes of the library is the program's: its accesses count, and so do its locks.
    """
    if file.startswith(HERE):
        return None
    if file in instrumented_files:
        return True
    return not file.startswith((LIBRARY, "<frozen")) or any(folder in file for folder in PACKAGES)


# ---- what stands before and behind -------------------------------------------------------------------------------


def release(self: Any, /, *_: Any, **__: Any) -> None:
    """Before a method: what the thread has done comes before an acquire of the object's clock."""
    engine.clock_of(self).release()


def acquire(self: Any, /, *_: Any, **__: Any) -> None:
    engine.clock_of(self).acquire()


def acquire_after(result: Any, self: Any, /, *_: Any, **__: Any) -> Any:
    """Behind a method, unless it returned False: not got, or timed out."""
    if result is not False:
        engine.clock_of(self).acquire()
    return result

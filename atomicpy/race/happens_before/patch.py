"""Patch a function of a module or a class, or hook it; undo all patches. Hooks that several files use."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Hook

_MISSING = object()
_originals: list[tuple[Any, str, Any]] = []


def patch(owner: Any, name: str, value: Any) -> None:
    """Set `owner.name = value` until restore(). A class may be written in C, or inherit the name."""
    _originals.append((owner, name, vars(owner).get(name, _MISSING)))
    _set(owner, name, value)


def hook(
    owner: Any,
    name: str,
    before: Callable[..., Any] | None = None,
    after: Callable[..., Any] | None = None,
    failed: Callable[..., Any] | None = None,
    end: Callable[..., Any] | None = None,
    program: bool = False,
) -> None:
    """Patch an existing function with a Hook of it. `program`: the hooks run only when the program calls it."""
    original = vars(owner).get(name, _MISSING)
    original = getattr(owner, name) if original is _MISSING else original
    patch(owner, name, Hook(original, before, after, failed, end, program=program))


def patched_names() -> dict[int, Any]:
    """What is patched in modules: from the identity of each original to its replacement."""
    return {id(original): vars(owner)[name] for owner, name, original in _originals if type(owner) is ModuleType}


def restore() -> None:
    """Undo all patches, the last one first."""
    while _originals:
        _set(*_originals.pop())


def _set(owner: Any, name: str, value: Any) -> None:
    if value is _MISSING:
        delattr(owner, name)
    elif isinstance(owner, type):
        engine.set_type_attribute(owner, name, value)
    else:
        setattr(owner, name, value)


# ---- hooks -------------------------------------------------------------------------------------------------------


def release(self: Any, /, *_: Any, **__: Any) -> None:
    """Before a method: what the thread has done happens before an acquire of the object's clock."""
    engine.clock_of(self).release()


def acquire(self: Any, /, *_: Any, **__: Any) -> None:
    """After a method: what was released into the object's clock happens before what the thread does next."""
    engine.clock_of(self).acquire()


def acquire_after(result: Any, self: Any, /, *_: Any, **__: Any) -> Any:
    """After a method, unless it returned False, which means that it did not acquire or timed out."""
    if result is not False:
        engine.clock_of(self).acquire()
    return result

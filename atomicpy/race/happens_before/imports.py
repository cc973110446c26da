"""The body of a module -> an import statement or import_module() that finds the module."""

from __future__ import annotations

import builtins
import importlib
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

from atomicpy.race.happens_before.patch import acquire, hook, release


def _acquire_modules(name: str) -> None:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            acquire(module)


def _executed(result: None, loader: Any, module: Any) -> None:
    release(module)


def _imported(  # the parameters of builtins.__import__
    found: Any,
    name: str,
    globals: Any = None,  # noqa: A002
    locals: Any = None,  # noqa: A002
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    if not level:
        _acquire_modules(name)
    inside = getattr(found, "__name__", None)
    if inside is not None and fromlist:
        _acquire_modules(inside)
        for each in fromlist:
            if isinstance(each, str):
                _acquire_modules(f"{inside}.{each}")
    return found


def _imported_module(found: Any, *_: Any, **__: Any) -> Any:
    _acquire_modules(found.__name__)
    return found


def install() -> None:
    hook(SourceFileLoader, "exec_module", after=_executed)
    hook(builtins, "__import__", after=_imported)
    hook(importlib, "import_module", after=_imported_module)

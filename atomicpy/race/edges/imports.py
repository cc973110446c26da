"""A module's body -> an import statement or import_module that finds the module."""

from __future__ import annotations

import builtins
import functools
import importlib
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

from atomicpy.race.edges.replaced import acquire, release, replace


def _seen(name: str) -> None:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            acquire(module)


def install() -> None:
    execute = SourceFileLoader.exec_module
    find, module_of = builtins.__import__, importlib.import_module

    def exec_module(self: Any, module: Any) -> None:
        execute(self, module)
        release(module)

    @functools.wraps(find)
    def new_import(  # the names of its arguments are the builtin's
        name: str,
        globals: Any = None,  # noqa: A002
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        found = find(name, globals, locals, fromlist, level)
        if not level:
            _seen(name)
        inside = getattr(found, "__name__", None)
        if inside is not None and fromlist:
            _seen(inside)
            for each in fromlist:
                if isinstance(each, str):
                    _seen(f"{inside}.{each}")
        return found

    @functools.wraps(module_of)
    def import_module(name: str, package: str | None = None) -> Any:
        found = module_of(name, package)
        _seen(found.__name__)
        return found

    # SourceFileLoader inherits it: put one in front, and take it away again.
    replace_inherited(SourceFileLoader, "exec_module", exec_module)
    replace(builtins, "__import__", new_import)
    replace(importlib, "import_module", import_module)


def replace_inherited(cls: Any, name: str, value: Any) -> None:
    if name not in vars(cls):
        setattr(cls, name, getattr(cls, name))
    replace(cls, name, value)

"""The name of a location as the source uses it. Runs no code of the program: no __repr__, no __getattr__."""

from __future__ import annotations

import os
import types
from typing import Any

from atomicpy.race.report import source

# Of exactly these types repr() runs no code of the program.
PLAIN = (int, str, bytes, float, bool, complex, type(None))
LONGEST_KEY = 40


def location(kind: str, obj: Any, name: Any, stacks: tuple[Any, ...]) -> str:
    """The name of the location in a record of the engine. `stacks` are those of its two accesses."""
    if kind == "attribute":
        return _attribute(obj, name)
    if kind == "global":
        return f"global {name} in {_module(obj, stacks)}"
    if kind == "variable":
        for stack in stacks:
            for frame in stack[:1]:
                if owner := source.owner(frame.file, frame.line, name):
                    return f"variable {name} of {owner}"
        return f"variable {name}"
    text = _container(stacks)
    if kind == "keys":
        return f"keys of {text or _of(obj)}"
    if not (shown := key(name)):
        return f"an item of {text or _of(obj)}"
    return f"{text}[{shown}]" if text else f"item {shown} of {_of(obj)}"


def key(value: Any) -> str:
    """The key as a literal if it is of a type in PLAIN, else its type."""
    if type(value) in PLAIN:
        text = repr(value)
        return text if len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}…"
    if type(value) is tuple and len(value) <= 4:
        shown = [key(part) for part in value]
        return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"
    return _of(value)


def type_name(cls: type) -> str:
    """The name of a type, without a call of its metaclass."""
    return str(type.__dict__["__name__"].__get__(cls))


def _of(obj: Any) -> str:
    return "an object that is gone" if obj is None else f"<{type_name(type(obj))} object>"


def _attribute(obj: Any, name: str) -> str:
    if obj is None:
        return f"attribute {name}"
    cls = type(obj)
    if issubclass(cls, types.ModuleType):
        return f"global {name} in {_module(obj, ())}"
    if issubclass(cls, type):
        return f"{type_name(obj)}.{_unmangled(name, obj)} of class {type_name(obj)}"
    return f"{type_name(cls)}.{_unmangled(name, cls)} of {_of(obj)}"


def _unmangled(name: str, cls: type) -> str:
    """`__x` for `_Counter__x`: the name in the source of the class, or of a class that it inherits from."""
    for base in type.__dict__["__mro__"].__get__(cls):
        prefix = f"_{type_name(base).lstrip('_')}__"
        if name.startswith(prefix) and not name.endswith("__"):
            return name[len(prefix) - 2 :]
    return name


def _module(obj: Any, stacks: tuple[Any, ...]) -> str:
    """The file of a module, given the module or its globals; else the file of the access."""
    if isinstance(obj, types.ModuleType):
        obj = vars(types.ModuleType)["__dict__"].__get__(obj)
    if type(obj) is str:
        return os.path.basename(obj)
    if type(obj) is dict:
        if type(file := obj.get("__file__")) is str:
            return os.path.basename(file)
        if type(module := obj.get("__name__")) is str:
            return module
    for stack in stacks:
        for frame in stack[:1]:
            return str(os.path.basename(frame.file))
    return "a module that is gone"


def _container(stacks: tuple[Any, ...]) -> str:
    for stack in stacks:
        for frame in stack[:1]:
            place = (_bytes(frame, frame.line, frame.column), frame.end_line)
            text = source.container(
                frame.file, frame.line, *place, _bytes(frame, frame.end_line or frame.line, frame.end_column)
            )
            if text:
                return text
    return ""


def _bytes(frame: Any, line: int, column: int | None) -> int | None:
    """The column in bytes, as ast counts it."""
    return None if column is None else len(source.line_of(frame.file, line)[:column].encode())

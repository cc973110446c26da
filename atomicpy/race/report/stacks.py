"""Which frames of a stack are the program's, and what their functions are called."""

from __future__ import annotations

import os
import sysconfig
from typing import Any

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
COMMAND = os.path.join(os.path.dirname(os.path.dirname(HERE)), "__main__.py")
LIBRARY = (sysconfig.get_path("stdlib") or "<none>") + os.sep
# How a thread begins and is started, in the library: true, and of no use to a reader.
STARTS = tuple(LIBRARY + name.replace("/", os.sep) for name in ("threading.py", "concurrent/futures/", "asyncio/"))
RUNNERS = tuple(LIBRARY + name for name in ("runpy.py", "importlib" + os.sep))
# What calls a test: everything outside of it is pytest's.
PYTEST = tuple(os.sep + name + os.sep for name in ("_pytest", "pluggy", "xdist", "execnet"))


def of_the_program(stack: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The frames that a reader wants, innermost first."""
    for at, frame in enumerate(stack):
        if at and any(part in frame[0] for part in PYTEST):
            stack = stack[:at]
            break
    stack = [frame for frame in stack if not _machinery(frame[0])]
    own = [at for at, frame in enumerate(stack) if not frame[0].startswith(STARTS)]
    return stack[own[0] : own[-1] + 1] if own else stack


def _machinery(file: str) -> bool:
    # "__init__": what the interpreter puts between a class that is called and its __init__; it has no source.
    return file in (COMMAND, "__init__") or file.startswith((HERE, "<frozen ", *RUNNERS))


def function(name: str) -> str:
    """The function as its class and name say it: "Counter.inc()" of "main.<locals>.Counter.inc"."""
    name = name.rpartition("<locals>.")[2]
    return name if name.endswith((">", ")")) else f"{name}()"

"""Which frames of a stack a report shows, and what it calls their functions."""

from __future__ import annotations

from typing import Any

from atomicpy.race import ownership
from atomicpy.race.ownership import Owner

# Modules of the standard library in which a thread is created and begins. A report shows what lies between them.
STARTS = ("threading.py", "concurrent/futures/", "asyncio/")
RUNNERS = ("runpy.py", "importlib/")


def of_the_program(stack: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The frames that a report shows, innermost first."""
    for at, frame in enumerate(stack):
        if at and ownership.is_test_runner(frame[0]):  # it calls the test: outer frames are its own
            stack = stack[:at]
            break
    stack = [frame for frame in stack if not _is_machinery(frame[0])]
    own = [at for at, frame in enumerate(stack) if not ownership.path_in_library(frame[0]).startswith(STARTS)]
    return stack[own[0] : own[-1] + 1] if own else stack


def _is_machinery(file: str) -> bool:
    """Whether the frame belongs to the detector, or to the interpreter's way of starting the program."""
    # "__init__" has no source: the interpreter puts that frame between the call of a class and its __init__.
    return (
        file in (ownership.COMMAND, "__init__")
        or file.startswith("<frozen ")
        or ownership.owner_of(file) is Owner.DETECTOR
        or ownership.path_in_library(file).startswith(RUNNERS)
    )


def function(name: str) -> str:
    """The function with its class: "Counter.inc()" for "main.<locals>.Counter.inc"."""
    name = name.rpartition("<locals>.")[2]
    return name if name.endswith((">", ")")) else f"{name}()"

"""What was found: a race as a value, and who is told of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from atomicpy.race.engine.requirements import NEEDS
from atomicpy.race.report import naming, source, stacks

NOT_RUNNING = (
    "the race detector is not running, so the code is not instrumented: "
    "use `python -m atomicpy race script.py`, or `pytest --race`"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a stack. Columns count characters from 0; None where the compiler left none."""

    file: str
    line: int
    function: str
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    source: str = ""  # the line of the source, without its indentation


@dataclass(frozen=True, slots=True)
class Access:
    """One of the two accesses. Stacks have the innermost frame first."""

    write: bool
    thread: str
    thread_number: int  # of the detector's own count; the operating system uses its numbers again
    stack: tuple[Frame, ...]
    created: tuple[Frame, ...] | None  # where the thread was started; None for the main thread and one from C


@dataclass(frozen=True, slots=True)
class Race:
    """Two accesses to one location, at least one of them a write, from threads that nothing orders."""

    kind: str  # "attribute", "global", "variable", "item" or "keys"
    location: str  # by the name that the source uses: "Counter.value of <Counter object>"
    current: Access  # the one at which the race was found
    previous: Access

    def __str__(self) -> str:
        from atomicpy.race.report import text as text_report

        return text_report.text(self)

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """The two lines of source, in an order that does not depend on which came first."""
        tops = (access.stack[0] for access in (self.current, self.previous) if access.stack)
        return tuple(sorted((frame.file, frame.line) for frame in tops))

    @classmethod
    def of(cls, record: Any) -> Race:
        """The race that a record of the engine describes. Runs no code of the program."""
        current, previous = _access(record.current), _access(record.previous)
        name = getattr(record, "name", None)
        key = getattr(record, "key", name) if record.kind == "item" else name
        location = naming.location(record.kind, record.obj, key, (current.stack, previous.stack))
        return cls(record.kind, location, current, previous)


def _access(access: Any) -> Access:
    number, name, created = access.thread
    stack = tuple(_frames(access.stack))
    return Access(access.write, name, number, stack, tuple(_frames(created)) if created else None)


def _frames(stack: Iterable[tuple[Any, ...]]) -> Iterator[Frame]:
    for file, function, line, *columns in stacks.of_the_program(list(stack)):
        column, end_line, end_column = [*columns, None, None, None][:3]
        column, end_column = (
            source.characters(file, line, column),
            source.characters(file, end_line or line, end_column),
        )
        text = source.line_of(file, line).strip()
        yield Frame(file, line, stacks.function(function), column, end_line, end_column, text)


# ---- who is told -------------------------------------------------------------------------------------------------

# Without a lock: the engine calls from the middle of any statement, a signal handler's as well; each step is atomic.
_receivers: list[Callable[[Race], None]] = []


def on_race(record: Any) -> None:
    """What the engine calls for each race it finds: the block opened last is told, and nobody else."""
    for receive in _receivers[-1:]:
        receive(Race.of(record))


@contextmanager
def receiving(receive: Callable[[Race], None]) -> Iterator[None]:
    """Let `receive` be told of every race that is found meanwhile."""
    _receivers.append(receive)
    try:
        yield
    finally:
        _receivers.remove(receive)


@contextmanager
def detect() -> Iterator[list[Race]]:
    """Collect the races that are found while the block runs, in any thread, instead of reporting them.

    The code must be instrumented already: by `python -m atomicpy race script.py` or `pytest --race`. A block inside
    another one keeps its races to itself. Each pair of source lines is in the list once.

    Raises RuntimeError if the detector is not running, or cannot: it needs CPython 3.13 or later.

    ::

        with detect() as races:
            run_the_threads()
        assert not races, races[0]
    """
    if sys.version_info < (3, 13):
        raise RuntimeError(NEEDS)
    engine = sys.modules.get("atomicpy.race.engine.engine")
    if engine is None or not engine.installed():
        raise RuntimeError(NOT_RUNNING)
    engine.forget_reported()
    races: list[Race] = []
    with receiving(races.append):
        yield races


def path(file: str) -> str:
    """The file as a reader in the working folder names it."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the working folder is gone; another drive
        return file
    return file if file.startswith("<") or relative.startswith("..") else relative

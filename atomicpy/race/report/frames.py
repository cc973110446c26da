"""One side of a race as a value: the access, its thread, and the frames of its stack."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from atomicpy.race.report import source, stacks


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a stack. Columns count characters from 0; None where the compiler recorded none."""

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
    thread_number: int  # counted by the detector, because the operating system reuses its thread ids
    stack: tuple[Frame, ...]
    created: tuple[Frame, ...] | None  # where the thread was started; None for the main thread and for one from C

    @classmethod
    def of(cls, record: Any) -> Access:
        """The access that a record of the engine describes."""
        number, name, created = record.thread
        stack = tuple(_frames(record.stack))
        return cls(record.write, name, number, stack, tuple(_frames(created)) if created else None)


def _frames(stack: Iterable[tuple[Any, ...]]) -> Iterator[Frame]:
    for file, function, line, *columns in stacks.of_the_program(list(stack)):
        column, end_line, end_column = [*columns, None, None, None][:3]
        start = source.characters(file, line, column)
        end = source.characters(file, end_line or line, end_column)
        yield Frame(file, line, stacks.function(function), start, end_line, end, source.line_of(file, line).strip())


def path(file: str) -> str:
    """The file relative to the working folder if it lies in it, else as given."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the working folder is gone, or the file lies on another drive
        return file
    return file if file.startswith("<") or relative.startswith("..") else relative

"""The report for people, in the form of Go's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO

from atomicpy.race.found import Access, Frame, Race, path

RULE = "=" * 18
BOLD_RED, BOLD, PLAIN = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def text(race: Race, *, colour: bool = False) -> str:
    """The whole report of one race, with the lines around it and no newline at its end."""
    return "\n".join(_lines(race, colour))


def found(count: int) -> str:
    """The last line of all."""
    return f"Found {count} data race(s)"


def coloured(stream: IO[str]) -> bool:
    """Whether a report on the stream may have colours: on a terminal, unless NO_COLOR is set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no file, or a closed one
        return False


def _lines(race: Race, colour: bool) -> Iterator[str]:
    red, bold, plain = (BOLD_RED, BOLD, PLAIN) if colour else ("", "", "")
    yield RULE
    yield f"{red}WARNING: DATA RACE{plain}"
    yield f"{bold}{race.location}{plain}"
    for word, access in (("", race.current), ("previous ", race.previous)):
        what = f"{word}{'write' if access.write else 'read'}".capitalize()
        yield f"{bold}{what} by {_thread(access)}:{plain}"
        yield from _stack(access.stack)
        yield ""
    numbers = set()
    for access in (race.current, race.previous):
        if access.thread_number in numbers or _main(access):
            continue
        numbers.add(access.thread_number)
        if access.created:
            yield f"{bold}{_thread(access, at_start=True)} created at:{plain}"
            yield from _stack(access.created)
        else:
            yield f"{_thread(access, at_start=True)} was not created by code that the detector saw"
        yield ""
    yield RULE


def _main(access: Access) -> bool:
    return access.thread == "MainThread" and not access.created


def _thread(access: Access, *, at_start: bool = False) -> str:
    if _main(access):
        return "the main thread"
    return f"{'T' if at_start else 't'}hread {access.thread}"


def _stack(stack: tuple[Frame, ...]) -> Iterator[str]:
    if not stack:
        yield "  (the stack is not known any more)"
    for frame in stack:
        yield f"  {frame.function}"
        yield f"      {path(frame.file)}:{frame.line}" + (f": {frame.source}" if frame.source else "")

"""The report for people, in the form of Go's."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import IO

from atomicpy.race.report.found import Access, Frame, Race, path

RULE = "=" * 18
LONGEST = 160  # characters of a line of source: more is not read, and a line of data would bury the report
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
    yield f"{bold}{_printable(race.location)}{plain}"
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
    return f"{'T' if at_start else 't'}hread {_printable(access.thread)}"


def _stack(stack: tuple[Frame, ...]) -> Iterator[str]:
    if not stack:
        yield "  (the stack is not known any more)"
    for frame in stack:
        yield f"  {frame.function}"
        yield f"      {_printable(path(frame.file))}:{frame.line}" + (f": {_excerpt(frame)}" if frame.source else "")


def _excerpt(frame: Frame) -> str:
    """The line of source; of a very long one the part around the access."""
    text = frame.source
    if len(text) > LONGEST:
        start = min(max(0, (frame.column or 0) - LONGEST // 2), len(text) - LONGEST)
        end = start + LONGEST
        text = ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
    return _printable(text)


def _printable(text: str) -> str:
    """With what would end the line, or command the terminal, as Python writes it in a string."""
    return text if text.isprintable() else "".join(map(_character, text))


def _character(one: str) -> str:
    # Lone surrogates are left to who writes.
    control = unicodedata.category(one) in ("Cc", "Zl", "Zp") and one != "\t"
    return one.encode("unicode_escape").decode() if control else one

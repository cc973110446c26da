"""The report as text, in the form of Go's race detector."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import IO

from atomicpy.race.report.frames import Access, Frame, path

RULE = "=" * 18
LONGEST = 160  # characters of a line of source: a line of data would fill the screen
BOLD_RED, BOLD, PLAIN = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def report(location: str, current: Access, previous: Access, *, colour: bool = False) -> str:
    """The whole report of one race, from rule to rule, without a newline at its end."""
    return "\n".join(_lines(location, current, previous, colour))


def found(count: int) -> str:
    """The last line of a run: the number of races."""
    return f"Found {count} data race(s)"


def coloured(stream: IO[str]) -> bool:
    """Whether a report on the stream has colours: on a terminal, unless NO_COLOR is set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # not a file, or a closed one
        return False


def _lines(location: str, current: Access, previous: Access, colour: bool) -> Iterator[str]:
    red, bold, plain = (BOLD_RED, BOLD, PLAIN) if colour else ("", "", "")
    yield RULE
    yield f"{red}WARNING: DATA RACE{plain}"
    yield f"{bold}{_printable(location)}{plain}"
    for word, access in (("", current), ("previous ", previous)):
        what = f"{word}{'write' if access.write else 'read'}".capitalize()
        yield f"{bold}{what} by {_thread(access)}:{plain}"
        yield from _stack(access.stack)
        yield ""
    numbers = set()
    for access in (current, previous):
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
    """The line of source; of one longer than LONGEST the part around the access."""
    text = frame.source
    if len(text) > LONGEST:
        start = min(max(0, (frame.column or 0) - LONGEST // 2), len(text) - LONGEST)
        end = start + LONGEST
        text = ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
    return _printable(text)


def _printable(text: str) -> str:
    """The text with line ends and control characters escaped, as Python escapes them in a string literal."""
    return text if text.isprintable() else "".join(map(_character, text))


def _character(one: str) -> str:
    # Lone surrogates stay: the stream's error handler decides about them.
    control = unicodedata.category(one) in ("Cc", "Zl", "Zp") and one != "\t"
    return one.encode("unicode_escape").decode() if control else one

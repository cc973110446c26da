"""What both commands share on the terminal: exit codes, whole numbers as arguments, paragraphs, a progress line."""

import argparse
import math
import reprlib
import shutil
import textwrap
import time
from collections.abc import Callable
from typing import TextIO

from atomicpy import Mutex

OK, USAGE, INTERRUPTED = 0, 2, 130

WIDTH = 80  # columns: a paragraph is never wider

DELAY = 0.5  # seconds before the first progress line: a short run prints none
EVERY = 0.1  # seconds between two progress lines


def whole_number(most: int, why: str) -> Callable[[str], int]:
    """An argparse type: a whole number from 1 to `most`. `why` is the reason for the upper bound."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"a whole number is needed, not {reprlib.repr(text)}") from None
        if number < 1:
            raise argparse.ArgumentTypeError(f"at least 1 is needed, not {reprlib.repr(text)}")
        if number > most:
            raise argparse.ArgumentTypeError(f"{reprlib.repr(text)} is too many, at most {most:,}: {why}")
        return number

    return convert


def columns() -> int:
    """The width of the terminal."""
    return shutil.get_terminal_size().columns


def paragraph(text: str) -> str:
    """The text in lines as wide as the terminal, and at most 80 columns."""
    return textwrap.fill(text, min(WIDTH, columns()), break_on_hyphens=False)


def print_paragraph(text: str = "") -> None:
    """Print the text as a paragraph; without text, an empty line."""
    print(paragraph(text), flush=True)


class Progress:
    """One line on the terminal, rewritten in place and removed at the end. If the stream is no terminal, no line.

    Each working thread compares the clock with `due`, and the first one past it draws the line. The main thread cannot
    draw it: with the GIL on, it gets no turn for seconds while a thousand threads wait for the GIL.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._mutex = Mutex()  # guards the fields below, and the line
        self._shown = 0  # columns of the line that is on the terminal
        self._name = ""
        self._share: Callable[[], float] = float
        # Read without the mutex: a stale value draws the line a moment early or late.
        self.due = time.perf_counter() + DELAY if self._stream else math.inf

    def begin(self, name: str, share: Callable[[], float]) -> None:
        """Show `name` from now on, with `share()`, from 0 to 1, as the part that is done."""
        with self._mutex:
            self._name, self._share = name, share

    def draw(self) -> None:
        """Rewrite the line if it is due."""
        # The calling thread does not wait for the mutex: its owner is drawing the line.
        if not self._mutex.acquire(blocking=False):
            return
        try:
            if time.perf_counter() >= self.due and self._name:
                self._write(f"{self._name}  {self._share():4.0%}")
                self.due = time.perf_counter() + EVERY
        finally:
            self._mutex.release()

    def clear(self) -> None:
        """Remove the line, and draw none until the next begin()."""
        with self._mutex:
            self._name = ""
            if self._shown:
                self._write("")

    def _write(self, line: str) -> None:
        assert self._stream is not None
        try:
            # Blanks overwrite the rest of the old line: every terminal supports that.
            self._stream.write(f"\r{line:{self._shown}}" if line else f"\r{'':{self._shown}}\r")
            self._stream.flush()
            self._shown = len(line)
        except OSError:
            self.due, self._shown = math.inf, 0  # the terminal was closed

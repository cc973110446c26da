"""The line on the terminal while the demo runs: which counter, how far."""

import math
import time
from collections.abc import Callable
from typing import TextIO

from atomicpy import Mutex

DELAY = 0.5  # seconds before the first line: a short run shows none
EVERY = 0.1  # seconds between two


class Progress:
    """One line, rewritten in place and removed at the end. Nothing at all where the stream is no terminal.

    Whichever thread comes by at `due` draws it. It could not be the main thread's: with the GIL on it gets no
    turn for seconds while a thousand others want it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._mutex = Mutex()  # guards what follows, and the line
        self._shown = 0  # columns
        self._name = ""
        self._share: Callable[[], float] = float
        # Read without the mutex: a stale value draws a moment early or late.
        self.due = time.perf_counter() + DELAY if self._stream else math.inf

    def begin(self, name: str, share: Callable[[], float]) -> None:
        """From now on it is about `name`, of which `share()`, 0 to 1, is done."""
        with self._mutex:
            self._name, self._share = name, share

    def draw(self) -> None:
        """Rewrite the line if it is time to."""
        # Never wait here: the thread has better to do, and who holds the mutex is drawing.
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
            # The old line's rest is overwritten with blanks: every terminal understands that.
            self._stream.write(f"\r{line:{self._shown}}" if line else f"\r{'':{self._shown}}\r")
            self._stream.flush()
            self._shown = len(line)
        except OSError:
            self.due, self._shown = math.inf, 0  # the terminal is gone

"""Ctrl-C as a flag that every thread of the demo reads."""

import mmap
import os
import signal
import tempfile
import threading
from types import FrameType, TracebackType
from typing import IO, Self

CANCELLED = 255  # no signal has this number


class Stop:
    """One byte, `flag[0]`: zero until the threads must stop, then the reason.

    With the GIL on, Python's own handler is late: it runs in the main thread, which waits for the GIL behind a
    thousand threads, 5 ms each, several seconds in all. The write to the wake-up descriptor happens at once, in C. So
    that descriptor is a file of one page, mapped into memory. The threads read its first byte between two chunks of
    work, and see the signal while the main thread still waits.

    No KeyboardInterrupt is raised while the handler is installed, and a second Ctrl-C changes nothing.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._before: int | None = None
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - __exit__ closes it
            self._file.truncate(mmap.PAGESIZE)
            self.flag = memoryview(mmap.mmap(self._file.fileno(), mmap.PAGESIZE))
        except OSError:
            # No file can be made: the handler sets the flag instead.
            self.flag = memoryview(bytearray(1))
        self._installed = False

    def set(self) -> None:
        """Make the threads stop, for another reason than Ctrl-C."""
        self.flag[0] = self.flag[0] or CANCELLED

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was the reason."""
        return self.flag[0] not in (0, CANCELLED)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        self.flag[0] = signum

    def __enter__(self) -> Self:
        # The handler replaces Python's own handler only: a process that ignores SIGINT (nohup, a shell's &) or
        # handles it itself keeps its setting.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            if self._file is not None:
                if hasattr(os, "set_blocking"):
                    os.set_blocking(self._file.fileno(), False)  # set_wakeup_fd demands it
                self._before = signal.set_wakeup_fd(self._file.fileno(), warn_on_full_buffer=False)
            self._installed = True
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        # After Ctrl-C the process is about to end, and a second Ctrl-C must not interrupt that. SIGINT is ignored
        # rather than handled: an interpreter that ends removes its handlers, and then the signal kills it.
        if self._installed:
            signal.signal(signal.SIGINT, signal.SIG_IGN if self.interrupted else signal.default_int_handler)
        if self._file is not None:
            self._file.close()

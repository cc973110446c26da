"""Ctrl-C as a flag that every thread of the demo sees at once."""

import mmap
import os
import signal
import tempfile
import threading
from types import FrameType, TracebackType
from typing import IO, Self

CALLED_OFF = 255  # no signal has this number


class Stop:
    """One byte, `flag[0]`: zero until the threads are to stop, and then why.

    With the GIL on, Python's own way is slow: its handler runs in the main thread alone, and that waits for
    the GIL behind a thousand others, 5 ms each, several seconds in all. What runs at once, in C, is the write
    to the wake-up descriptor. So that descriptor is a file of one page mapped into memory, and the threads,
    which look at its first byte between two chunks of work, see the signal while the main thread still waits.

    No KeyboardInterrupt is raised, so none can come at a bad moment, and a second Ctrl-C changes nothing.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._before: int | None = None
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - __exit__ closes it
            self._file.truncate(mmap.PAGESIZE)
            self.flag = memoryview(mmap.mmap(self._file.fileno(), mmap.PAGESIZE))
        except OSError:
            # Nowhere to write: the flag is set by the handler then.
            self.flag = memoryview(bytearray(1))
        self._installed = False

    def set(self) -> None:
        """Let the threads stop, for another reason than Ctrl-C."""
        self.flag[0] = self.flag[0] or CALLED_OFF

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was the reason."""
        return self.flag[0] not in (0, CALLED_OFF)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        self.flag[0] = signum

    def __enter__(self) -> Self:
        # Only in the place of Python's own handler: who ignores SIGINT (nohup, a shell's &) or handles it,
        # goes on so.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            if self._file is not None:
                if hasattr(os, "set_blocking"):
                    os.set_blocking(self._file.fileno(), False)  # set_wakeup_fd insists
                self._before = signal.set_wakeup_fd(self._file.fileno(), warn_on_full_buffer=False)
            self._installed = True
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        # After Ctrl-C the process is about to end, and another one shall not spoil that. Ignored, and not still
        # handled: an interpreter that ends takes its handlers away, and then the signal kills it.
        if self._installed:
            signal.signal(signal.SIGINT, signal.SIG_IGN if self.interrupted else signal.default_int_handler)
        if self._file is not None:
            self._file.close()

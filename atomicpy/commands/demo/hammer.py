"""The threads of the demo: started once, then let loose together on one counter after the other."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from atomicpy import WaitGroup
from atomicpy.commands.demo.progress import Progress
from atomicpy.commands.demo.rounds import FIRST_CHUNK, Entry, Round, Row, Tally, clock
from atomicpy.commands.demo.stop import Stop

# Before the first gate each thread hammers a counter of its own, for a new thread is slow: its first object
# of each size costs it a page of the heap, and a free-threaded build has it specialise its own copy of the
# bytecode. That counter starts past the small integers, which exist once and are not allocated.
WARM_UP, WARM_FROM = FIRST_CHUNK, 1_000_000


class TooManyThreadsError(Exception):
    """The system starts no more threads than `started`."""

    def __init__(self, started: int, wanted: int) -> None:
        super().__init__(
            f"the system started only {started:,} of {wanted:,} threads; use fewer with --threads, or raise "
            "the limit on processes or memory (ulimit -u, ulimit -v, the pids limit of a container)"
        )


@contextmanager
def switching_every(interval: float | None) -> Iterator[None]:
    """The interpreter's switch interval (s), for a while; None leaves it alone."""
    before = sys.getswitchinterval()
    if interval is not None:
        sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Hammer:
    """The threads, started by `rows()` and gone at the end of the `with Hammer(...)`."""

    def __init__(
        self,
        entries: Sequence[Entry],
        threads: int,
        increments: int,
        stop: Stop,
        progress: Progress,
    ) -> None:
        self.threads = threads
        self.increments = increments
        self.stop = stop
        self.progress = progress
        self.rounds = [Round(entry, threads) for entry in entries]
        # No thread ends before the last row is measured: taking a thread down is work, and not the counter's.
        self.dismissal = WaitGroup()
        self.dismissal.add()
        self.members = WaitGroup()
        self.closed = list(self.rounds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """However it ended, no thread is left. Raises what they raised."""
        if self.closed:
            # They wait at these gates; with the flag set they pass them idle.
            self.stop.set()
            for round_ in self.closed:
                round_.open()
        self.dismissal.done()
        self.members.wait()

    def rows(self) -> Iterator[Row]:
        """Hammer one counter after the other. Ends early, with what there is, where `stop` is set.

        Raises TooManyThreadsError.
        """
        self._start()
        while self.closed and not self.stop.flag[0]:
            while not self.closed[0].at_gate.wait(timeout=1):
                if self.members.count < self.threads:
                    # It ran out of memory, say; __exit__ tells.
                    raise RuntimeError("a thread of the demo has died")
            yield self._let_loose(self.closed.pop(0))

    def _start(self) -> None:
        started = 0
        self.progress.begin("starting threads", lambda: started / self.threads)
        while started < self.threads and not self.stop.flag[0]:
            try:
                self.members.go(self._work, started)
            except RuntimeError as error:
                raise TooManyThreadsError(started, self.threads) from error
            started += 1
            if clock() >= self.progress.due:
                self.progress.draw()
        self.progress.clear()

    def _work(self, number: int) -> None:
        """One thread, from gate to gate."""
        for round_ in self.rounds:
            Tally().hammer(round_.make(WARM_FROM), WARM_UP, WARM_UP, self.stop, self.progress)
        for round_ in self.rounds:
            round_.at_gate.done()
            round_.pass_gate()
            try:
                tally = round_.tallies[number]
                tally.hammer(round_.counter, self.increments, round_.most, self.stop, self.progress)
            finally:
                round_.finished.done()
        self.dismissal.wait()

    def _let_loose(self, round_: Round) -> Row:
        everything = self.threads * self.increments
        self.progress.begin(round_.name, lambda: round_.made() / everything)
        wall, cpu = clock(), time.process_time()
        with switching_every(round_.kind.switch_interval):
            round_.open()
            round_.finished.wait()
        wall, cpu = clock() - wall, time.process_time() - cpu
        self.progress.clear()
        return round_.row(cpu / wall)

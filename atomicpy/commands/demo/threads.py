"""The threads of the demo: started once, then released together on one counter after the other."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from atomicpy import WaitGroup
from atomicpy.commands.demo.rounds import FIRST_CHUNK, Entry, Round, Row, Tally, clock
from atomicpy.commands.demo.stop import Stop
from atomicpy.commands.terminal import Progress

# Before the first round each thread increments a counter of its own, because a new thread is slow: its first object
# of each size costs it a page of the heap, and a free-threaded build specialises a copy of the bytecode for it. That
# counter starts above the small integers, which are cached and not allocated.
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
    """Set the interpreter's switch interval (s) within the block; None leaves it as it is."""
    before = sys.getswitchinterval()
    if interval is not None:
        sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Threads:
    """The threads: `rows()` starts them, and the end of `with Threads(...)` waits for them."""

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
        # No thread ends before the last row is measured: ending a thread takes processor time, which is no part of
        # the counter's.
        self.may_end = WaitGroup()
        self.may_end.add()
        self.running = WaitGroup()
        self.pending = list(self.rounds)  # the rounds that have not started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait until all threads have ended, after an error too. Raises what they raised."""
        if self.pending:
            # The threads wait for the start of these rounds; with the flag set they make no increments in them.
            self.stop.set()
            for round_ in self.pending:
                round_.start()
        self.may_end.done()
        self.running.wait()

    def rows(self) -> Iterator[Row]:
        """Measure one counter after the other. Ends early, with the rows so far, once `stop` is set.

        Raises TooManyThreadsError.
        """
        self._start()
        while self.pending and not self.stop.flag[0]:
            while not self.pending[0].ready.wait(timeout=1):
                if self.running.count < self.threads:
                    # The thread has run out of memory, for example; __exit__ raises its exception.
                    raise RuntimeError("a thread of the demo has died")
            yield self._measure(self.pending.pop(0))

    def _start(self) -> None:
        started = 0
        self.progress.begin("starting threads", lambda: started / self.threads)
        while started < self.threads and not self.stop.flag[0]:
            try:
                self.running.go(self._work, started)
            except RuntimeError as error:
                raise TooManyThreadsError(started, self.threads) from error
            started += 1
            if clock() >= self.progress.due:
                self.progress.draw()
        self.progress.clear()

    def _work(self, number: int) -> None:
        """What thread `number` runs: one round after the other."""
        for round_ in self.rounds:
            Tally().run(round_.make(WARM_FROM), WARM_UP, WARM_UP, self.stop, self.progress)
        for round_ in self.rounds:
            round_.ready.done()
            round_.wait_for_start()
            try:
                tally = round_.tallies[number]
                tally.run(round_.counter, self.increments, round_.most, self.stop, self.progress)
            finally:
                round_.finished.done()
        self.may_end.wait()

    def _measure(self, round_: Round) -> Row:
        everything = self.threads * self.increments
        self.progress.begin(round_.name, lambda: round_.made() / everything)
        wall, cpu = clock(), time.process_time()
        with switching_every(round_.kind.switch_interval):
            round_.start()
            round_.finished.wait()
        wall, cpu = clock() - wall, time.process_time() - cpu
        self.progress.clear()
        return round_.row(cpu / wall)

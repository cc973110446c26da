"""One round of the demo: one counter, what each thread does to it, and the result."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from atomicpy import AtomicBool, WaitGroup
from atomicpy.commands.demo.counters import Counter, Kind
from atomicpy.commands.demo.stop import Stop
from atomicpy.commands.terminal import Progress

# A thread reads the stop flag about this often (s): 1,000 threads that finish their chunk take two cores 50 ms. The
# chunk is a time and not a number of increments, because an increment takes a nanosecond in C and a hundred in Python.
CHUNK_SECONDS = 1e-4
FIRST_CHUNK, LAST_CHUNK, GROWTH = 64, 1 << 20, 4
# A plain object without the GIL keeps the first chunk. The object has a lock, which is handed off from thread to
# thread once a thread has waited for a millisecond; with a thousand waiters an increment takes each thread 7
# microseconds. A larger chunk would delay the stop.

clock = time.perf_counter


@dataclass(frozen=True)
class Row:
    """The result of one counter."""

    name: str
    exact: bool
    expected: int  # the increments that were made: after Ctrl-C fewer than were asked for
    got: int
    seconds: float  # from the first increment of the first thread to the last increment of the last thread
    cores: float  # processor time / wall time: how many cores were at work

    @property
    def lost(self) -> int:
        return self.expected - self.got

    @property
    def ops_per_second(self) -> float:
        return self.expected / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Tally:
    """What one thread did to one counter. Only that thread writes it, so it is exact."""

    made: int = 0
    began: float = 0.0
    ended: float = 0.0

    def run(self, counter: Counter, increments: int, most: int, stop: Stop, progress: Progress) -> None:
        """Make the increments, at most `most` between two reads of the stop flag."""
        flag = stop.flag
        chunk = min(FIRST_CHUNK, most)
        then = self.began = clock()
        while self.made < increments and not flag[0]:
            times = min(chunk, increments - self.made)
            counter.increment(times)
            self.made += times
            now = clock()
            took, then = now - then, now
            if took < CHUNK_SECONDS / GROWTH:
                chunk = min(chunk * GROWTH, most)
            elif took > CHUNK_SECONDS:
                chunk = chunk // 2 or 1
            if now >= progress.due:
                progress.draw()
        self.ended = clock()


class Entry(NamedTuple):
    """A counter that is to be measured."""

    name: str
    kind: Kind
    make: Callable[[int], Counter]  # `kind.python` or `kind.native`, called with the value to start at


class Round:
    """One counter, and what all threads do to it."""

    def __init__(self, entry: Entry, threads: int) -> None:
        self.name, self.kind, self.make = entry
        self.most = FIRST_CHUNK if self.kind.queues and self.make is self.kind.python else LAST_CHUNK
        self.counter = self.make(0)
        self.tallies = [Tally() for _ in range(threads)]
        self.ready = WaitGroup()  # counts the threads that do not wait for the start yet
        self.ready.add(threads)
        self.start_signal = WaitGroup()
        self.start_signal.add()
        self.all_unparked = AtomicBool()
        self.finished = WaitGroup()
        self.finished.add(threads)

    def start(self) -> None:
        """Let all threads begin at the same time."""
        self.start_signal.done()
        self.all_unparked.store(True)

    def wait_for_start(self) -> None:
        self.start_signal.wait()
        # Unparking a thousand threads takes one core several milliseconds, and each would finish before the next one
        # is unparked. So an unparked thread yields until all are unparked; then every core has threads to run.
        while not self.all_unparked.load():
            time.sleep(0)

    def made(self) -> int:
        return sum(tally.made for tally in self.tallies)

    def row(self, cores: float) -> Row:
        seconds = max(tally.ended for tally in self.tallies) - min(tally.began for tally in self.tallies)
        return Row(self.name, self.kind.exact, self.made(), self.counter.total(), seconds, cores)

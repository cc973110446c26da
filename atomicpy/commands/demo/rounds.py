"""One round of the demo: one counter, what each thread does to it, and what became of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from atomicpy import AtomicBool, WaitGroup
from atomicpy.commands.demo.counters import Counter, Kind
from atomicpy.commands.demo.progress import Progress
from atomicpy.commands.demo.stop import Stop

# A thread looks at the stop flag about this often (s): 1,000 threads that finish what they are at take two
# cores 50 ms. By the clock and not by the count: an increment takes a nanosecond in C, a hundred in Python.
CHUNK_SECONDS = 1e-4
FIRST_CHUNK, LAST_CHUNK, GROWTH = 64, 1 << 20, 4
# The exception is a plain object without the GIL. It has a lock, which goes from thread to thread in turn
# once they wait for it for a millisecond; with a thousand in the queue that is 7 microseconds for each
# increment of each. A chunk that has begun then lasts, so it does not grow where that can be.

clock = time.perf_counter


@dataclass(frozen=True)
class Row:
    """What became of one counter."""

    name: str
    exact: bool
    expected: int  # the increments really made: fewer than asked for after Ctrl-C
    got: int
    seconds: float  # from the first thread's first increment to the last one's last
    cores: float  # processor time by wall time: how many were really at work

    @property
    def lost(self) -> int:
        return self.expected - self.got

    @property
    def ops_per_second(self) -> float:
        return self.expected / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Tally:
    """What one thread did to one counter. That thread alone writes it, so it is exact."""

    made: int = 0
    began: float = 0.0
    ended: float = 0.0

    def hammer(self, counter: Counter, increments: int, most: int, stop: Stop, progress: Progress) -> None:
        """Make the increments, at most `most` between two looks at the flag."""
        flag = stop.flag
        chunk = min(FIRST_CHUNK, most)
        then = self.began = clock()
        while self.made < increments and not flag[0]:
            times = min(chunk, increments - self.made)
            counter.hammer(times)
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
    """A counter that is to be hammered."""

    name: str
    kind: Kind
    make: Callable[[int], Counter]  # one of the kind's two, from the value to start at


class Round:
    """One counter, and all threads."""

    def __init__(self, entry: Entry, threads: int) -> None:
        self.name, self.kind, self.make = entry
        self.most = FIRST_CHUNK if self.kind.queues and self.make is self.kind.python else LAST_CHUNK
        self.counter = self.make(0)
        self.tallies = [Tally() for _ in range(threads)]
        self.at_gate = WaitGroup()
        self.at_gate.add(threads)
        self.gate = WaitGroup()
        self.gate.add()
        self.awake = AtomicBool()
        self.finished = WaitGroup()
        self.finished.add(threads)

    def open(self) -> None:
        """Let the threads through the gate, all of them together."""
        self.gate.done()
        self.awake.store(True)

    def pass_gate(self) -> None:
        self.gate.wait()
        # Waking a thousand takes one core several milliseconds, and they would be through one by one as they
        # come. So who is awake stands by, and when all are, every core has threads at hand.
        while not self.awake.load():
            time.sleep(0)

    def made(self) -> int:
        return sum(tally.made for tally in self.tallies)

    def row(self, cores: float) -> Row:
        seconds = max(tally.ended for tally in self.tallies) - min(tally.began for tally in self.tallies)
        return Row(self.name, self.kind.exact, self.made(), self.counter.total(), seconds, cores)

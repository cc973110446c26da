"""The counters that `demo --explain` records: their loops record what they read and what they wrote.

A read is recorded between the read and the write, so that the times of the two differ. That makes the gap between them
longer, and the loop longer by about as much. So a recorded loop loses a similar share of its increments: 16 % in the
median, and `c.n += 1` alone 25 % (two threads on two cores, 3.13t, nine runs each, from none to half in both).
"""

import threading

from atomicpy import AtomicInt
from atomicpy.commands.demo.counters import Kind, plus_one
from atomicpy.commands.demo.recorder import Log, Word


class Recorded:
    """A counter with a log for each thread that increments it."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self._own = threading.local()

    def log(self, times: int) -> Log:
        """The log of the calling thread, with room for `times` more steps."""
        try:
            log: Log = self._own.log
        except AttributeError:
            log = self._own.log = Log()
            self.logs.append(log)
        log.reserve(times)
        return log


class Racy(Recorded):
    """`c.n += 1` in its three parts."""

    def __init__(self, n: int = 0) -> None:
        super().__init__()
        self.n = n

    def increment(self, times: int, /) -> None:
        log = self.log(times)
        read, wrote = log.read, log.wrote
        for _ in range(times):
            n = self.n
            read(n)
            n += 1
            self.n = n
            wrote(n)

    def total(self) -> int:
        return self.n


class RacyCall(Racy):
    """`c.n = plus_one(c.n)` in its three parts."""

    def increment(self, times: int, /) -> None:
        log = self.log(times)
        read, wrote = log.read, log.wrote
        for _ in range(times):
            n = self.n
            read(n)
            n = plus_one(n)
            self.n = n
            wrote(n)


class Atomic(Recorded):
    """`a.fetch_add()`: one step, which returns the value that it found."""

    def __init__(self, n: int = 0) -> None:
        super().__init__()
        self.count = AtomicInt(n)

    def increment(self, times: int, /) -> None:
        log, count = self.log(times), self.count
        read, wrote = log.read, log.wrote
        for _ in range(times):
            n = count.fetch_add()
            read(n)
            wrote(n + 1)

    def total(self) -> int:
        return self.count.load()


class NativeRacy(Recorded):
    """`n += 1` in C."""

    def __init__(self, n: int = 0) -> None:
        super().__init__()
        self.word = Word(n)

    def increment(self, times: int, /) -> None:
        self.word.race(self.log(times), times)

    def total(self) -> int:
        return self.word.load()


class NativeAtomic(NativeRacy):
    """A fetch-and-add in C."""

    def increment(self, times: int, /) -> None:
        self.word.take(self.log(times), times)


# With the GIL on, turns last 0.5 ms, as in counters.COUNTERS. The atomic counter gets the same turns as the racy one.
TURN = 5e-4

RACY = Kind("c.n += 1", False, Racy, NativeRacy, queues=True)
RACY_CALL = Kind("c.n = plus_one(c.n)", False, RacyCall, None, queues=True, switch_interval=TURN)
ATOMIC = Kind("a.fetch_add() on an AtomicInt", True, Atomic, NativeAtomic, switch_interval=TURN)

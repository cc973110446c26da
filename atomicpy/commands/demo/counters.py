"""The counters of the demo: one class each, and one line each in the table COUNTERS.

A counter has the loop that a thread runs, `hammer(times)`, and what it counted, `total()`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from atomicpy import AtomicInt, Mutex, ShardedCounter
from atomicpy.commands.demo import native


class Counter(Protocol):
    """What the demo asks of a counter: `hammer` by many threads at once, `total` when they are quiet."""

    def hammer(self, times: int, /) -> None: ...
    def total(self) -> int: ...


class Racy:
    """`c.n += 1` on a plain object: a read, an add and a write."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def hammer(self, times: int, /) -> None:
        for _ in range(times):
            self.n += 1

    def total(self) -> int:
        return self.n


def plus_one(n: int) -> int:
    return n + 1


class RacyCall(Racy):
    """A call between the read and the write, as in most real code: there the GIL changes hands."""

    def hammer(self, times: int, /) -> None:
        for _ in range(times):
            self.n = plus_one(self.n)


class Atomic:
    """`AtomicInt.inc()`: the read, the add and the write are one step."""

    def __init__(self, n: int = 0) -> None:
        self.count = AtomicInt(n)

    def hammer(self, times: int, /) -> None:
        # A local variable: reading the attribute each time would count the references of a shared object.
        count = self.count
        for _ in range(times):
            count.inc()

    def total(self) -> int:
        return self.count.load()


class Sharded:
    """`ShardedCounter.inc()`: each thread writes to a cell of its own, so there is nothing to lose."""

    def __init__(self, n: int = 0) -> None:
        self.count = ShardedCounter(n)

    def hammer(self, times: int, /) -> None:
        count = self.count
        for _ in range(times):
            count.inc()

    def total(self) -> int:
        return self.count.load()


class Locked(Racy):
    """`with mutex: c.n += 1`: the three are split, but nobody else comes in between."""

    def __init__(self, n: int = 0) -> None:
        super().__init__(n)
        self.mutex = Mutex()

    def hammer(self, times: int, /) -> None:
        mutex = self.mutex
        for _ in range(times):
            with mutex:
                self.n += 1


class Kind(NamedTuple):
    does: str  # for people: what one increment is
    exact: bool  # a lost update is a bug of the package, not the point of the demo
    python: Callable[[int], Counter]  # from the value to start at
    native: Callable[[int], Counter] | None  # the same in C with the GIL released
    queues: bool = False  # in Python, for the lock of one object: see hammer.FIRST_CHUNK
    with_gil_only: bool = False  # in the default set only there
    switch_interval: float | None = None  # for sys.setswitchinterval while it is hammered


COUNTERS = {
    "racy": Kind("c.n += 1", False, Racy, native.Racy, queues=True),
    # In C there is no interpreter that could pass the turn at a call; the loop of `racy` is split anywhere.
    # The interval: at the default of 5 ms a thread is through before its turn ends, and whether a run of
    # seconds shows the loss is luck. Measured, 2 million increments: 38 of 40 runs with 0.5 ms, about a third
    # with 5 ms.
    "racy-call": Kind(
        "c.n = plus_one(c.n)", False, RacyCall, None, queues=True, with_gil_only=True, switch_interval=5e-4
    ),
    "atomic": Kind("a.inc() on an AtomicInt", True, Atomic, native.Atomic),
    "sharded": Kind("s.inc() on a ShardedCounter", True, Sharded, native.Sharded),
    "mutex": Kind("with mutex: c.n += 1", True, Locked, native.Locked),
}


def default_names(gil: bool, in_c: bool) -> list[str]:
    """The counters of a run that names none."""
    return [
        name
        for name, kind in COUNTERS.items()
        if (kind.native if in_c else kind.python) and (gil or not kind.with_gil_only)
    ]


def factory(name: str, in_c: bool) -> Callable[[int], Counter]:
    """What makes that counter; ValueError where there is none in C."""
    kind = COUNTERS[name]
    make = kind.native if in_c else kind.python
    if make is None:
        raise ValueError(
            f"{name} has no native version: it shows what the interpreter does at a call, and C has none of "
            "that; there racy loses updates on every build"
        )
    return make

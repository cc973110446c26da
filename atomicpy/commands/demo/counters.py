"""The counters of the demo: one class each, and one line each in the table COUNTERS.

A counter has the loop that a thread runs, `increment(times)`, and the number that it counted, `total()`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from atomicpy import AtomicInt, Mutex, ShardedCounter
from atomicpy.commands.demo import native


class Counter(Protocol):
    """What the demo calls: `increment` by many threads at once, `total` after all of them have finished."""

    def increment(self, times: int, /) -> None: ...
    def total(self) -> int: ...


class Racy:
    """`c.n += 1` on a plain object: a read, an add and a write."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def increment(self, times: int, /) -> None:
        for _ in range(times):
            self.n += 1

    def total(self) -> int:
        return self.n


def plus_one(n: int) -> int:
    return n + 1


class RacyCall(Racy):
    """A call between the read and the write, as in most real code: at a call a thread may release the GIL."""

    def increment(self, times: int, /) -> None:
        for _ in range(times):
            self.n = plus_one(self.n)


class Atomic:
    """`AtomicInt.inc()`: the read, the add and the write are one step."""

    def __init__(self, n: int = 0) -> None:
        self.count = AtomicInt(n)

    def increment(self, times: int, /) -> None:
        # A local variable: reading the attribute each time would change the reference count of a shared object.
        count = self.count
        for _ in range(times):
            count.inc()

    def total(self) -> int:
        return self.count.load()


class Sharded:
    """`ShardedCounter.inc()`: each thread writes to a cell of its own, so no update is lost."""

    def __init__(self, n: int = 0) -> None:
        self.count = ShardedCounter(n)

    def increment(self, times: int, /) -> None:
        count = self.count
        for _ in range(times):
            count.inc()

    def total(self) -> int:
        return self.count.load()


class Locked(Racy):
    """`with mutex: c.n += 1`: still three steps, but no other thread runs one of them meanwhile."""

    def __init__(self, n: int = 0) -> None:
        super().__init__(n)
        self.mutex = Mutex()

    def increment(self, times: int, /) -> None:
        mutex = self.mutex
        for _ in range(times):
            with mutex:
                self.n += 1


class Kind(NamedTuple):
    does: str  # one increment, as code
    exact: bool  # a lost update is a bug of the package; otherwise it is what the demo shows
    python: Callable[[int], Counter]  # called with the value to start at
    native: Callable[[int], Counter] | None  # the same in C with the GIL released
    queues: bool = False  # its threads wait for the lock of one object, in Python: see rounds.FIRST_CHUNK
    with_gil_only: bool = False  # in the default set only with the GIL on
    switch_interval: float | None = None  # for sys.setswitchinterval in its round


COUNTERS = {
    "racy": Kind("c.n += 1", False, Racy, native.Racy, queues=True),
    # Not in C: there no interpreter ends a turn at a call, and a loop of `racy` is interrupted anywhere.
    # The interval: with the default of 5 ms a thread often finishes before its turn ends. With 2 million increments,
    # 38 of 40 runs lost some with 0.5 ms, and about a third of the runs with 5 ms.
    "racy-call": Kind(
        "c.n = plus_one(c.n)", False, RacyCall, None, queues=True, with_gil_only=True, switch_interval=5e-4
    ),
    "atomic": Kind("a.inc() on an AtomicInt", True, Atomic, native.Atomic),
    "sharded": Kind("s.inc() on a ShardedCounter", True, Sharded, native.Sharded),
    "mutex": Kind("with mutex: c.n += 1", True, Locked, native.Locked),
}


def default_names(gil: bool, in_c: bool) -> list[str]:
    """The counters of a run without --only."""
    return [
        name
        for name, kind in COUNTERS.items()
        if (kind.native if in_c else kind.python) and (gil or not kind.with_gil_only)
    ]


def factory(name: str, in_c: bool) -> Callable[[int], Counter]:
    """What makes the counter. Raises ValueError if it has no version in C."""
    kind = COUNTERS[name]
    make = kind.native if in_c else kind.python
    if make is None:
        raise ValueError(
            f"{name} has no native version: it shows what the interpreter does at a call, and the loop in C has no "
            "such call; use racy, which loses updates in C on every build"
        )
    return make

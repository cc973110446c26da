"""Is there one order of the calls, consistent with real time, in which a sequential model gives every result?

The definition is Herlihy and Wing's (1990), the search Wing and Gong's (1993), with Lowe's (2017) memory of the
configurations that have been tried. `record` makes histories of real threads, `linearize` judges them.

The clock. Each call takes a tick of one AtomicInt just before it and one just after. That clock can only err on the
lenient side: a recorded interval contains the real one, so a call that ends before another begins by the clock did so
in fact, and every order that is refused is refused rightly. What the ticks do hide is a weak memory order: they are
full barriers between a thread's calls. That is for test_litmus.py.
"""

import os
import sys
import time
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from helpers import FREE_THREADED, run_threaded
from modelling import same

from atomicpy import AtomicInt


class Call(NamedTuple):
    """One call as it was seen from outside."""

    thread: int
    name: str
    arguments: tuple
    result: object  # or the type of the exception
    start: int
    end: int

    def __str__(self) -> str:
        result = self.result.__name__ if isinstance(self.result, type) else repr(self.result)
        shown = ", ".join(getattr(argument, "__name__", None) or repr(argument) for argument in self.arguments)
        return f"{self.start:4} to {self.end:4}  thread {self.thread}: {self.name}({shown}) -> {result}"


History = list[Call]
Step = Callable[[Hashable, str, tuple], tuple[Hashable, object]]


# ---- the checker -----------------------------------------------------------------------------------------------


def linearize(history: History, state: Hashable, step: Step) -> History | None:
    """The calls in an order that explains every result, or None where there is no such order.

    `step(state, name, arguments)` is the model: a pure function to (state, result). Calls that share a tick count as
    concurrent.

    A configuration is the set of calls already placed and the state they left; whatever led there, the way on is
    the same, so none is tried twice. A call may come next if no other call that is still to be placed had ended before
    it began. With t threads of n calls there are at most (n + 1)**t sets.
    """
    calls = sorted(history, key=lambda call: call.start)
    everything = (1 << len(calls)) - 1
    tried: set[tuple[int, Hashable]] = set()
    order: History = []

    def place(placed: int, state: Hashable) -> bool:
        if placed == everything:
            return True
        if (placed, state) in tried:
            return False
        tried.add((placed, state))
        # In the order of their starts: once one is later than some open end, so are all after it.
        first_end = sys.maxsize
        for i, call in enumerate(calls):
            if placed >> i & 1:
                continue
            if call.start > first_end:
                break
            first_end = min(first_end, call.end)
            left, result = step(state, call.name, call.arguments)
            if same(result, call.result):
                order.append(call)
                if place(placed | 1 << i, left):
                    return True
                order.pop()
        return False

    return order if place(0, state) else None


def show(history: History) -> str:
    return "\n".join(str(call) for call in sorted(history, key=lambda call: call.start))


# ---- the recorder ----------------------------------------------------------------------------------------------


class Gate:
    """Where threads meet by spinning, so that they go on within a few hundred nanoseconds of each other.

    A slot per thread in a plain list, and nothing of atomicpy: the gate must hold while that is broken. A lock or a
    barrier would wake them one after the other.
    """

    def __init__(self, threads: int):
        self.met = [0] * threads
        self.cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        # How often a thread looks before it gives its core to another; with the GIL nobody comes while it looks.
        self.patience = 1 if not FREE_THREADED else 100 if threads > len(self.cores) else 10_000

    def enter(self, me: int) -> None:
        """Take a core of one's own: threads that wait for each other may else be left on one."""
        if FREE_THREADED and len(self.cores) > 1:
            os.sched_setaffinity(0, {self.cores[me % len(self.cores)]})  # of this thread; it takes that along

    def meet(self, me: int) -> None:
        met = self.met
        meeting = met[me] = met[me] + 1
        looks = 0
        while min(met) < meeting:
            looks += 1
            if looks % self.patience == 0:
                time.sleep(0)

    def leave(self, me: int) -> None:
        """Let nobody wait for this thread again."""
        self.met[me] = sys.maxsize


# What one thread does in one round: the name, the arguments, and the call ready to be made.
Plan = list[tuple[str, tuple, Callable[[], object]]]


def record(rounds: Iterable[list[Plan]], threads: int, seconds: float, least: int = 10) -> list[History]:
    """Run the rounds, a plan per thread each, one after the other; return their histories.

    The threads live through all rounds and meet at a gate before each. Ends early when the time is up, but not before
    it has made `least` of them, however busy the machine is.
    """
    rounds = list(rounds)
    gate, clock = Gate(threads), AtomicInt()
    histories: list[list[History]] = [[[] for _ in range(threads)] for _ in rounds]
    deadline = time.monotonic() + seconds
    last = len(rounds)

    def body(me: int) -> None:
        nonlocal last
        tick = clock.fetch_add
        gate.enter(me)
        try:
            for number, plans in enumerate(rounds):
                if me == 0 and number >= least and time.monotonic() > deadline:
                    last = number  # before the gate: all see it behind
                calls = histories[number][me]
                gate.meet(me)
                if number >= last:
                    break
                for name, arguments, call in plans[me]:
                    start = tick()
                    try:
                        result = call()
                    except Exception as error:
                        result = type(error)
                    end = tick()
                    calls.append(Call(me, name, arguments, result, start, end))
        finally:
            gate.leave(me)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # with the GIL threads change places only so often
    try:
        run_threaded(body, threads)
    finally:
        sys.setswitchinterval(before)
    recorded = [[call for calls in of_round for call in calls] for of_round in histories[:last]]
    ticks = [tick for history in recorded for call in history for tick in (call.start, call.end)]
    torn = len(ticks) - len(set(ticks))
    assert torn == 0, "the clock is broken: AtomicInt.fetch_add gave a tick twice"
    return recorded

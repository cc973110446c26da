"""Linearizability: `record` makes histories of real threads, and `linearize` searches for an order that explains one.

The order must agree with real time, and a sequential model must give each result in it. The definition is Herlihy and
Wing's (1990). The search is Wing and Gong's (1993), with Lowe's (2017) table of the configurations tried.

Each call takes one tick of an AtomicInt before it and one tick after it. The recorded interval contains the real one.
A call that ends before another begins by the clock therefore ends before it in fact. So `linearize` never rejects a
correct history. The ticks are full barriers between the calls of a thread, and hide weak memory orders.
test_litmus.py tests the memory orders.
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
    """One call, as its caller observed it."""

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
    """Return the calls in an order that explains each result, or None if there is no such order.

    `step(state, name, arguments)` is the model: a pure function that returns (state, result). Calls that share a tick
    count as concurrent.

    A configuration is the set of calls already placed and the state after them. It determines the rest of the search,
    so no configuration is tried twice. A call may be next if no unplaced call ended before it began. With t threads
    of n calls there are at most (n + 1)**t sets.
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
        # The calls are sorted by start. If one starts after the first end of an unplaced call, so do all later ones.
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
    """A barrier where threads spin, so that all of them leave it within a few hundred nanoseconds.

    It has one slot per thread in a plain list and uses nothing of atomicpy, so it works while atomicpy is broken. A
    lock or a `threading.Barrier` would unpark the threads one after the other.
    """

    def __init__(self, threads: int):
        self.met = [0] * threads
        self.cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        # The probes of a spinner before it yields its core. With the GIL no other thread runs while it probes.
        self.spin_limit = 1 if not FREE_THREADED else 100 if threads > len(self.cores) else 10_000

    def enter(self, me: int) -> None:
        """Bind the calling thread to its own core, because the system may keep two spinners on one core."""
        if FREE_THREADED and len(self.cores) > 1:
            os.sched_setaffinity(0, {self.cores[me % len(self.cores)]})  # 0: this thread, until its end

    def meet(self, me: int) -> None:
        met = self.met
        meeting = met[me] = met[me] + 1
        probes = 0
        while min(met) < meeting:
            probes += 1
            if probes % self.spin_limit == 0:
                time.sleep(0)

    def leave(self, me: int) -> None:
        """Remove the calling thread from the gate: no other thread waits for it again."""
        self.met[me] = sys.maxsize


# The calls of one thread in one round: the name, the arguments, and a function that makes the call.
Plan = list[tuple[str, tuple, Callable[[], object]]]


def record(rounds: Iterable[list[Plan]], threads: int, seconds: float, least: int = 10) -> list[History]:
    """Run the rounds one after the other, each with one plan per thread. Return their histories.

    The same threads run all rounds and meet at the gate before each round. The recording ends early after `seconds`,
    but not before it has run `least` rounds.
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
                    last = number  # stored before the gate, so each thread reads it after the gate
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
    sys.setswitchinterval(1e-6)  # with the GIL, this is the time after which another thread may run
    try:
        run_threaded(body, threads)
    finally:
        sys.setswitchinterval(before)
    recorded = [[call for calls in of_round for call in calls] for of_round in histories[:last]]
    ticks = [tick for history in recorded for call in history for tick in (call.start, call.end)]
    torn = len(ticks) - len(set(ticks))
    assert torn == 0, "the clock is broken: AtomicInt.fetch_add returned one tick twice"
    return recorded

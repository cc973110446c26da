"""The classic litmus shapes: all threads see the operations of AtomicInt in one order (sequential consistency).

Each shape is a few threads of two operations on two atomics, and one outcome that no interleaving of them gives; it
must never be seen. The names are those of Alglave, Maranget and Tautschnig, "Herding cats" (2014).

What this can show: an outcome that was seen is a proof that the order is broken. What it cannot: that none was seen
proves nothing. Between two operations Python runs some tens of instructions, among them, on some builds, atomic ones on
reference counts, which are barriers: 3.14t shows a store weakened to release in one round of a hundred, others may
never. What Python hides is shown in C, by `tests/c/litmus.c`: the same shapes on the bare operations, by a harness that
must see the outcome of weak ones. With the GIL one thread runs at a time, and taking it over is a barrier: there
the shapes hold trivially, and few rounds do.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest
from helpers import FREE_THREADED, run_threaded
from linearizability import Gate

from atomicpy import AtomicInt

ROUNDS = 20_000 if FREE_THREADED else 300
LEAST = 10  # rounds of each shape, however busy the machine is
SECONDS = 0.6  # of each shape; ends before the rounds do where the machine is busy


class Shape(NamedTuple):
    threads: tuple[Callable, ...]  # of x and y: what the operations of a thread returned
    never: tuple[int, ...]  # what the loads of all threads returned, and what x and y are at the end


SHAPES = {
    "store buffering": Shape(
        (
            lambda x, y: (x.store(1), y.load()),
            lambda x, y: (y.store(1), x.load()),
        ),
        never=(0, 0, 1, 1),
    ),
    "store buffering, written by exchange and read by fetch_max": Shape(
        (
            lambda x, y: (x.exchange(1), y.fetch_max(0))[1:],
            lambda x, y: (y.exchange(1), x.fetch_max(0))[1:],
        ),
        never=(0, 0, 1, 1),
    ),
    "store buffering, written by inc and read by compare_exchange": Shape(
        (
            lambda x, y: (x.inc(), int(y.compare_exchange(1, 1))),
            lambda x, y: (y.inc(), int(x.compare_exchange(1, 1))),
        ),
        never=(0, 0, 1, 1),
    ),
    "message passing": Shape(
        (
            lambda x, y: (x.store(1), y.store(1)),
            lambda x, y: (y.load(), x.load()),
        ),
        never=(1, 0, 1, 1),
    ),
    "load buffering": Shape(
        (
            lambda x, y: (x.load(), y.store(1)),
            lambda x, y: (y.load(), x.store(1)),
        ),
        never=(1, 1, 1, 1),
    ),
    "independent reads of independent writes": Shape(
        (
            lambda x, y: (x.store(1),),
            lambda x, y: (y.store(1),),
            lambda x, y: (x.load(), y.load()),
            lambda x, y: (y.load(), x.load()),
        ),
        never=(1, 0, 1, 0, 1, 1),
    ),
    "2+2W": Shape(
        (
            lambda x, y: (x.store(2), y.store(1)),
            lambda x, y: (y.store(2), x.store(1)),
        ),
        never=(2, 2),
    ),
    "coherence": Shape(
        (
            lambda x, y: (x.store(1),),
            lambda x, y: (x.load(), x.load()),
        ),
        never=(1, 0, 1, 0),
    ),
}


def outcome(results: list[tuple], x: AtomicInt, y: AtomicInt) -> tuple[int, ...]:
    return (*(value for of_thread in results for value in of_thread if value is not None), x.load(), y.load())


def outcomes(shape: Shape, rounds: int, seconds: float) -> Counter[tuple[int, ...]]:
    """How often each outcome was seen in that many rounds, or in fewer when the time is up."""
    # A pair for each round, so that no thread has to reset it between two rounds.
    pairs = [(AtomicInt(), AtomicInt()) for _ in range(rounds)]
    gate = Gate(len(shape.threads))
    deadline = time.monotonic() + seconds
    last = rounds

    def body(me: int) -> list[tuple]:
        nonlocal last
        run, results = shape.threads[me], []
        gate.enter(me)
        try:
            for number, (x, y) in enumerate(pairs):
                if me == 0 and number >= LEAST and time.monotonic() > deadline:
                    last = number  # before the gate: all see it behind
                (
                    x.load(),
                    y.load(),
                )  # so that every core holds both, and a store takes long to reach the others
                gate.meet(me)
                if number >= last:
                    break
                results.append(run(x, y))
        finally:
            gate.leave(me)
        return results

    of_rounds = zip(*run_threaded(body, len(shape.threads)), strict=True)
    return Counter(outcome(results, *pair) for results, pair in zip(of_rounds, pairs, strict=False))


@pytest.mark.parametrize("name", SHAPES)
def test_outcome_that_no_interleaving_gives_is_never_seen(name):
    shape = SHAPES[name]
    counts = outcomes(shape, ROUNDS, SECONDS)
    print(counts)
    assert counts
    assert shape.never not in counts, f"{counts[shape.never]} times in {counts.total()} rounds: {counts}"


@pytest.mark.parametrize("name", SHAPES)
def test_shape_forbids_an_outcome_of_its_own_kind_that_no_order_of_threads_gives(name):
    """A slip in `never` would make the shape pass whatever happens."""
    shape = SHAPES[name]
    for order in itertools.permutations(range(len(shape.threads))):
        x, y = AtomicInt(), AtomicInt()
        results = {me: shape.threads[me](x, y) for me in order}
        seen = outcome([results[me] for me in sorted(results)], x, y)
        assert len(seen) == len(shape.never)
        assert seen != shape.never

"""Concurrent histories of every operation are linearizable; those of a broken object are not.

Each round a few threads meet at a gate and make a handful of random calls on one fresh object; the checker of
linearizability.py searches for an order that explains all results. A failure prints the history and the seed; the
seed makes the same calls again (ATOMICPY_SEED=...), though not the same meeting of the threads.
"""

import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from linearizability import Call, Plan, linearize, record, show
from modelling import Model
from models import ATOMIC_INT, INT64_MAX, INT64_MIN, TYPES

SEED = int(os.environ.get("ATOMICPY_SEED") or time.time_ns())

CALLS = 5  # of each thread in a round
SCENES = [(kind, scene) for kind, model in TYPES.items() for scene in model.scenes]

MakeCall = Callable[[object, str, tuple], Callable[[], object]]


def draw(rng: random.Random, model: Model, name: str, operands: tuple) -> tuple:
    takes = model.operations[name].takes
    if takes.endswith("?") and rng.random() < 0.3:
        takes = takes[:-1]
    pools = {"n": operands, "?": operands, "f": model.functions, "i": (0, -1)}  # in a scene both are good
    return tuple(rng.choice(pools[kind]) for kind in takes)


def plans(rng, model, scene, threads, *, make, call: MakeCall, only=()) -> Iterator[list[Plan]]:
    """Random rounds without end. Each takes a few of the operations only, so that the same ones meet often."""
    start, operands = model.scenes[scene]
    while True:
        names = only or rng.sample(list(model.operations), rng.randint(1, 4))
        atomic = make(start)
        yield [
            [
                (name, arguments, call(atomic, name, arguments))
                for name in rng.choices([*names, "load"], k=CALLS)
                for arguments in [draw(rng, model, name, operands)]
            ]
            for _ in range(threads)
        ]


# The broken objects below are found within a few tens of rounds.
ROUNDS = 200


@pytest.mark.parametrize(("kind", "scene"), SCENES)
@pytest.mark.parametrize("threads", [3, *(pytest.param(number, marks=pytest.mark.slow) for number in (4, 5))])
def test_every_history_is_linearizable(kind, scene, threads):
    model = TYPES[kind]
    rng = random.Random(f"{SEED} {kind} {scene} {threads}")
    endless = plans(rng, model, scene, threads, make=model.make, call=model.call)
    histories = record(itertools.islice(endless, ROUNDS), threads, seconds=0.5)
    assert histories
    for history in histories:
        assert linearize(history, model.scenes[scene][0], model.step), f"seed {SEED}\n{show(history)}"


# ---- the checker rejects what cannot be ------------------------------------------------------------------------


def calls(*rows) -> list[Call]:
    return [Call(*row) for row in rows]


EXPLAINED = {
    "nothing": [],
    "a load that overlaps a store sees either value": calls(
        (0, "store", (5,), None, 0, 9), (1, "load", (), 0, 1, 2), (1, "load", (), 5, 3, 4)
    ),
    "an order other than that of the starts": calls((0, "fetch_add", (), 1, 0, 5), (1, "fetch_add", (), 0, 1, 6)),
    "a refused addition": calls((0, "store", (INT64_MAX,), None, 0, 1), (1, "inc", (), OverflowError, 2, 3)),
    "calls that share a tick are concurrent": calls((0, "store", (5,), None, 0, 1), (1, "load", (), 0, 1, 2)),
}

IMPOSSIBLE = {
    "a lost update": calls((0, "fetch_add", (), 0, 0, 3), (1, "fetch_add", (), 0, 1, 4)),
    "a load that misses a store that had ended": calls((0, "store", (5,), None, 0, 1), (1, "load", (), 0, 2, 3)),
    "a value that comes, goes and comes": calls(
        (0, "store", (5,), None, 0, 9), (1, "load", (), 5, 1, 2), (1, "load", (), 0, 3, 4)
    ),
    "a value that no thread stored": calls((0, "store", (5,), None, 0, 3), (1, "load", (), 6, 1, 2)),
    "two threads see two stores in two orders": calls(
        (0, "store", (1,), None, 0, 11),
        (1, "store", (2,), None, 1, 10),
        (2, "load", (), 1, 2, 3),
        (2, "load", (), 2, 6, 7),
        (3, "load", (), 2, 4, 5),
        (3, "load", (), 1, 8, 9),
        (4, "load", (), 0, 12, 13),
    ),
    "two winners of one compare_exchange": calls(
        (0, "compare_exchange", (0, 1), True, 0, 2), (1, "compare_exchange", (0, 2), True, 1, 3)
    ),
    "an addition refused far from the limit": calls((0, "inc", (), OverflowError, 0, 1)),
    "a wrapped value": calls(
        (0, "store", (INT64_MAX,), None, 0, 1),
        (1, "inc", (), OverflowError, 2, 5),
        (2, "load", (), INT64_MIN, 3, 4),
    ),
    "True for 1": calls((0, "add", (), True, 0, 1)),
}


@pytest.mark.parametrize("history", EXPLAINED.values(), ids=EXPLAINED)
def test_history_that_can_be_is_explained(history):
    order = linearize(history, 0, ATOMIC_INT.step)
    assert order is not None
    assert sorted(order) == sorted(history)


@pytest.mark.parametrize("history", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_history_that_cannot_be_is_rejected(history):
    assert linearize(history, 0, ATOMIC_INT.step) is None


def test_wide_histories_are_judged_in_time():
    # All 20 calls overlap, and only the last load is wrong: the whole space is searched.
    history = [Call(i % 4, "fetch_add", (), i, i // 4, 100) for i in range(20)]
    assert linearize(history, 0, ATOMIC_INT.step)
    assert linearize([*history, Call(0, "load", (), 19, 101, 102)], 0, ATOMIC_INT.step) is None


# ---- and recorded histories of broken objects ------------------------------------------------------------------


class Locked:
    """The model itself behind a lock: right, whatever the threads do."""

    def __init__(self, model: Model, value):
        self.model, self.value, self.lock = model, value, threading.Lock()

    def call(self, name: str, arguments: tuple):
        with self.lock:
            self.value, result = self.model.step(self.value, name, arguments)
        return result


class Split(Locked):
    """Every operation is a read and a write, with room for other threads between."""

    def call(self, name, arguments):
        left, result = self.model.step(self.value, name, arguments)
        time.sleep(0)
        if left != self.value or name != "load":
            self.value = left
        return result


class Stale(Locked):
    """A load may return what the object held before the last write."""

    before = None

    def call(self, name, arguments):
        if name == "load" and self.before is not None:
            return self.before
        self.before = self.value
        return super().call(name, arguments)


class Repairing(Locked):
    """inc adds first, wrapping, and takes it back where it should not have: for a moment the wrapped value shows."""

    def call(self, name, arguments):
        if name != "inc":
            return super().call(name, arguments)
        with self.lock:
            refused = self.value == INT64_MAX
            self.value = INT64_MIN if refused else self.value + 1
        time.sleep(0)
        if refused:
            with self.lock:
                self.value = INT64_MAX if self.value == INT64_MIN else self.value - 1
        return OverflowError if refused else None


def rejected(broken: type[Locked], kind: str, scene: str, only: tuple, seconds: float) -> str | None:
    """The first history of that object which the checker rejects, or None."""
    model, threads = TYPES[kind], 3
    rng = random.Random(f"{SEED} {broken.__name__} {only}")
    endless = plans(
        rng,
        model,
        scene,
        threads,
        make=lambda value: broken(model, value),
        call=lambda atomic, name, arguments: lambda: atomic.call(name, arguments),
        only=only,
    )
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for history in record(itertools.islice(endless, 20), threads, seconds):
            if not linearize(history, model.scenes[scene][0], model.step):
                return show(history)
    return None


# A store that reads first is no worse for it, and what only reads has nothing to lose.
READ_AND_WRITE = [(kind, name) for kind, model in TYPES.items() for name, of in model.operations.items() if of.splits]


@pytest.mark.parametrize(("kind", "name"), READ_AND_WRITE)
def test_operation_in_two_steps_is_rejected(kind, name):
    scene = next(iter(TYPES[kind].scenes))
    assert rejected(Split, kind, scene, (name, "store"), seconds=20)


def test_stale_read_is_rejected():
    assert rejected(Stale, "AtomicInt", "around zero", ("store",), seconds=20)


def test_overflow_that_shows_and_is_repaired_is_rejected():
    assert rejected(Repairing, "AtomicInt", "at the upper limit", ("inc",), seconds=20)


@pytest.mark.parametrize(("kind", "scene"), SCENES)
def test_object_behind_a_lock_is_accepted(kind, scene):
    assert rejected(Locked, kind, scene, (), seconds=0.1) is None

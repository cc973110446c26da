"""The table of latency.py: every operation of every type, and the same operation in the baseline."""

import re
import threading
from typing import NamedTuple

from atomicpy import AtomicBool, AtomicFloat, AtomicInt, AtomicIntArray, AtomicRef, AtomicUInt, Mutex


class Operation(NamedTuple):
    name: str
    statement: str
    setup: str  # makes the locals of the statement, from `make`
    ours: object
    theirs: object


# A result above 256 is a new object, as in most programs. The value still has one digit after every round.
VALUE = {"int": "10**6", "high": "10**9", "small": "1"}

INTEGER = [  # statement, initial value
    ("x.inc()", "int"),
    ("x.dec()", "high"),
    ("x.add(1)", "int"),
    ("x.add()", "int"),
    ("x.sub(1)", "high"),
    ("x.load()", "int"),
    ("x.load()", "small"),
    ("x.store(1)", "int"),
    ("x.exchange(1)", "int"),
    ("x.compare_exchange(1, 1)", "small"),
    ("x.compare_exchange(2, 1)", "small"),
    ("x.fetch_add(1)", "int"),
    ("x.fetch_sub(1)", "high"),
    ("x.fetch_and(1000000)", "int"),
    ("x.fetch_or(1)", "int"),
    ("x.fetch_xor(1)", "int"),
    ("x.fetch_max(1)", "int"),
    ("x.fetch_min(10000000)", "int"),
    ("x.update(abs)", "int"),
    ("x += 1", "int"),
    ("x -= 1", "high"),
    ("x &= 1000000", "int"),
    ("x |= 1", "int"),
    ("x ^= 1", "int"),
    ("x.wait(1)", "int"),
    ("x.notify()", "int"),
    ("x.notify(1)", "int"),
    ("x.notify_all()", "int"),
    ("int(x)", "int"),
    ("float(x)", "int"),
    ("not x", "int"),
    ("x == 1000000", "int"),
    ("x < 1", "int"),
    ("repr(x)", "int"),
    ("str(x)", "int"),
    ("format(x, '')", "int"),
]

BOOL = [
    "x.load()", "x.store(True)", "x.exchange(True)", "x.compare_exchange(False, True)",
    "x.compare_exchange(False, False)",
    "x.test_and_set()", "x.clear()", "x.toggle()", "x.wait(True)", "x.notify()", "x.notify_all()", "not x", "x == True",
    "repr(x)",
]  # fmt: skip

FLOAT = [
    "x.load()", "x.store(2.5)", "x.store(2)", "x.exchange(2.5)", "x.compare_exchange(1.5, 1.5)",
    "x.compare_exchange(2.5, 1.5)", "x.add(0.5)", "x.add()", "x.sub(0.5)", "x.fetch_add(0.5)", "x.fetch_sub(0.5)",
    "x.fetch_max(0.5)", "x.fetch_min(2.5)", "x.update(abs)", "x += 0.5", "x -= 0.5", "float(x)", "int(x)", "not x",
    "x == 1.5", "x < 1.5",
]  # fmt: skip

REF = [
    "x.load()", "x.store(None)", "x.store(o)", "x.exchange(o)", "x.compare_exchange(o, o)", "x.compare_exchange(x, o)",
    "x.update(id)", "x.update(type)",
]  # fmt: skip

ARRAY = [
    "x[0]", "x[i]", "x[-1]", "x[0] = 1", "len(x)", "x.load(0)", "x.store(0, 1)", "x.exchange(0, 1)",
    "x.compare_exchange(0, 1, 2)", "x.inc(0)", "x.dec(0)", "x.add(0, 1)", "x.add(0)", "x.sub(0, 1)",
    "x.fetch_add(0, 1)",
    "x.fetch_sub(0, 1)", "x.fetch_and(0, 1000000)", "x.fetch_or(0, 1)", "x.fetch_xor(0, 1)", "x.fetch_max(0, 1)",
    "x.fetch_min(0, 10000000)", "x.update(0, abs)",
]  # fmt: skip

MUTEX = [
    "with x: pass", "x.acquire(); x.release()", "x.acquire(False); x.release()", "x.locked()",
]  # fmt: skip


def described(kind, statement):
    """The name of a row: `AtomicInt.inc()` for `x.inc()`, as x is the object in every statement."""
    return re.sub(r"\bx\b", kind, statement).removesuffix(": pass")


def operations(baseline):
    """Every row. `baseline` is the module of the hand-written types."""
    rows = [Operation("baseline itself: inc()", "x.inc()", "x = make(10**6)", baseline.Counter, baseline.Counter)]

    def add(ours, theirs, statement, setup, remark=""):
        rows.append(Operation(described(ours.__name__, statement) + remark, statement, setup, ours, theirs))

    for ours, theirs in ((AtomicInt, baseline.Counter), (AtomicUInt, baseline.Unsigned)):
        for statement, value in INTEGER:
            remark = ", below 256" if (statement, value) == ("x.load()", "small") else ""
            add(ours, theirs, statement, f"x = make({VALUE[value]})", remark)
    for statement in BOOL:
        add(AtomicBool, baseline.Flag, statement, "x = make()")
    for statement in FLOAT:
        add(AtomicFloat, baseline.Float, statement, "x = make(1.5)")
    for statement in REF:
        add(AtomicRef, baseline.Ref, statement, "o = ['an object']; x = make(o)")
    for statement in ARRAY:
        setup = "i = 2; x = make(4); x[0] = x[2] = x[3] = 10**6"
        add(AtomicIntArray, baseline.Array, statement, setup.replace("10**6", "10**9") if "sub" in statement else setup)
    for ours, theirs, arguments in (
        (AtomicInt, baseline.Counter, ("", "1")),
        (AtomicUInt, baseline.Unsigned, ("", "1")),
        (AtomicBool, baseline.Flag, ("", "True")),
        (AtomicFloat, baseline.Float, ("", "1.5")),
        (AtomicRef, baseline.Ref, ("", "None")),
        (AtomicIntArray, baseline.Array, ("4",)),
    ):
        for argument in arguments:
            rows.append(Operation(f"{ours.__name__}({argument})", f"make({argument})", "", ours, theirs))
    # The baseline of the mutex is the lock of the standard library.
    for statement in MUTEX:
        add(Mutex, threading.Lock, statement, "x = make()")
    rows.append(Operation("Mutex()", "make()", "", Mutex, threading.Lock))
    return rows

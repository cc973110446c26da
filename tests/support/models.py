"""The models of the atomic types: the effect of each operation, in plain Python on the plain value.

`TYPES` is a table with one entry per type. `test_model.py` compares sequences of calls in one thread with it, and
`test_linearizability.py` compares histories of several threads. A new type needs an entry here for both tests.
"""

import operator

from modelling import FUNCTIONS, NOT_INTEGERS, Index, Model, Operation, cell, fail, integer, number, read

from atomicpy import AtomicBool, AtomicFloat, AtomicInt, AtomicIntArray, AtomicRef, AtomicUInt

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UINT64_MAX = 2**64 - 1


# ---- AtomicInt -------------------------------------------------------------------------------------------------


def int64(n: object) -> int:
    n = int(operator.index(n))
    if not INT64_MIN <= n <= INT64_MAX:
        raise OverflowError
    return n


ATOMIC_INT = Model(
    make=AtomicInt,
    operand=int64,
    result=int64,
    operations=integer(AtomicInt, int64),
    scenes={
        "around zero": (0, (-2, -1, 0, 1, 2, 3)),
        "at the upper limit": (INT64_MAX - 1, (1, 2, -1, -2, INT64_MAX, INT64_MAX - 1)),
        "at the lower limit": (INT64_MIN + 1, (1, 2, -1, -2, INT64_MIN, INT64_MIN + 1)),
    },
    operands=(
        *(0, 1, -1, 2, 255, 2**30, -(2**31), 2**62, -(2**62)),
        *(INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1),
        *(2**63, INT64_MIN - 1, 2**64, 1 << 1000),
        *(True, False, Index(3), Index(INT64_MAX), Index(2**63), *NOT_INTEGERS),
    ),
    functions=FUNCTIONS,
)


# ---- AtomicUInt: its results wrap around, and an argument out of range raises OverflowError ---------------------


def uint64(n: object) -> int:
    n = int(operator.index(n))
    if not 0 <= n <= UINT64_MAX:
        raise OverflowError
    return n


ATOMIC_UINT = Model(
    make=AtomicUInt,
    operand=uint64,
    result=uint64,
    operations=integer(AtomicUInt, uint64, lambda old, n: (old + n) % 2**64, lambda old, n: (old - n) % 2**64),
    scenes={
        "around zero": (0, (0, 1, 2, 3, UINT64_MAX)),
        "at the upper limit": (UINT64_MAX - 1, (1, 2, 2**63, UINT64_MAX, UINT64_MAX - 1)),
    },
    operands=(
        *(0, 1, 2, 255, 2**30, 2**62, 2**63 - 1, 2**63, 2**63 + 1, UINT64_MAX - 1, UINT64_MAX),
        *(-1, -(2**63), -(2**64), 2**64, 2**64 + 1, 1 << 1000),
        *(True, False, Index(3), Index(UINT64_MAX), Index(-1), *NOT_INTEGERS),
    ),
    functions=FUNCTIONS,
)


# ---- AtomicBool -------------------------------------------------------------------------------------------------


def boolean(value: object) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


ATOMIC_BOOL = Model(
    make=AtomicBool,
    operand=boolean,
    result=boolean,
    operations=cell(AtomicBool)
    | {
        "test_and_set": Operation(AtomicBool.test_and_set, lambda old: (True, old)),
        "clear": Operation(AtomicBool.clear, lambda old: (False, None), splits=False),
        "toggle": Operation(AtomicBool.toggle, lambda old: (not old, not old)),
        "bool": read(bool),
        "str": read(str),
    },
    scenes={"from False": (False, (False, True)), "from True": (True, (False, True))},
    operands=(False, True, 0, 1, None, "", "True", 0.0, Index(1), ()),
)


# ---- AtomicFloat ------------------------------------------------------------------------------------------------


def double(n: object) -> float:
    if not hasattr(type(n), "__float__") and not hasattr(type(n), "__index__"):
        raise TypeError
    return float(n)


ATOMIC_FLOAT = Model(
    make=AtomicFloat,
    operand=double,
    result=double,
    operations=number(AtomicFloat, double),
    scenes={
        "around zero": (0.0, (-2.0, -0.5, 0.5, 1, 3.0)),
        "where 1 is less than the precision": (2.0**53, (1, 2, -1.0, -2.0, 2.0**53)),
        "at the limit": (1.7e308, (1e308, -1e308, 1.7e308, float("inf"))),
    },
    operands=(
        *(0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 1.7976931348623157e308, 2.0**53),
        *(float("inf"), float("-inf"), float("nan")),
        *(0, 1, -(2**63), 2**53 + 1, 1 << 2000, True, Index(3), *NOT_INTEGERS),
    ),
    functions=FUNCTIONS,
)


# ---- AtomicRef: any object, compared by identity ----------------------------------------------------------------


class Thing:
    """An object that equals only itself. The operands 1, True and 1.0 are equal, and are different objects."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


A, B, C = Thing("A"), Thing("B"), Thing("C")


def turn(thing):
    return B if thing is A else A


def swapped_if_same(old, expected, desired):
    return (desired, True) if old is expected else (old, False)


def turned(old, fn):
    new = fn(old)
    return new, new


ATOMIC_REF = Model(
    make=AtomicRef,
    operand=lambda value: value,
    result=lambda value: value,
    operations=cell(AtomicRef)
    | {
        "compare_exchange": Operation(AtomicRef.compare_exchange, swapped_if_same, "nn"),
        "update": Operation(AtomicRef.update, turned, "f"),
    },
    scenes={"with a few objects": (A, (A, B, C, None))},
    operands=(A, B, C, None, 1, True, 1.0, (1,), (True,), 2**70, float("nan"), "text", int, turn),
    functions=(turn, fail, None, lambda: 1),
)


# ---- AtomicIntArray: the operations of AtomicInt, on one word of the array ---------------------------------------


def words(values: object) -> tuple:
    return tuple(int64(value) for value in values)


def position(state: tuple, i: object) -> int:
    if isinstance(i, slice):
        raise TypeError
    i = operator.index(i)
    if not -len(state) <= i < len(state):
        raise IndexError
    return i % len(state)


def on_one_word(method, of: Operation) -> Operation:
    def step(state, i, *values):
        word, result = of.step(state[i], *values)
        return (*state[:i], word, *state[i + 1 :]), result

    return Operation(method, step, "i" + of.takes, of.splits)


ATOMIC_INT_ARRAY = Model(
    make=AtomicIntArray,
    operand=int64,
    result=words,
    operations={
        name: on_one_word(getattr(AtomicIntArray, name), of)
        for name, of in ATOMIC_INT.operations.items()
        if hasattr(AtomicIntArray, name)
    }
    | {
        "[]": on_one_word(operator.getitem, ATOMIC_INT.operations["load"]),
        "[] =": on_one_word(operator.setitem, ATOMIC_INT.operations["store"]),
    },
    scenes={
        "around zero": ((0, 0), (-2, -1, 0, 1, 2)),
        "at the upper limit": ((INT64_MAX - 1, INT64_MAX), (1, 2, -1, -2, INT64_MAX)),
    },
    operands=(
        *(0, 1, -1, 2**62, INT64_MAX, INT64_MAX - 1, INT64_MIN, 2**63, 1 << 1000),
        *(True, Index(3), Index(2**63), *NOT_INTEGERS),
    ),
    functions=FUNCTIONS,
    indices=(0, 1, -1, -2, 2, -3, 2**62, 2**70, -(2**70), True, Index(1), Index(2), slice(None), *NOT_INTEGERS),
    starts=((0, 0), (INT64_MAX, INT64_MIN), (1, 2, 3), (), (0, 2**63), (0, "1")),
    initial=words,
    index=position,
    value=tuple,
)

TYPES = {
    "AtomicInt": ATOMIC_INT,
    "AtomicUInt": ATOMIC_UINT,
    "AtomicBool": ATOMIC_BOOL,
    "AtomicFloat": ATOMIC_FLOAT,
    "AtomicRef": ATOMIC_REF,
    "AtomicIntArray": ATOMIC_INT_ARRAY,
}

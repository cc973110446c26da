"""What each operation of each atomic type does, said once in plain Python on the bare value.

`TYPES` is the table: one entry per type, one line per operation. `test_model.py` runs sequences of calls against it in
one thread, `test_linearizability.py` histories of several; a new type joins both by its entry here.
"""

import operator
from collections.abc import Callable, Hashable
from functools import partial
from typing import NamedTuple

from atomicpy import AtomicInt

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Operation(NamedTuple):
    """One operation, on the atomic and in the model."""

    apply: Callable  # of the atomic and the arguments, as a user calls it
    step: Callable  # of the old value and the arguments: (the value left, the result)
    takes: str = ""  # its arguments: n an operand, ? an operand that may be left out, f a function for update


class Model(NamedTuple):
    """A type: its operations, and what it lets in."""

    make: Callable  # of a value: the atomic
    operand: Callable  # of an argument: the value it stands for, or an exception
    result: Callable  # of the value a step would leave: the value it leaves, or an exception
    operations: dict[str, Operation]
    scenes: dict[str, tuple]  # name: the value at the start, the operands that make threads collide there
    operands: tuple  # what the single-threaded test draws from besides, good and bad
    functions: tuple  # what it draws for update

    def step(self, state: Hashable, name: str, arguments: tuple) -> tuple[Hashable, object]:
        """(the state after the call, its result or the type of what it raises). Pure."""
        operation = self.operations[name]
        try:
            values = [n if callable(n) else self.operand(n) for n in arguments]
            left, result = operation.step(state, *values)
            return self.result(left), result
        except Exception as error:
            return state, type(error)

    def call(self, atomic: object, name: str, arguments: tuple) -> Callable[[], object]:
        """The same call on the atomic itself, ready to be made."""
        return partial(self.operations[name].apply, atomic, *arguments)


def same(left: object, right: object) -> bool:
    """Whether two results are one and the same: True is not 1, and NaN is NaN."""
    return type(left) is type(right) and (left is right or left == right or (left != left and right != right))


def inplace(fn: Callable) -> Callable:
    """`a += n` and its like; the result is whether the atomic itself came back."""
    return lambda atomic, n: fn(atomic, n) is atomic


def read(fn: Callable) -> Operation:
    """A load(), then plain Python."""
    return Operation(fn, lambda old: (old, fn(old)))


# ---- AtomicInt -------------------------------------------------------------------------------------------------


def int64(n: object) -> int:
    n = int(operator.index(n))
    if not INT64_MIN <= n <= INT64_MAX:
        raise OverflowError
    return n


def flip(value):
    return ~value


def grow(value):
    return value + 1


def halve(value):
    return value / 2


def fail(value):
    raise ZeroDivisionError


class Index:
    """Not an int, but usable as one; or not, where __index__ raises or returns something else."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value

    def __repr__(self):
        return f"Index({self.value!r})"


def new_of(fn: Callable) -> Callable:
    return lambda old, n=1: (new := fn(old, n), new)


def old_of(fn: Callable) -> Callable:
    return lambda old, n=1: (fn(old, n), old)


def updated(old, fn):
    new = int64(fn(old))
    return new, new


ATOMIC_INT = Model(
    make=AtomicInt,
    operand=int64,
    result=int64,
    operations={
        "load": Operation(AtomicInt.load, lambda old: (old, old)),
        "store": Operation(AtomicInt.store, lambda old, n: (n, None), "n"),
        "exchange": Operation(AtomicInt.exchange, lambda old, n: (n, old), "n"),
        "compare_exchange": Operation(
            AtomicInt.compare_exchange, lambda old, n, new: (new, True) if old == n else (old, False), "nn"
        ),
        "add": Operation(AtomicInt.add, new_of(operator.add), "?"),
        "sub": Operation(AtomicInt.sub, new_of(operator.sub), "?"),
        "inc": Operation(AtomicInt.inc, lambda old: (old + 1, None)),
        "dec": Operation(AtomicInt.dec, lambda old: (old - 1, None)),
        "fetch_add": Operation(AtomicInt.fetch_add, old_of(operator.add), "?"),
        "fetch_sub": Operation(AtomicInt.fetch_sub, old_of(operator.sub), "?"),
        "fetch_and": Operation(AtomicInt.fetch_and, old_of(operator.and_), "n"),
        "fetch_or": Operation(AtomicInt.fetch_or, old_of(operator.or_), "n"),
        "fetch_xor": Operation(AtomicInt.fetch_xor, old_of(operator.xor), "n"),
        "fetch_max": Operation(AtomicInt.fetch_max, old_of(max), "n"),
        "fetch_min": Operation(AtomicInt.fetch_min, old_of(min), "n"),
        "update": Operation(AtomicInt.update, updated, "f"),
        "+=": Operation(inplace(operator.iadd), lambda old, n: (old + n, True), "n"),
        "-=": Operation(inplace(operator.isub), lambda old, n: (old - n, True), "n"),
        "&=": Operation(inplace(operator.iand), lambda old, n: (old & n, True), "n"),
        "|=": Operation(inplace(operator.ior), lambda old, n: (old | n, True), "n"),
        "^=": Operation(inplace(operator.ixor), lambda old, n: (old ^ n, True), "n"),
        "int": read(int),
        "float": read(float),
        "bool": read(bool),
        "str": read(str),
    },
    scenes={
        "around zero": (0, (-2, -1, 0, 1, 2, 3)),
        "at the upper limit": (INT64_MAX - 1, (1, 2, -1, -2, INT64_MAX, INT64_MAX - 1)),
        "at the lower limit": (INT64_MIN + 1, (1, 2, -1, -2, INT64_MIN, INT64_MIN + 1)),
    },
    operands=(
        *(0, 1, -1, 2, 255, 2**30, -(2**31), 2**62, -(2**62)),
        *(INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1),
        *(2**63, INT64_MIN - 1, 2**64, 1 << 1000),
        *(True, False, Index(3), Index(INT64_MAX), Index(2**63), Index("3"), Index(KeyError())),
        *(None, 1.0, "1", b"1", 1j, (), float("nan")),
    ),
    functions=(
        flip,
        grow,
        halve,
        fail,
        bool,
        str,
        None,
        lambda: 1,
        lambda value: 2**63,
        lambda value: Index(5),
    ),
)

TYPES = {"AtomicInt": ATOMIC_INT}

"""The parts of a model of an atomic type: plain Python on the plain value. models.py has the models."""

import operator
from collections.abc import Callable, Hashable
from functools import partial
from typing import NamedTuple


class Operation(NamedTuple):
    """One operation, on the atomic object and in the model."""

    apply: Callable  # (atomic, *arguments): the call that a user makes
    step: Callable  # (old value, *arguments) -> (the new value, the result)
    takes: str = ""  # its arguments: n: an operand; ?: an optional operand; f: a function for update; i: an index
    splits: bool = True  # it reads and writes: in two steps it would lose updates


class Model(NamedTuple):
    """A type: its operations, and the values that it accepts."""

    make: Callable  # (value) -> the atomic object
    operand: Callable  # (argument) -> the value that it is converted to; or it raises
    result: Callable  # (new value of a step) -> the value that is stored; or it raises
    operations: dict[str, Operation]
    scenes: dict[str, tuple]  # name: the start value, and operands for which threads contend there
    operands: tuple  # further operands for the single-threaded test, valid and invalid
    functions: tuple = ()  # the functions of that test for update
    indices: tuple = ()  # the indices of that test
    starts: tuple | None = None  # arguments of the constructor, valid and invalid; None: the operands
    initial: Callable | None = None  # (one of these) -> the first state; or it raises; None: operand
    index: Callable | None = None  # (state, index) -> the position; or it raises
    value: Callable = lambda atomic: atomic.load()  # (atomic) -> its state

    def step(self, state: Hashable, name: str, arguments: tuple) -> tuple[Hashable, object]:
        """Return (the state after the call, its result or the type of its exception). Pure."""
        operation = self.operations[name]
        try:
            values = [self.convert(state, kind, n) for kind, n in zip(operation.takes, arguments, strict=False)]
            left, result = operation.step(state, *values)
            return self.result(left), result
        except Exception as error:
            return state, type(error)

    def convert(self, state: Hashable, kind: str, n: object) -> object:
        if kind == "f":
            return n
        return self.index(state, n) if kind == "i" else self.operand(n)

    def start(self, value: object) -> Hashable:
        return (self.initial or self.operand)(value)

    def call(self, atomic: object, name: str, arguments: tuple) -> Callable[[], object]:
        """Return a function that makes the same call on the atomic object."""
        return partial(self.operations[name].apply, atomic, *arguments)


def same(left: object, right: object) -> bool:
    """Whether two results are the same: True differs from 1 and 0.0 from -0.0, and NaN is the same as NaN."""
    if type(left) is not type(right):
        return False
    return repr(left) == repr(right) if type(left) is float else left is right or left == right


def inplace(fn: Callable) -> Callable:
    """`a += n` and similar. The result is whether `a` is still the same object."""
    return lambda atomic, n: fn(atomic, n) is atomic


def read(fn: Callable) -> Operation:
    """A load() and then plain Python."""
    return Operation(fn, lambda old: (old, fn(old)), splits=False)


def new_of(fn: Callable) -> Callable:
    """A step that stores fn(old, n), and returns the new value."""
    return lambda old, n=1: (new := fn(old, n), new)


def old_of(fn: Callable) -> Callable:
    """A step that stores fn(old, n), and returns the old value."""
    return lambda old, n=1: (fn(old, n), old)


# ---- operations of several types --------------------------------------------------------------------------------


def cell(kind: type) -> dict[str, Operation]:
    """The operations of every type."""
    return {
        "load": Operation(kind.load, lambda old: (old, old), splits=False),
        "store": Operation(kind.store, lambda old, n: (n, None), "n", splits=False),
        "exchange": Operation(kind.exchange, lambda old, n: (n, old), "n"),
        "compare_exchange": Operation(
            kind.compare_exchange, lambda old, n, new: (new, True) if old == n else (old, False), "nn"
        ),
    }


def number(kind: type, operand: Callable, add: Callable = operator.add, sub: Callable = operator.sub):
    """The operations of every type of number. `add` and `sub` are the arithmetic of the type."""

    def updated(old, fn):
        new = operand(fn(old))
        return new, new

    return cell(kind) | {
        "add": Operation(kind.add, new_of(add), "?"),
        "sub": Operation(kind.sub, new_of(sub), "?"),
        "fetch_add": Operation(kind.fetch_add, old_of(add), "?"),
        "fetch_sub": Operation(kind.fetch_sub, old_of(sub), "?"),
        "fetch_max": Operation(kind.fetch_max, old_of(max), "n"),
        "fetch_min": Operation(kind.fetch_min, old_of(min), "n"),
        "update": Operation(kind.update, updated, "f"),
        "+=": Operation(inplace(operator.iadd), lambda old, n: (add(old, n), True), "n"),
        "-=": Operation(inplace(operator.isub), lambda old, n: (sub(old, n), True), "n"),
        "int": read(int),
        "float": read(float),
        "bool": read(bool),
        "str": read(str),
    }


def integer(kind: type, operand: Callable, add: Callable = operator.add, sub: Callable = operator.sub):
    """The operations of every integer type."""
    return number(kind, operand, add, sub) | {
        "inc": Operation(kind.inc, lambda old: (add(old, 1), None)),
        "dec": Operation(kind.dec, lambda old: (sub(old, 1), None)),
        "fetch_and": Operation(kind.fetch_and, old_of(operator.and_), "n"),
        "fetch_or": Operation(kind.fetch_or, old_of(operator.or_), "n"),
        "fetch_xor": Operation(kind.fetch_xor, old_of(operator.xor), "n"),
        "&=": Operation(inplace(operator.iand), lambda old, n: (old & n, True), "n"),
        "|=": Operation(inplace(operator.ior), lambda old, n: (old | n, True), "n"),
        "^=": Operation(inplace(operator.ixor), lambda old, n: (old ^ n, True), "n"),
    }


# ---- arguments, valid and invalid -------------------------------------------------------------------------------


def flip(value):
    return ~value


def grow(value):
    return value + 1


def halve(value):
    return value / 2


def fail(value):
    raise ZeroDivisionError


class Index:
    """An object with __index__, which returns an int, returns another object or raises."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, BaseException):
            raise type(self.value)(*self.value.args)  # a new one, because an exception keeps all its tracebacks
        return self.value

    def __repr__(self):
        return f"Index({self.value!r})"


NOT_INTEGERS = (Index("3"), Index(KeyError()), None, 1.0, "1", b"1", 1j, (), float("nan"))
FUNCTIONS = (
    *(flip, grow, halve, fail, bool, str, None),
    *(lambda: 1, lambda value: 2**63, lambda value: Index(5)),
)

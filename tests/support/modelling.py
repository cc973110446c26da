"""What a model of an atomic type is made of: plain Python on the bare value. The models themselves are in models.py."""

import operator
from collections.abc import Callable, Hashable
from functools import partial
from typing import NamedTuple


class Operation(NamedTuple):
    """One operation, on the atomic and in the model."""

    apply: Callable  # of the atomic and the arguments, as a user calls it
    step: Callable  # of the old value and the arguments: (the value left, the result)
    takes: str = ""  # its arguments: n an operand, ? one that may be left out, f a function for update, i an index
    splits: bool = True  # reads and then writes: done in two steps it would lose something


class Model(NamedTuple):
    """A type: its operations, and what it lets in."""

    make: Callable  # of a value: the atomic
    operand: Callable  # of an argument: the value it stands for, or an exception
    result: Callable  # of the value a step would leave: the value it leaves, or an exception
    operations: dict[str, Operation]
    scenes: dict[str, tuple]  # name: the value at the start, the operands that make threads collide there
    operands: tuple  # what the single-threaded test draws from besides, good and bad
    functions: tuple = ()  # what it draws for update
    indices: tuple = ()  # and for an index
    starts: tuple | None = None  # what an object is made of, good and bad; None: the operands
    initial: Callable | None = None  # of one of these: the first state, or an exception; None: operand
    index: Callable | None = None  # of the state and an index: the place it stands for, or an exception
    value: Callable = lambda atomic: atomic.load()  # of the atomic: its state

    def step(self, state: Hashable, name: str, arguments: tuple) -> tuple[Hashable, object]:
        """(the state after the call, its result or the type of what it raises). Pure."""
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
        """The same call on the atomic itself, ready to be made."""
        return partial(self.operations[name].apply, atomic, *arguments)


def same(left: object, right: object) -> bool:
    """Whether two results are one and the same: True is not 1, 0.0 is not -0.0, and NaN is NaN."""
    if type(left) is not type(right):
        return False
    return repr(left) == repr(right) if type(left) is float else left is right or left == right


def inplace(fn: Callable) -> Callable:
    """`a += n` and its like; the result is whether the atomic itself came back."""
    return lambda atomic, n: fn(atomic, n) is atomic


def read(fn: Callable) -> Operation:
    """A load(), then plain Python."""
    return Operation(fn, lambda old: (old, fn(old)), splits=False)


def new_of(fn: Callable) -> Callable:
    """A step that leaves fn(old, n), and returns it."""
    return lambda old, n=1: (new := fn(old, n), new)


def old_of(fn: Callable) -> Callable:
    """A step that leaves fn(old, n), and returns what was there before."""
    return lambda old, n=1: (fn(old, n), old)


# ---- what the types have in common ------------------------------------------------------------------------------


def cell(kind: type) -> dict[str, Operation]:
    """What every type can do."""
    return {
        "load": Operation(kind.load, lambda old: (old, old), splits=False),
        "store": Operation(kind.store, lambda old, n: (n, None), "n", splits=False),
        "exchange": Operation(kind.exchange, lambda old, n: (n, old), "n"),
        "compare_exchange": Operation(
            kind.compare_exchange, lambda old, n, new: (new, True) if old == n else (old, False), "nn"
        ),
    }


def number(kind: type, operand: Callable, add: Callable = operator.add, sub: Callable = operator.sub):
    """What every number can do besides; `add` and `sub` are the arithmetic of the type."""

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
    """What every integer can do."""
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


# ---- arguments, good and bad ------------------------------------------------------------------------------------


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
            raise type(self.value)(
                *self.value.args
            )  # a fresh one: an exception keeps every traceback it was raised with
        return self.value

    def __repr__(self):
        return f"Index({self.value!r})"


NOT_INTEGERS = (Index("3"), Index(KeyError()), None, 1.0, "1", b"1", 1j, (), float("nan"))
FUNCTIONS = (
    *(flip, grow, halve, fail, bool, str, None),
    *(lambda: 1, lambda value: 2**63, lambda value: Index(5)),
)

"""A fast call gives every call that is not plain to the method that it overrides, and no caller sees a difference.

test_model.py checks that plain calls do what the methods do: its operands are small ints, which the fast calls take,
and ints of another class, large ones and values that are no int, which they do not take.
"""

import importlib
import inspect
import weakref

import pytest
from helpers import run_program
from models import TYPES

import atomicpy
from atomicpy import AtomicIntArray

# What takes two arguments, or one that may be left out; and a good set of arguments.
SHORT = [
    (kind, name, tuple({"n": good[0], "?": good[0], "f": len, "i": 0}[k] for k in model.operations[name].takes))
    for kind, model in TYPES.items()
    for _, good in [next(iter(model.scenes.values()))]
    for name in model.operations
    if name.isidentifier() and name in vars(model.make)
]


@pytest.mark.parametrize(("kind", "name", "arguments"), SHORT)
def test_wrong_calls_are_refused_as_by_any_method(kind, name, arguments):
    model = TYPES[kind]
    start, _ = next(iter(model.scenes.values()))
    atomic = model.make(start)
    method = getattr(atomic, name)
    with pytest.raises(TypeError, match=r"argument|takes"):
        method(*arguments, *arguments, 1, 2)
    with pytest.raises(TypeError, match=r"keyword|positional|argument"):
        method(*arguments[:-1], nonsense=1)
    if "?" not in model.operations[name].takes and arguments:
        with pytest.raises(TypeError, match=r"argument|takes"):
            method(*arguments[:-1])
    assert model.value(atomic) == start, "an error changed the value"


@pytest.mark.parametrize("kind", ["AtomicInt", "AtomicUInt", "AtomicBool"])
def test_wait_and_notify_take_what_they_always_did(kind):
    atomic = getattr(atomicpy, kind)()
    other = TYPES[kind].scenes["from True" if kind == "AtomicBool" else "around zero"][1][1]
    assert atomic.wait(other) is atomic.wait(expected=other) is atomic.wait(other, timeout=None) is True
    assert atomic.wait(other, 1) is True
    assert atomic.wait(atomic.load(), 0.01) is False
    with pytest.raises(ValueError, match="timeout"):
        atomic.wait(other, -1)
    assert atomic.notify() == atomic.notify(0) == atomic.notify(2**70) == atomic.notify_all() == 0
    with pytest.raises(ValueError, match="-1"):
        atomic.notify(-1)


@pytest.mark.parametrize("kind", TYPES)
def test_constructors_take_what_they_always_did(kind):
    cls = getattr(atomicpy, kind)
    start = next(iter(TYPES[kind].scenes.values()))[0]
    made = [cls(start), cls.__new__(cls, start) if kind != "AtomicIntArray" else cls(list(start))]
    if kind != "AtomicIntArray":
        made.append(cls(value=start))
        assert cls().load() in (0, None)
    for atomic in made:
        assert TYPES[kind].value(atomic) == start
        assert weakref.ref(atomic)() is atomic
    with pytest.raises(TypeError):
        cls(start, start)
    with pytest.raises(TypeError):
        cls(start, nonsense=1)


MEMORY = bytearray(64)


@pytest.mark.parametrize(
    "make", [lambda: AtomicIntArray(8), lambda: AtomicIntArray.from_buffer(MEMORY)], ids=["of its own", "on a buffer"]
)
@pytest.mark.parametrize("watched", [False, True])
def test_an_array_is_freed_with_its_buffer_and_its_weak_references(make, watched):
    array, gone = make(), []
    watch = weakref.ref(array, gone.append) if watched else None
    with pytest.raises(TypeError, match="length for life"):
        array.__init__(3)
    del array
    assert gone == ([watch] if watched else [])
    MEMORY.append(0)  # BufferError while a view of it is held
    MEMORY.pop()


@pytest.mark.parametrize("kind", TYPES)
def test_signatures_and_docstrings_are_those_of_the_methods(kind):
    cls = getattr(atomicpy, kind)
    assert str(inspect.signature(cls.compare_exchange)).endswith("expected, desired, /)")
    assert cls.compare_exchange.__doc__.startswith("Atomically replace")
    assert str(inspect.signature(cls.load)).startswith("(self")


def test_fast_calls_of_a_module_that_is_imported_again_call_the_method():
    run_program("""
import sys, importlib
import atomicpy
for name in [n for n in sys.modules if n.startswith("atomicpy")]:
    del sys.modules[name]
try:
    again = importlib.import_module("atomicpy")
except ImportError:
    again = atomicpy
for each in (again, atomicpy):
    a = each.AtomicInt(2**40)
    assert a.add(2**70 >> 10) == 2**60 + 2**40  # no plain argument: the method does it
    assert each.AtomicIntArray([1]).add(0, 2) == 3
""")
    importlib.import_module("atomicpy")

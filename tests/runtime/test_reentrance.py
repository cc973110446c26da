"""An argument whose conversion changes the atomic itself: it is converted first, then the operation is one step.

Likewise a function of update() that does; and an argument whose conversion raises leaves all as it was.
"""

import pytest
from models import TYPES


class Meddler:
    """Stands for a number, and stores another one in the atomic when it is asked for it."""

    def __init__(self, meddle, number):
        self.meddle, self.number = meddle, number

    def __index__(self):
        self.meddle()
        return int(self.number)

    def __float__(self):
        self.meddle()
        return float(self.number)


# Every operation of every type that converts a number, and the place of each such argument.
CONVERSIONS = [
    (kind, name, at)
    for kind, model in TYPES.items()
    if kind not in ("AtomicBool", "AtomicRef")  # they take a bool itself, and any object as it is
    for name, of in model.operations.items()
    for at, takes in enumerate(of.takes)
    if takes in "n?i"
]


def scene(kind, name):
    """A fresh atomic, good arguments for the operation, and a step that changes the value."""
    model = TYPES[kind]
    start, good = next(iter(model.scenes.values()))
    other = next(n for n in good if n not in (0, 1))
    arguments = [{"n": 1, "?": 1, "f": lambda value: value, "i": 0}[takes] for takes in model.operations[name].takes]
    index = (0,) if model.index else ()
    atomic = model.make(start)
    return model, start, atomic, arguments, (*index, other)


@pytest.mark.parametrize(("kind", "name", "at"), CONVERSIONS)
def test_argument_that_changes_the_value_comes_first(kind, name, at):
    model, start, atomic, arguments, other = scene(kind, name)
    changed, _ = model.step(start, "store", other)
    expected = model.step(changed, name, tuple(arguments))

    called = []

    def meddle():
        called.append(1)
        atomic.store(*other)

    arguments[at] = Meddler(meddle, arguments[at])
    result = model.call(atomic, name, tuple(arguments))()
    assert called == [1]
    assert (model.value(atomic), result) == expected


@pytest.mark.parametrize(("kind", "name", "at"), CONVERSIONS)
def test_argument_that_raises_leaves_the_value(kind, name, at):
    model, start, atomic, arguments, _ = scene(kind, name)

    def fail():
        raise ZeroDivisionError

    arguments[at] = Meddler(fail, arguments[at])
    with pytest.raises(ZeroDivisionError):
        model.call(atomic, name, tuple(arguments))()
    assert model.value(atomic) == start


@pytest.mark.parametrize("kind", [kind for kind, model in TYPES.items() if "update" in model.operations])
def test_function_of_update_that_changes_the_value_runs_again(kind):
    if kind == "AtomicRef":
        atomic, other = TYPES[kind].make("a"), ("b",)
    else:
        _, _, atomic, _, other = scene(kind, "update")
    index, seen = other[:-1], []

    def fn(value):
        seen.append(value)
        if len(seen) == 1:
            atomic.store(*other)
        return value

    assert atomic.update(*index, fn) == other[-1]
    assert seen[1:] == [other[-1]]
    with pytest.raises(ZeroDivisionError):
        atomic.update(*index, lambda value: value / 0 if kind != "AtomicRef" else 1 / 0)
    assert atomic.load(*index) == other[-1]

"""Arguments whose conversion changes the atomic object: the conversion comes first, then the operation is one step.

The same holds for a function of update() that changes the object. If a conversion raises, the value does not change.
"""

import pytest
from models import TYPES

from atomicpy import Channel, ChannelClosed, after, select


class ChangingArgument:
    """A number whose conversion stores another number in the atomic object."""

    def __init__(self, change, number):
        self.change, self.number = change, number

    def __index__(self):
        self.change()
        return int(self.number)

    def __float__(self):
        self.change()
        return float(self.number)


# Each operation of each type that converts a number, and the position of each such argument.
CONVERSIONS = [
    (kind, name, at)
    for kind, model in TYPES.items()
    if kind not in ("AtomicBool", "AtomicRef")  # these two convert no argument
    for name, of in model.operations.items()
    for at, takes in enumerate(of.takes)
    if takes in "n?i"
]


def scene(kind, name):
    """Return a new atomic object, valid arguments of the operation, and arguments of a store that changes the value."""
    model = TYPES[kind]
    start, good = next(iter(model.scenes.values()))
    other = next(n for n in good if n not in (0, 1))
    arguments = [{"n": 1, "?": 1, "f": lambda value: value, "i": 0}[takes] for takes in model.operations[name].takes]
    index = (0,) if model.index else ()
    atomic = model.make(start)
    return model, start, atomic, arguments, (*index, other)


@pytest.mark.parametrize(("kind", "name", "at"), CONVERSIONS)
def test_conversion_that_changes_the_value_precedes_the_operation(kind, name, at):
    model, start, atomic, arguments, other = scene(kind, name)
    changed, _ = model.step(start, "store", other)
    expected = model.step(changed, name, tuple(arguments))

    called = []

    def change():
        called.append(1)
        atomic.store(*other)

    arguments[at] = ChangingArgument(change, arguments[at])
    result = model.call(atomic, name, tuple(arguments))()
    assert called == [1]
    assert (model.value(atomic), result) == expected


@pytest.mark.parametrize(("kind", "name", "at"), CONVERSIONS)
def test_conversion_that_raises_leaves_the_value(kind, name, at):
    model, start, atomic, arguments, _ = scene(kind, name)

    def fail():
        raise ZeroDivisionError

    arguments[at] = ChangingArgument(fail, arguments[at])
    with pytest.raises(ZeroDivisionError):
        model.call(atomic, name, tuple(arguments))()
    assert model.value(atomic) == start


@pytest.mark.parametrize("kind", [kind for kind, model in TYPES.items() if "update" in model.operations])
def test_function_of_update_runs_again_if_it_changes_the_value(kind):
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


@pytest.mark.parametrize("method", ["__float__", "__index__"])
def test_conversion_of_a_timeout_may_use_the_channel(method):
    class Timeout:
        def __init__(self, change):
            self.change = change

    def convert(self):
        self.change()
        return 100 if method == "__index__" else 100.0

    setattr(Timeout, method, convert)
    ch = Channel(1)
    assert ch.recv(Timeout(lambda: ch.send("a"))) == "a"
    ch.send("b")
    ch.send("c", Timeout(ch.recv))
    assert select(ch, timeout=Timeout(lambda: ch.recv() and ch.send("d"))) == (0, "d", True)
    with pytest.raises(ChannelClosed):
        ch.recv(Timeout(ch.close))
    assert after(Timeout(lambda: None)).try_recv() == (None, False)


def test_conversion_of_a_timeout_that_raises_does_nothing():
    ch = Channel(1)

    class Timeout:
        def __float__(self):
            raise ZeroDivisionError

    for call in (lambda: ch.send("a", Timeout()), lambda: select((ch, "a"), timeout=Timeout())):
        with pytest.raises(ZeroDivisionError):
            call()
    assert ch.try_recv() == (None, False)


def test_conversion_of_a_capacity_may_make_channels():
    class Capacity:
        def __index__(self):
            return Channel(3).capacity

    assert Channel(Capacity()).capacity == 3

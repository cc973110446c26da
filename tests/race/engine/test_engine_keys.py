"""The item that a key means: equal keys are one location, as in the container, and comparing them is no access."""

import ctypes
import enum
import fractions
import mmap
import signal
import sys

import pytest

if sys.version_info < (3, 13):
    pytest.skip("the detector needs 3.13", allow_module_level=True)

from engine_driver import Actor, Thing, each_of, engine, get_item, read, session, set_item, write

from atomicpy import AtomicIntArray


class Key:
    """Equal by its value; comparisons are counted, may raise, and are instrumented, as the program's are."""

    compared = 0

    def __init__(self, value, hashed=7, error=None):
        self.value, self.hashed, self.error = value, hashed, error
        write(self, "value")

    def __hash__(self):
        return self.hashed

    def __eq__(self, other):
        Key.compared += 1
        if self.error is not None:
            raise self.error
        return isinstance(other, Key) and read(self, "value").value == read(other, "value").value


class Number(enum.IntEnum):
    MINUS = -1
    ONE = 1


def race_of(first, second, d=None):
    """Whether a race is reported for stores under the two keys, by two threads, in one dict."""
    d = {} if d is None else d
    with Actor() as actor, session() as races:
        actor.do(set_item, 1, d, first)
        engine.forget_reported()
        # Two insertions: accesses of the set of keys, which no thread iterates over.
        set_item(2, d, second)
    return [race.kind for race in races] == ["item"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1.0),
        (1, True),
        (0, -0.0),
        (1, Number.ONE),
        (Number.MINUS, -1),
        (-1.0, Number.MINUS),
        (-2, fractions.Fraction(-2)),
        (complex(3), 3),
        (2**60, 2.0**60),
        (2**200, 2.0**200),
        (fractions.Fraction(1, 2), 0.5),
        ((1, "a"), (1.0, "a")),
        (Key(1), Key(1)),
        ((Key(1), 2), (Key(1), 2)),
        (frozenset({1}), frozenset({1.0})),
    ],
)
def test_equal_keys_are_one_location(first, second):
    assert race_of(first, second)
    assert race_of(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Key(1), Key(2)),
        (-1, -2),
        (-1.0, Number.ONE),
        (Number.MINUS, -2),
        ((Key(1),), (Key(2),)),
        (7, Key(1)),
        (object(), object()),
        (float("nan"), float("nan")),
        (0, 2**61 - 1),
    ],
)
def test_keys_that_are_not_equal_are_two_locations_with_any_hash(first, second):
    assert not race_of(first, second)
    assert race_of(first, first)


def test_a_key_whose_comparison_raises_is_a_location_of_its_own():
    sick = Key(1, hashed=99, error=ValueError("not with that"))
    other = Key(1, hashed=99)
    with Actor() as actor, session() as races:
        actor.do(set_item, 1, {}, sick)  # in another dict: the program compares nothing
        d = {}
        actor.do(set_item, 1, d, other)
        set_item(2, d, other)
        assert [race.kind for race in races] == ["item"]
        with pytest.raises(ValueError, match="not with that"):
            get_item({sick: 1}, other)  # as without the detector
        with pytest.raises(TypeError, match="unhashable"):
            get_item(d, [])


def test_ctrl_c_while_the_engine_compares_keys_reaches_the_program():
    class Slow(Key):
        __hash__ = Key.__hash__

        def __eq__(self, other):
            if not pressed:
                pressed.append(True)
                signal.raise_signal(signal.SIGINT)
            return self is other

    pressed = []
    with Actor() as actor, session():
        actor.do(set_item, 1, {}, Slow(1, hashed=98))  # in another dict: the program compares nothing
        with pytest.raises(KeyboardInterrupt):
            set_item(2, {}, Slow(2, hashed=98))
            pressed.append("not raised yet")
        assert pressed == [True]


def test_a_comparison_by_the_engine_is_no_access_of_the_program():
    """Two dicts of two threads, with equal keys: the program never compares the keys."""
    with Actor() as actor, session() as races:
        actor.do(lambda: set_item(1, {}, Key(5, hashed=5)))
        set_item(1, {}, Key(5, hashed=5))
    assert not races


def test_the_engine_compares_a_key_once():
    key = Key(6, hashed=6)
    with Actor() as actor, session():
        actor.do(int)
        d = {key: 0}
        get_item(d, key)
        Key.compared = 0
        for _ in range(1000):
            set_item(1, d, key)
            get_item(d, key)
    assert Key.compared == 0


# ---- the set of keys -----------------------------------------------------------------------------------------------


def iterate(d):
    for _ in each_of(d):
        pass


def insert(d):
    set_item(0, d, len(d))


@pytest.mark.parametrize(("first", "second", "other"), [(iterate, insert, iterate), (insert, iterate, insert)])
def test_an_iteration_and_an_insertion_are_two_accesses(first, second, other):
    """The same-epoch cache has an entry for each."""
    d = {}
    with Actor() as actor, session() as races:
        actor.do(first, d)
        actor.do(second, d)
        other(d)
    assert [(race.kind, race.current.write, race.previous.write) for race in races] == [
        ("keys", other is insert, second is insert)
    ]


# ---- items of an AtomicIntArray: a clock each, which ends with the memory ------------------------------------------


def address(array):
    return ctypes.addressof(ctypes.c_char.from_buffer(memoryview(array).cast("B")))


def ordered_by(release, acquire):
    """Whether steps before the release happen before steps after the acquire, in another thread."""
    thing = Thing()
    with Actor() as actor, session() as races:
        actor.do(write, thing, "x")
        actor.do(release)
        acquire()
        write(thing, "x")
    return not races


def test_a_new_array_at_the_address_of_an_old_one_has_new_clocks():
    thing = Thing()
    with Actor() as actor, session() as races:
        arrays = [AtomicIntArray(1000)]
        place = address(arrays[0])
        actor.do(write, thing, "x")
        actor.do(lambda: engine.clock_at(arrays[0], 3).release())
        arrays.clear()
        while not arrays or (address(arrays[-1]) != place and len(arrays) < 100):
            arrays.append(AtomicIntArray(1000))
        assert address(arrays[-1]) == place, "the memory was not reused: the test shows nothing"
        engine.clock_at(arrays[-1], 3).acquire()
        write(thing, "x")
    assert [race.name for race in races] == ["x"]


def test_the_clocks_of_items_do_not_outlive_their_arrays():
    """Some builds do not trace each destruction: a few clocks stay until another object has the address."""
    with session():
        for _ in range(200):
            array = AtomicIntArray(50)
            for i in range(50):
                engine.clock_at(array, i).release()
            del array
        assert engine.counts()["clocks"] <= 20 * 50


@pytest.mark.parametrize(
    "memory", [bytearray(64), mmap.mmap(-1, 64), AtomicIntArray(8)], ids=lambda m: type(m).__name__
)
def test_all_arrays_over_one_memory_have_one_clock_for_an_item(memory):
    """Also where the first array is freed before the second is made."""
    whole, part = (lambda: AtomicIntArray.from_buffer(memory)), lambda: AtomicIntArray.from_buffer(memory, 16)
    through = lambda: AtomicIntArray.from_buffer(memoryview(memory).cast("B")[8:])  # noqa: E731
    for first, i, second, j in (
        (whole, 3, part, 1),
        (part, -1, whole, 7),
        (through, 0, whole, 1),
        (whole, -8, whole, 0),
    ):
        assert ordered_by(
            lambda first=first, i=i: engine.clock_at(first(), i).release(),
            lambda second=second, j=j: engine.clock_at(second(), j).acquire(),
        )
        assert not ordered_by(
            lambda first=first, i=i: engine.clock_at(first(), i).release(),
            lambda second=second, j=j: engine.clock_at(second(), (j + 1) % 6).acquire(),
        )


def test_memory_of_an_unknown_owner_keeps_its_clocks():
    memory = (ctypes.c_longlong * 4)()
    assert ordered_by(
        lambda: engine.clock_at(AtomicIntArray.from_buffer(memory), 2).release(),
        lambda: engine.clock_at(AtomicIntArray.from_buffer(memory, 16), 0).acquire(),
    )

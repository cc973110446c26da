"""A Channel as an object: its length, its text, its type, and what the garbage collector does with it."""

import copy
import gc
import pickle
import types
import weakref

import pytest
from helpers import join_threads, start_threads, wait_until

from atomicpy import Channel, after, tick

# ---- what a user sees of one ------------------------------------------------------------------------------------


def test_length_is_the_number_of_buffered_values():
    ch = Channel(None)
    for n in range(100):
        assert len(ch) == n
        ch.send(n)
    ch.close()
    assert len(ch) == 100


def test_empty_channel_is_true():
    assert bool(Channel())
    assert len(Channel()) == 0


def test_repr_shows_the_capacity_the_number_of_values_and_whether_it_is_closed():
    ch = Channel(3)
    ch.send("a")
    assert repr(ch) == "<Channel(3) with 1 value>"
    ch.close()
    assert repr(ch) == "<Channel(3) with 1 value, closed>"
    assert repr(Channel(None)) == "<Channel(None) with 0 values>"
    assert "clock" in repr(after(1))
    assert "clock" in repr(tick(1))


def test_repr_of_a_channel_that_has_itself_as_a_value():
    ch = Channel(1)
    ch.send(ch)
    assert repr(ch) == "<Channel(1) with 1 value>"


def test_generic_alias():
    alias = Channel[int]
    assert isinstance(alias, types.GenericAlias)
    assert (alias.__origin__, alias.__args__) == (Channel, (int,))
    assert repr(alias) == "atomicpy.Channel[int]"
    assert type(alias(2)) is Channel
    assert alias(2).capacity == 2


def test_channels_are_compared_by_identity_and_hashable():
    a, b = Channel(1), Channel(1)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2


@pytest.mark.parametrize("make", [lambda: Channel(2), lambda: after(1), lambda: tick(1)], ids=["", "after", "tick"])
def test_copying_and_pickling_are_refused(make):
    ch = make()
    for copied in (copy.copy, copy.deepcopy, pickle.dumps, lambda each: pickle.dumps([each], 0)):
        with pytest.raises(TypeError, match=r"<Channel.* cannot be copied or pickled"):
            copied(ch)


@pytest.mark.parametrize("make", [lambda: Channel(2), lambda: after(1)], ids=["", "after"])
def test_attributes_cannot_be_set(make):
    ch = make()
    for name in ("closed", "capacity", "send", "other"):
        with pytest.raises(AttributeError):
            setattr(ch, name, 1)


def test_type_is_final_and_public():
    assert (Channel.__module__, Channel.__qualname__) == ("atomicpy", "Channel")
    with pytest.raises(TypeError):
        type("Sub", (Channel,), {})


# ---- garbage collection -----------------------------------------------------------------------------------------


class Thing:
    """An object that weak references can refer to."""


def test_last_reference_to_a_channel_frees_its_values():
    ch, things = Channel(None), [Thing() for _ in range(100)]
    refs = [weakref.ref(thing) for thing in things]
    for thing in things:
        ch.send(thing)
    del things, thing
    gc.collect()
    assert all(ref() is not None for ref in refs)
    del ch
    gc.collect()
    assert not any(ref() for ref in refs)


@pytest.mark.parametrize("capacity", [1, None])
def test_cycle_through_the_buffer_is_collected(capacity):
    ch, thing = Channel(capacity), Thing()
    thing.channel = ch
    ch.send(thing)
    refs = weakref.ref(ch), weakref.ref(thing)
    gc.collect()
    assert all(ref() for ref in refs)
    del ch, thing
    gc.collect()
    assert not any(ref() for ref in refs)


def test_value_of_a_waiting_sender_and_its_channel_survive_a_collection():
    ch = Channel()
    thing = Thing()
    thing.channel = ch
    ref = weakref.ref(thing)
    [thread] = start_threads(1, ch.send, thing)
    del thing
    for _ in range(3):
        gc.collect()
    assert ch.recv() is ref()
    join_threads([thread])
    del thread
    wait_until(lambda: gc.collect() >= 0 and ref() is None)


def test_channel_of_the_clock_is_collected():
    ref = weakref.ref(after(30))
    gc.collect()
    assert ref() is None

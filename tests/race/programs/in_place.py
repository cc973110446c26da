"""Dicts, sets and lists that an operator changes in place: `|=`, `-=`, `^=`, `+=`."""

import contextlib

from together import each, together


def race_iteration_and_union_in_place():
    """keys of"""
    names = {"a"}

    def add():
        mine = names
        mine |= {"b"}

    together(add, lambda: each(names))


def race_iteration_and_difference_in_place():
    """keys of"""
    names = {"a", "b"}

    def remove():
        mine = names
        mine -= {"b"}

    together(lambda: each(names), remove)


def race_iteration_and_update_in_place():
    """keys of"""
    cache = {"a": 1}

    def add():
        mine = cache
        mine |= {"b": 2}

    together(add, lambda: each(cache))


class Box:
    def __init__(self, names):
        self.names = names


def race_iteration_and_union_in_place_of_an_attribute():
    """keys of"""
    names = {"a"}
    box = Box(names)

    def add():
        box.names |= {"b"}

    together(add, lambda: each(names))


def race_iteration_and_union_in_place_of_an_item():
    """keys of"""
    names = {"a"}
    boxes = {"first": names}

    def add():
        boxes["first"] |= {"b"}

    together(lambda: each(names), add)


def clean_unions_in_place():
    """Like two calls of update(), each of which is one step."""
    names, cache = {"a"}, {"a": 1}

    def add(name):
        mine, ours = names, cache
        mine |= {name, "d"}
        mine ^= {name}
        ours |= {name: 2}

    together(lambda: add("b"), lambda: add("c"))


def clean_union_in_place_of_what_is_there():
    names = {"a", "b"}

    def add():
        mine = names
        mine |= {"b"}

    together(add, lambda: each(names))


def race_iteration_and_exchange_in_place():
    """keys of"""
    names = {"a", "b"}

    def exchange():  # "b" for "c": the size stays
        mine = names
        mine ^= {"b", "c"}

    together(exchange, lambda: each(names))


def race_iteration_and_exchange_in_place_of_an_attribute():
    """keys of"""
    names = {"a", "b"}
    box = Box(names)

    def exchange():
        box.names ^= frozenset({"b", "c"})

    together(lambda: each(names), exchange)


def race_iteration_and_exchange_in_place_of_an_item():
    """keys of"""
    names = {"a", "b"}
    boxes = {"first": names}

    def exchange():
        boxes["first"] ^= {"b", "c"}

    together(exchange, lambda: each(names))


def clean_exchange_in_place_of_nothing():
    names, nothing = {"a", "b"}, frozenset()
    box, boxes = Box(names), {"first": names}

    def exchange():
        mine = names
        mine ^= nothing
        box.names ^= nothing
        boxes["first"] ^= nothing
        names.symmetric_difference_update(nothing)
        names.symmetric_difference_update(iter(()))
        names.symmetric_difference_update({})
        with contextlib.suppress(TypeError):
            names.symmetric_difference_update([[]])

    together(exchange, lambda: each(names))


def clean_exchange_that_makes_a_new_set():
    """The operand is not a set: its own `^` makes one."""
    names = {"a", "b"}

    def exchange():
        mine = names
        mine ^= {"b": 1, "c": 2}.keys()
        assert mine == {"a", "c"}, mine
        assert names == {"a", "b"}, names

    together(exchange, lambda: each(names))


class Watched(set):
    """Its own `^=` does not change the set of keys."""

    def __ixor__(self, other):
        return self


def clean_exchange_that_the_class_does_itself():
    names = Watched("ab")

    def exchange():
        mine = names
        mine ^= {"b", "c"}

    together(exchange, lambda: each(names))


def clean_exchange_after_one_that_failed():
    """The state that a failed `^=` leaves does not affect the next one."""
    names, others = {"a", "b"}, {"c"}

    class Odd:
        def __hash__(self):
            return hash("c")

        def __eq__(self, other):
            raise ValueError("not comparable")

    boxes = {"first": names, "second": others}

    def nothing():
        with contextlib.suppress(ValueError):
            boxes["second"] ^= {Odd()}
        return {"a"}

    def add():
        boxes["first"] |= nothing()

    together(add, lambda: each(names))


def clean_hand_over_by_extension_in_place():
    """Like extend(): putting an object in happens before taking it out."""
    jobs = []

    def put():
        mine = jobs
        job = Box({"a"})
        job.count = 1
        mine += [job]

    def take():
        while not jobs:
            pass
        job = jobs.pop()
        job.count += 1

    together(put, take)

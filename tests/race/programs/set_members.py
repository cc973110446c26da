"""The members of a set: iteration against insertion and removal."""

import contextlib

from together import each, together, twice, use


class Named(set):
    pass


def race_iteration_and_insertion_into_a_set_of_a_class():
    """keys of"""
    names = Named("a")
    together(lambda: names.add("b"), lambda: each(names))


def race_set_iteration_and_add():
    """keys of members"""
    members = {1, 2}

    def read():
        with contextlib.suppress(RuntimeError):
            for member in members:
                use(member)

    together(read, lambda: members.add(3))


def race_set_iteration_and_discard():
    """keys of members"""
    members = {1, 2}

    def read():
        with contextlib.suppress(RuntimeError):
            for member in members:
                use(member)

    together(lambda: members.discard(2), read)


def race_set_iteration_and_remove():
    """keys of members"""
    members = {1, 2}

    def read():
        with contextlib.suppress(RuntimeError):
            for member in members:
                use(member)

    together(lambda: members.remove(2), read)


def race_set_iteration_and_difference_update():
    """keys of"""
    members = {1, 2}
    together(lambda: each(members), lambda: members.difference_update({1}))


def clean_insertions_alone():
    members = set()

    def add(number):
        members.add(number)
        members.add(number + 1)

    together(lambda: add(1), lambda: add(2))
    assert members == {1, 2, 3}


def clean_add_of_what_is_there():
    members = {1, 2}
    together(lambda: each(members), lambda: members.add(1), lambda: members.discard(7))


def clean_membership():
    members = {1, 2}
    together(lambda: members.add(3), lambda: use(3 in members, len(members)))


def clean_frozen_set():
    members = frozenset({1, 2})
    twice(lambda: each(members))


def race_iteration_and_symmetric_difference_update_with_a_set():
    """keys of"""
    names = {"a", "b"}
    together(lambda: each(names), lambda: names.symmetric_difference_update({"b", "c"}))


def race_iteration_and_symmetric_difference_update_with_a_dict():
    """keys of"""
    names = {"a", "b"}
    together(lambda: names.symmetric_difference_update({"b": 1, "c": 2}), lambda: each(names))


def race_iteration_and_symmetric_difference_update_with_an_iterator():
    """keys of"""
    names = {"a", "b"}

    def exchange():
        new = iter(["b", "c"])
        names.symmetric_difference_update(new)
        assert names == {"a", "c"}, names
        assert next(new, None) is None

    together(exchange, lambda: each(names))

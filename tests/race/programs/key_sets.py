"""The set of keys of a dict or a set: iteration against insertion and deletion."""

import collections
import contextlib
import threading

from together import together, twice, use


def each(container):
    """Go through it; a thread that changes it meanwhile may make that fail."""
    with contextlib.suppress(RuntimeError):
        for value in container:
            use(value)


def race_iteration_and_insertion():
    """keys of cache"""
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    def read():
        with contextlib.suppress(RuntimeError):
            for key in cache:
                use(key)

    together(insert, read)


def race_iteration_and_deletion():
    """keys of cache"""
    cache = {"a": 1, "b": 2}

    def delete():
        del cache["b"]

    def read():
        with contextlib.suppress(RuntimeError):
            for key in cache:
                use(key)

    together(read, delete)


def race_iteration_and_pop():
    """keys of cache"""
    cache = {"a": 1, "b": 2}

    def read():
        with contextlib.suppress(RuntimeError):
            for key in cache:
                use(key)

    together(read, lambda: cache.pop("b"))


def race_iteration_and_clear():
    """keys of"""
    cache = {"a": 1, "b": 2}
    together(lambda: each(cache), lambda: cache.clear())


def race_iteration_and_update():
    """keys of"""
    cache = {"a": 1}
    together(lambda: each(cache), lambda: cache.update(b=2))


def race_iteration_and_setdefault():
    """keys of"""
    cache = {"a": 1}
    together(lambda: each(cache), lambda: cache.setdefault("b", 2))


def race_iteration_and_popitem():
    """keys of"""
    cache = {"a": 1}
    together(lambda: each(cache), lambda: cache.popitem())


def race_iteration_and_insertion_into_a_defaultdict():
    """keys of"""
    cache = collections.defaultdict(list)
    together(lambda: each(cache), lambda: cache["b"].append(1))


def race_iteration_and_insertion_into_an_ordered_dict():
    """keys of"""
    cache = collections.OrderedDict(a=1)

    def insert():
        cache["b"] = 2

    together(insert, lambda: each(cache))


def race_iteration_over_the_values_of_a_counter():
    """
    keys of
    ? ['b']
    """
    counts = collections.Counter("a")

    def count():
        counts["b"] += 1

    def read():
        with contextlib.suppress(RuntimeError):
            for value in counts.values():
                use(value)

    together(read, count)


def race_items_of_an_ordered_dict_and_deletion():
    """
    keys of
    ? ['b']
    """
    cache = collections.OrderedDict(a=1, b=2)

    def delete():
        del cache["b"]

    def read():
        with contextlib.suppress(RuntimeError):
            for key, value in cache.items():
                use((key, value))

    together(read, delete)


def race_values_of_an_ordered_dict_and_a_store():
    """cache['a']"""
    cache = collections.OrderedDict(a=1, b=2)
    cache.move_to_end("a")
    seen = []

    def store():
        cache["a"] = 3

    def read():
        seen.extend([value for value in cache.values()])  # noqa: C416

    together(store, read)
    assert seen in ([2, 1], [2, 3]), seen


class Named(set):
    pass


def race_iteration_and_insertion_into_a_set_of_a_class():
    """keys of"""
    names = Named("a")
    together(lambda: names.add("b"), lambda: each(names))


class Sorted(dict):
    def __iter__(self):
        return iter(sorted(dict(self)))


def clean_iteration_that_the_class_does_itself():
    """By a copy, made in one step."""
    cache = Sorted(a=1)

    def insert():
        cache["b"] = 2

    together(insert, lambda: each(cache))


def race_keys_view_and_insertion():
    """keys of cache"""
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    def read():
        with contextlib.suppress(RuntimeError):
            for key in cache.keys():  # noqa: SIM118
                use(key)

    together(insert, read)


def race_items_view_and_insertion():
    """
    keys of cache
    ? cache['b']
    """
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    def read():
        with contextlib.suppress(RuntimeError):
            for key, value in cache.items():
                use(key, value)

    together(insert, read)


def race_comprehension_and_insertion():
    """keys of cache"""
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    def read():
        with contextlib.suppress(RuntimeError):
            use([key for key in cache])  # noqa: C416

    together(insert, read)


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


def clean_iteration_by_all():
    cache, members = {"a": 1}, {1, 2}

    def read():
        for key in cache:
            use(key)
        for member in members:
            use(member)

    twice(read)


def clean_insertions_alone():
    members = set()

    def add(number):
        members.add(number)
        members.add(number + 1)

    together(lambda: add(1), lambda: add(2))
    assert members == {1, 2, 3}


def clean_insertion_and_reading_another_key():
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    together(insert, lambda: use(cache["a"]))


def clean_add_of_what_is_there():
    members = {1, 2}
    together(lambda: each(members), lambda: members.add(1), lambda: members.discard(7))


def clean_setdefault_of_what_is_there():
    cache = {"a": 1}
    together(lambda: each(cache), lambda: cache.setdefault("a", 2))


def clean_copies_in_c():
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    def read():
        for key in list(cache):
            use(key)

    together(insert, read)


def clean_membership():
    members = {1, 2}
    together(lambda: members.add(3), lambda: use(3 in members, len(members)))


def clean_with_lock():
    cache, lock = {"a": 1}, threading.Lock()

    def insert():
        with lock:
            cache["b"] = 2

    def read():
        with lock:
            for key in cache:
                use(key)

    together(insert, read)


def clean_frozen_set():
    members = frozenset({1, 2})
    twice(lambda: each(members))


def clean_own_dict_of_each_thread():
    def work():
        cache = {}
        for number in range(10):
            cache[number] = number
        for key in cache:
            use(key)
        for key in range(10):
            del cache[key]

    twice(work)


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
    """As two calls of update(): each is one step."""
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

    def exchange():  # "b" for "c": as many as before
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
    """The operand is no set: its own `^` makes one."""
    names = {"a", "b"}

    def exchange():
        mine = names
        mine ^= {"b": 1, "c": 2}.keys()
        assert mine == {"a", "c"}, mine
        assert names == {"a", "b"}, names

    together(exchange, lambda: each(names))


class Watched(set):
    """Its own `^=` changes nothing that an iteration would see."""

    def __ixor__(self, other):
        return self


def clean_exchange_that_the_class_does_itself():
    names = Watched("ab")

    def exchange():
        mine = names
        mine ^= {"b", "c"}

    together(exchange, lambda: each(names))


def clean_exchange_after_one_that_failed():
    """What the one has put down does not count for the other."""
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
    """As extend() does it: what is put in comes before what takes it out."""
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

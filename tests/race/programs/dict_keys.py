"""The keys of a dict: iteration against insertion and deletion."""

import collections
import contextlib
import threading

from together import each, together, twice, use


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


class Sorted(dict):
    def __iter__(self):
        return iter(sorted(dict(self)))


def clean_iteration_that_the_class_does_itself():
    """Over a copy that is made in one step."""
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


def clean_iteration_by_all():
    cache, members = {"a": 1}, {1, 2}

    def read():
        for key in cache:
            use(key)
        for member in members:
            use(member)

    twice(read)


def clean_insertion_and_reading_another_key():
    cache = {"a": 1}

    def insert():
        cache["b"] = 2

    together(insert, lambda: use(cache["a"]))


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

"""Items of dicts."""

import collections
import contextlib
import threading

from together import together, twice, use


def race_same_key():
    """cache['k']"""
    cache = {}

    def work():
        cache["k"] = 1

    twice(work)


def race_write_and_read():
    """cache['k']"""
    cache = {"k": 0}

    def write():
        cache["k"] = 1

    together(write, lambda: use(cache["k"]))


def race_insertion_and_read():
    """cache['new']"""
    cache = {}

    def write():
        cache["new"] = 1

    def read():
        with contextlib.suppress(KeyError):
            use(cache["new"])

    together(write, read)


def race_augmented():
    """counts['a']"""
    counts = {"a": 0}

    def work():
        counts["a"] += 1

    twice(work)


def race_delete_and_read():
    """cache['k']"""
    cache = {"k": 0}

    def delete():
        del cache["k"]

    def read():
        with contextlib.suppress(KeyError):
            use(cache["k"])

    together(delete, read)


def race_check_then_set():
    """cache['k']"""
    cache = {}

    def make():
        if "k" not in cache:
            cache["k"] = 1

    def replace():
        cache["k"] = 2

    def read():
        with contextlib.suppress(KeyError):
            use(cache["k"])

    together(make, replace, read)


def race_key_in_a_variable():
    """scores[7]"""
    scores = {7: 0}
    key = 7

    def work():
        scores[key] = scores[key] + 1

    twice(work)


def race_key_is_a_tuple():
    """grid[(1, 2)]"""
    grid = {(1, 2): 0}

    def work():
        grid[1, 2] = 5

    twice(work)


def race_equal_keys_of_different_types():
    """ones[1"""
    ones = {1: 0}

    def write():
        ones[1] = 1

    together(write, lambda: use(ones[1.0]))


def race_equal_keys_that_are_different_objects():
    """names['"""
    names = {}

    def one():
        names["-".join(["a", "b"])] = 1

    def two():
        names["-".join(["a", "b"])] = 2

    together(one, two)


def race_global_counter_class():
    """words['x']"""
    words = collections.Counter()

    def work():
        words["x"] += 1

    twice(work)


def race_default_dict():
    """groups['g']"""
    groups = collections.defaultdict(int)

    def work():
        groups["g"] += 1

    twice(work)


def race_subclass_of_dict():
    """registry['k']"""

    class Registry(dict):
        def names(self):
            return sorted(self)

    registry = Registry()

    def work():
        registry["k"] = 1

    twice(work)


def race_attribute_that_is_a_dict():
    """self.rows['k']"""

    class Table:
        def __init__(self):
            self.rows = {}

        def put(self):
            self.rows["k"] = 1

    twice(Table().put)


def race_nested_dict():
    """tree['a']['b']"""
    tree = {"a": {"b": 0}}

    def work():
        tree["a"]["b"] += 1

    twice(work)


def race_tuple_target():
    """cache['a'] | cache['b']"""
    cache = {"a": 1, "b": 2}

    def work():
        cache["a"], cache["b"] = 1, 2

    twice(work)


def race_items_view():
    """prices['tea']"""
    prices = {"tea": 1}

    def write():
        prices["tea"] = 2

    def read():
        for name, price in prices.items():
            use(name, price)

    together(write, read)


def race_values_view():
    """prices['tea']"""
    prices = {"tea": 1}

    def write():
        prices["tea"] = 2

    def read():
        for price in prices.values():
            use(price)

    together(write, read)


class Weird:
    """Keys with equal hashes that are not equal."""

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return 5

    def __eq__(self, other):
        return isinstance(other, Weird) and self.name == other.name


def race_own_keys_that_are_equal():
    """weird[<Weird object>]"""
    weird, one, other = {}, Weird("same"), Weird("same")

    def insert(key):
        weird[key] = 1

    together(lambda: insert(one), lambda: insert(other))


def clean_own_keys_of_one_hash():
    weird, one, other = {}, Weird("a"), Weird("b")

    def insert(key):
        weird[key] = 1

    together(lambda: insert(one), lambda: insert(other))


def clean_different_keys():
    cache = {"a": 0, "b": 0}

    def one():
        cache["a"] += 1

    def two():
        cache["b"] += 1

    together(one, two)


def clean_insertions_of_different_keys():
    cache = {}

    def insert(start):
        for key in range(start, 20, 2):
            cache[key] = key

    together(lambda: insert(0), lambda: insert(1))
    assert len(cache) == 20


def clean_keys_whose_hashes_collide():
    cache = {}

    def one():
        cache[-1] = 1

    def two():
        cache[-2] = 2

    together(one, two)


def clean_result_per_thread():
    results = {}

    def work(name):
        results[name] = len(name)

    together(lambda: work("a"), lambda: work("bb"), lambda: work("ccc"))
    assert results == {"a": 1, "bb": 2, "ccc": 3}


def clean_with_lock():
    cache, lock = {"k": 0}, threading.Lock()

    def work():
        for _ in range(10):
            with lock:
                cache["k"] += 1

    twice(work)
    assert cache["k"] == 20


def clean_item_access_of_its_own():
    class Guarded(dict):
        guard = threading.Lock()

        def __getitem__(self, key):
            with self.guard:
                return super().__getitem__(key)

        def __setitem__(self, key, value):
            with self.guard:
                super().__setitem__(key, value)

    guarded = Guarded(k=0)

    def write():
        guarded["k"] = 1

    together(write, lambda: use(guarded["k"]))


def clean_subscript_against_a_method():
    cache = {"k": 0}

    def read():
        with contextlib.suppress(KeyError):
            use(cache["k"])

    together(read, lambda: cache.pop("k", None))


def clean_atomic_methods():
    cache = {}

    def work():
        cache.setdefault("k", []).append(1)
        cache.update(a=1)
        cache.get("k")
        cache.pop("b", None)

    twice(work)


def clean_length_and_in():
    cache = {}

    def write():
        cache["k"] = 1

    together(write, lambda: use(len(cache), "k" in cache))


def clean_ordered_by_start_and_join():
    cache = {"k": 0}

    def work():
        cache["k"] += 1

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert cache["k"] == 3

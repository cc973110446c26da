"""Globals, and the same names as attributes of their module."""

import sys
import threading

from together import together, twice, use

hits = 0
total = 0
config = None
table = {}
limit = 10
lock = threading.Lock()
guarded = 0
stored = 0
deleted = 0
assigned_once = "constant"
looped = 0
walrus = 0
outside = 0
outside_both = 0
first = second = 0
imported = None
context = None
error = None


def race_increment():
    """global hits"""

    def work():
        global hits
        hits += 1

    twice(work)


def race_write_and_read():
    """global total"""

    def write():
        global total
        total = 5

    together(write, lambda: use(total))


def race_lazy_configuration():
    """global config"""

    def get():
        global config
        if config is None:
            config = {"debug": False}
        return config

    twice(get)


def race_module_attribute_and_global():
    """global outside"""
    module = sys.modules[__name__]

    def write():
        module.outside = 1

    together(write, lambda: use(outside))


def race_module_attribute_twice():
    """global outside_both"""
    module = sys.modules[__name__]

    def write():
        module.outside_both += 1

    twice(write)


def race_setattr_on_the_module():
    """global limit"""
    module = sys.modules[__name__]
    together(lambda: setattr(module, "limit", 11), lambda: use(limit))


def race_delete():
    """global deleted"""

    def delete():
        global deleted
        del deleted

    def write():
        global deleted
        deleted = 1

    together(delete, write)
    write()


def race_global_of_a_class_body():
    """global stored"""

    def work():
        class Body:
            global stored
            stored = 1

        return Body

    twice(work)


def race_for_target():
    """global looped"""

    def work():
        global looped
        for looped in range(3):  # noqa: B007
            pass

    twice(work)


def race_walrus():
    """global walrus"""

    def work():
        global walrus
        return (walrus := walrus + 1)

    twice(work)


def race_import_is_a_store():
    """global imported"""

    def work():
        global imported
        import json as imported

    twice(work)


def race_with_target():
    """global context"""

    def work():
        global context
        with lock as context:
            pass
        use(context)

    def write():
        global context
        context = 1

    together(work, write)


def race_def_is_a_store():
    """global made"""

    def work():
        global made

        def made():
            return 1

    twice(work)


def race_class_is_a_store():
    """global Made"""

    def work():
        global Made

        class Made:
            pass

    twice(work)


def race_tuple_target():
    """global first | global second"""

    def work():
        global first, second
        first, second = 1, 2

    twice(work)


def race_except_target():
    """global error"""

    def work():
        global error
        try:
            raise ValueError
        except ValueError as error:  # noqa: F841
            pass

    twice(work)


def race_alias_of_an_object():
    """table['k']"""

    def work():
        table["k"] = 1

    twice(work)


def clean_with_lock():
    def work():
        global guarded
        with lock:
            guarded += 1

    twice(work)
    assert guarded >= 2


def clean_constants_and_functions():
    twice(lambda: use(assigned_once, helper(), threading.current_thread))


def helper():
    return assigned_once


def clean_written_before_start():
    global prepared
    prepared = 1
    twice(lambda: use(prepared))
    prepared = 2


def clean_locals_of_the_same_name():
    def work():
        hits = 0
        for _ in range(5):
            hits += 1
        return hits

    twice(work)


def clean_builtins():
    twice(lambda: use(len([1]), sorted([2, 1]), isinstance(1, int)))

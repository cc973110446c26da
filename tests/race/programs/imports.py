"""Imports: the body of a module happens before the code after an import of it."""

import importlib
import sys
import threading

from together import together, twice, use


def fresh(name):
    """Let the next import run the module's body again."""
    sys.modules.pop(name, None)
    parent, _, child = name.rpartition(".")
    vars(sys.modules.get(parent, threading)).pop(child, None)


def clean_two_threads_import():
    fresh("imported.slow")

    def work():
        from imported import slow

        assert slow.ready
        use(slow.Registry.entries, slow.table["k"])

    twice(work)


def clean_from_import():
    fresh("imported.slow")

    def work():
        from imported.slow import Registry, table

        use(Registry.entries, table["k"])

    twice(work)


def clean_import_module():
    fresh("imported.slow")

    def work():
        slow = importlib.import_module("imported.slow")
        use(slow.Registry.entries, slow.ready)

    twice(work)


def clean_imported_before_start():
    import imported.plain as plain

    twice(lambda: use(plain.setting, plain.names["a"]))


def clean_imported_in_a_thread_and_joined():
    fresh("imported.slow")
    thread = threading.Thread(target=importlib.import_module, args=("imported.slow",))
    thread.start()
    thread.join()
    assert sys.modules["imported.slow"].ready


def race_global_of_an_imported_module():
    """global hits in plain.py"""
    from imported import plain

    twice(plain.hit)


def race_set_from_outside():
    """global setting in plain.py"""
    from imported import plain

    def write():
        plain.setting = "second"

    together(write, lambda: use(plain.setting))


def race_read_by_a_from_import():
    """global setting in plain.py"""
    from imported import plain

    def write():
        plain.setting = "third"

    def read():
        from imported import plain as again

        use(again.setting)

    together(write, read)


def race_dict_of_an_imported_module():
    """names['a']"""
    from imported import plain

    def work():
        plain.names["a"] += 1

    twice(work)


def race_written_after_the_import():
    """Registry.entries"""
    fresh("imported.slow")

    def write():
        from imported import slow

        slow.Registry.entries = 6

    def read():
        from imported.slow import Registry

        use(Registry.entries)

    together(write, read)

"""The other packages on the index that have the same operations, for `latency.py --peers`.

They are installed by hand into the environment of the benchmark and are no dependency. A package may have no release
for an interpreter. The benchmarks leave out a package that cannot be imported, and print its name.
"""

import importlib.metadata

from atomicpy import AtomicBool, AtomicFloat, AtomicInt, AtomicIntArray, AtomicRef


def cereggii():
    import cereggii as c

    return {AtomicInt: c.AtomicInt64, AtomicBool: c.AtomicBool, AtomicRef: c.AtomicRef}


def ft_utils():
    import ft_utils.concurrency as c

    return {AtomicInt: c.AtomicInt64, AtomicBool: c.AtomicFlag, AtomicRef: c.AtomicReference}


def atomicx():
    import atomicx as c

    return {AtomicInt: c.AtomicInt, AtomicBool: c.AtomicBool, AtomicFloat: c.AtomicFloat}


def atomicshm():
    from atomicshm import AtomicView

    def cell(value=0):
        made = AtomicView(bytearray(8)).cell_u64(0)
        made.store(value)
        return made

    return {AtomicInt: cell, AtomicIntArray: lambda length: AtomicView(bytearray(8 * length))}


def pyatomix():
    import pyatomix as c

    return {AtomicInt: c.AtomicInt, AtomicBool: c.AtomicFlag}


LOADERS = {"cereggii": cereggii, "ft_utils": ft_utils, "atomicx": atomicx, "atomicshm": atomicshm, "pyatomix": pyatomix}

INT = "x = make(10**6)"
REF = "o = ['an object']; x = make(o)"
FLOAT = "x = make(1.5)"

# Our statement, the setup, and the same operation of each peer. If a peer returns the old value and ours the new one,
# or the reverse, the nearest of our operations is compared. `inc()` returns nothing; it is compared with the operation
# that adds 1.
TABLE = [
    (AtomicInt, "x.inc()", INT, {
        "cereggii": "x.increment_and_get()", "ft_utils": "x.incr()", "atomicx": "x.inc()",
        "atomicshm": "x.fetch_add(1)",
        "pyatomix": "x.fetch_add(1)",
    }),
    (AtomicInt, "x.add(1)", INT, {"cereggii": "x.increment_and_get(1)"}),
    (AtomicInt, "x.fetch_add(1)", INT, {
        "cereggii": "x.get_and_increment(1)", "atomicx": "x.add(1)", "atomicshm": "x.fetch_add(1)",
        "pyatomix": "x.fetch_add(1)",
    }),
    (AtomicInt, "x.dec()", "x = make(10**9)", {
        "cereggii": "x.decrement_and_get()", "ft_utils": "x.decr()", "atomicx": "x.dec()",
        "atomicshm": "x.fetch_sub(1)",
    }),
    (AtomicInt, "x.fetch_sub(1)", "x = make(10**9)", {
        "cereggii": "x.get_and_decrement(1)", "atomicx": "x.sub(1)", "atomicshm": "x.fetch_sub(1)",
    }),
    (AtomicInt, "x.load()", INT, {
        "cereggii": "x.get()", "ft_utils": "x.get()", "atomicx": "x.load()", "atomicshm": "x.load()",
        "pyatomix": "x.load()",
    }),
    (AtomicInt, "x.store(1)", INT, {
        "cereggii": "x.set(1)", "ft_utils": "x.set(1)", "atomicx": "x.store(1)", "atomicshm": "x.store(1)",
        "pyatomix": "x.store(1)",
    }),
    (AtomicInt, "x.exchange(1)", INT, {
        "cereggii": "x.get_and_set(1)", "atomicx": "x.swap(1)", "atomicshm": "x.exchange(1)",
        "pyatomix": "x.exchange(1)",
    }),
    (AtomicInt, "x.compare_exchange(1, 1)", "x = make(1)", {
        "cereggii": "x.compare_and_set(1, 1)", "atomicx": "x.compare_exchange(1, 1)", "atomicshm": "x.cas(1, 1)",
        "pyatomix": "x.compare_exchange(1, 1)",
    }),
    (AtomicInt, "x.fetch_and(1000000)", INT, {"atomicx": "x.fetch_and(1000000)", "atomicshm": "x.fetch_and(1000000)"}),
    (AtomicInt, "x.fetch_or(1)", INT, {"atomicx": "x.fetch_or(1)", "atomicshm": "x.fetch_or(1)"}),
    (AtomicInt, "x.fetch_xor(1)", INT, {"atomicx": "x.fetch_xor(1)", "atomicshm": "x.fetch_xor(1)"}),
    (AtomicInt, "x.fetch_max(1)", INT, {"atomicx": "x.fetch_max(1)"}),
    (AtomicInt, "x.fetch_min(10000000)", INT, {"atomicx": "x.fetch_min(10000000)"}),
    (AtomicInt, "x.update(abs)", INT, {"cereggii": "x.update_and_get(abs)", "atomicx": "x.update(abs)"}),
    (AtomicInt, "x += 1", INT, dict.fromkeys(("cereggii", "ft_utils", "atomicx", "pyatomix"), "x += 1")),
    (AtomicInt, "x -= 1", "x = make(10**9)", dict.fromkeys(("cereggii", "ft_utils", "atomicx", "pyatomix"), "x -= 1")),
    (AtomicInt, "x |= 1", INT, dict.fromkeys(("cereggii", "ft_utils", "pyatomix"), "x |= 1")),
    (AtomicInt, "int(x)", INT, dict.fromkeys(("cereggii", "ft_utils", "pyatomix"), "int(x)")),
    (AtomicInt, "x == 1000000", INT, dict.fromkeys(("cereggii", "ft_utils", "atomicx", "pyatomix"), "x == 1000000")),
    (AtomicInt, "make(1)", "", dict.fromkeys(("cereggii", "ft_utils", "atomicx", "pyatomix"), "make(1)")),
    (AtomicBool, "x.load()", "x = make(False)", {"cereggii": "x.get()", "atomicx": "x.load()", "pyatomix": "x.test()"}),
    (AtomicBool, "not x", "x = make(False)", {"ft_utils": "not x"}),
    (AtomicBool, "x.store(True)", "x = make(False)", {
        "cereggii": "x.set(True)", "ft_utils": "x.set(True)", "atomicx": "x.store(True)",
    }),
    (AtomicBool, "x.exchange(True)", "x = make(False)", {"cereggii": "x.get_and_set(True)", "atomicx": "x.swap(True)"}),
    (AtomicBool, "x.compare_exchange(False, False)", "x = make(False)", {
        "cereggii": "x.compare_and_set(False, False)", "atomicx": "x.compare_exchange(False, False)",
    }),
    (AtomicBool, "x.test_and_set()", "x = make()", {"pyatomix": "x.test_and_set()"}),
    (AtomicBool, "x.clear()", "x = make()", {"pyatomix": "x.clear()"}),
    (AtomicBool, "x.toggle()", "x = make(False)", {"atomicx": "x.flip()"}),
    (AtomicFloat, "x.load()", FLOAT, {"atomicx": "x.load()"}),
    (AtomicFloat, "x.store(2.5)", FLOAT, {"atomicx": "x.store(2.5)"}),
    (AtomicFloat, "x.exchange(2.5)", FLOAT, {"atomicx": "x.swap(2.5)"}),
    (AtomicFloat, "x.compare_exchange(1.5, 1.5)", FLOAT, {"atomicx": "x.compare_exchange(1.5, 1.5)"}),
    (AtomicFloat, "x.fetch_add(0.5)", FLOAT, {"atomicx": "x.add(0.5)"}),
    (AtomicFloat, "x.fetch_sub(0.5)", FLOAT, {"atomicx": "x.sub(0.5)"}),
    (AtomicFloat, "x.fetch_max(0.5)", FLOAT, {"atomicx": "x.fetch_max(0.5)"}),
    (AtomicFloat, "x.fetch_min(2.5)", FLOAT, {"atomicx": "x.fetch_min(2.5)"}),
    (AtomicFloat, "x.update(abs)", FLOAT, {"atomicx": "x.update(abs)"}),
    (AtomicFloat, "x += 0.5", FLOAT, {"atomicx": "x += 0.5"}),
    (AtomicRef, "x.load()", REF, {"cereggii": "x.get()", "ft_utils": "x.get()"}),
    (AtomicRef, "x.store(o)", REF, {"cereggii": "x.set(o)", "ft_utils": "x.set(o)"}),
    (AtomicRef, "x.exchange(o)", REF, {"cereggii": "x.get_and_set(o)", "ft_utils": "x.exchange(o)"}),
    (AtomicRef, "x.compare_exchange(o, o)", REF, {
        "cereggii": "x.compare_and_set(o, o)", "ft_utils": "x.compare_exchange(o, o)",
    }),
    (AtomicIntArray, "x.load(0)", "x = make(4)", {"atomicshm": "x.load_u64(0)"}),
    (AtomicIntArray, "x.store(0, 1)", "x = make(4)", {"atomicshm": "x.store_u64(0, 1)"}),
    (AtomicIntArray, "x.exchange(0, 1)", "x = make(4)", {"atomicshm": "x.exchange_u64(0, 1)"}),
    (AtomicIntArray, "x.fetch_add(0, 1)", "x = make(4)", {"atomicshm": "x.fetch_add_u64(0, 1)"}),
    (AtomicIntArray, "x.compare_exchange(0, 1, 1)", "x = make(4)", {"atomicshm": "x.cas_u64(0, 1, 1)"}),
    (AtomicIntArray, "x.fetch_or(0, 1)", "x = make(4)", {"atomicshm": "x.fetch_or_u64(0, 1)"}),
]  # fmt: skip


def installed():
    """{name: (version, {type: its counterpart})} of the installed peers, and {name: reason} of the others."""
    found, missing = {}, {}
    for name, load in LOADERS.items():
        try:
            found[name] = importlib.metadata.version(name), load()
        except Exception as e:  # a package that breaks on import is left out, too
            missing[name] = f"{type(e).__name__}: {e}"
    return found, missing


def rows_of(peer):
    """(type, our statement, setup, the peer's statement) of every operation that the peer has."""
    return [(kind, ours, setup, theirs[peer]) for kind, ours, setup, theirs in TABLE if peer in theirs]

"""Objects that threads share get a deferred reference count; an object of one thread is freed at its last reference.

Without the GIL, from 3.14 on: the count is deferred from the first use by a second thread. The interpreter shows that
in the count itself: it adds a reference of its own, and a huge one.
"""

import ctypes
import gc
import sys
import weakref

import pytest
from helpers import DEFERS, in_thread, run_threaded

from atomicpy import (
    AtomicBool,
    AtomicFloat,
    AtomicInt,
    AtomicIntArray,
    AtomicRef,
    AtomicUInt,
    Channel,
    Mutex,
    RWMutex,
    ShardedCounter,
    select,
)

HUGE = 2**20


def in_place(symbol):
    def step(a):
        namespace = {"a": a}
        exec(f"a {symbol} 1", namespace)
        assert namespace["a"] is a

    step.__name__ = symbol
    return step


def calls(*steps):
    """Each step "name(arguments)" as a function of the object."""
    return [eval(f"lambda x: x.{step}") for step in steps]


BITS = "fetch_and(1)", "fetch_or(1)", "fetch_xor(1)"
NUMBER = (
    "load()", "store(1)", "exchange(1)", "compare_exchange(0, 1)", "add(1)", "sub(1)", "fetch_add(1)", "fetch_sub(1)",
    "fetch_max(1)", "fetch_min(1)",
)  # fmt: skip
INTEGER = [*calls(*NUMBER, *BITS, "inc()", "dec()"), *map(in_place, ("+=", "-=", "&=", "|=", "^="))]


def taken(m):
    with m:
        pass


def read(rw):
    with rw.read():
        pass


def written(rw):
    rw.acquire_write()
    rw.release_write()


def channel():
    ch = Channel(None)
    for _ in range(4):
        ch.send(1)
    return ch


# Every step that threads share an object for, on an object of its own each.
STEPS = {
    AtomicInt: INTEGER,
    AtomicUInt: [step for step in INTEGER if step.__name__ != "-="],
    AtomicBool: calls("load()", "store(True)", "exchange(True)", "compare_exchange(False, True)", "test_and_set()",
                      "clear()", "toggle()"),
    AtomicFloat: [*calls(*NUMBER), in_place("+="), in_place("-=")],
    AtomicRef: calls("load()", "store(1)", "exchange(1)", "compare_exchange(None, 1)"),
    AtomicIntArray: [*calls(*(step.replace("(", "(0, ").replace(", )", ")") for step in (*NUMBER, *BITS, "inc()",
                                                                                      "dec()"))),
                     *calls("__getitem__(0)", "__setitem__(0, 1)")],
    Mutex: [*calls("acquire()"), taken],
    RWMutex: [read, written],
    ShardedCounter: [*calls("inc()", "dec()", "add(1)", "sub(1)", "local()"), in_place("+="), in_place("-=")],
    # The sends first: a thread never receives more than it has sent.
    Channel: [*calls("try_send(1)", "send(1)", "send(2)", "send(3, None)"), lambda ch: select((ch, 1)),
              lambda ch: select((ch, 1), None), *calls("recv()", "recv(None)", "__next__()"), select,
              *calls("try_recv()")],
}  # fmt: skip
MAKE = {kind: kind for kind in STEPS} | {AtomicIntArray: lambda: AtomicIntArray(2), Channel: channel}

every_type = pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)


@every_type
def test_freed_at_its_last_reference_where_one_thread_made_and_used_it(kind):
    def body():
        for step in (lambda x: None, *STEPS[kind]):
            x = MAKE[kind]()
            step(x)
            refs.append(weakref.ref(x))
            del x
            assert refs[-1]() is None

    refs = []
    body()
    in_thread(body)
    assert len(refs) == 2 * (len(STEPS[kind]) + 1)
    assert not any(ref() for ref in refs)


@pytest.mark.skipif(not DEFERS, reason="deferred reference counting is there on free-threaded 3.14 and later")
@every_type
def test_counted_in_a_deferred_way_from_the_first_use_by_a_second_thread(kind):
    for step in STEPS[kind]:
        x = MAKE[kind]()
        step(x)
        if kind is Mutex and x.locked():
            x.release()
        before = sys.getrefcount(x)
        assert before < HUGE
        in_thread(step, x)
        assert sys.getrefcount(x) > before + HUGE, step
        ref = weakref.ref(x)
        del x
        gc.collect()
        assert ref() is None


@pytest.mark.skipif(not DEFERS or sys.version_info >= (3, 16), reason="only 3.14 and 3.15 are known to have the flag")
def test_the_flag_that_is_tested_inline_is_the_one_that_the_interpreter_sets():
    def flag(x):
        # ob_gc_bits follows ob_tid (a word), ob_flags (2 bytes) and ob_mutex (1 byte).
        bits = ctypes.c_uint8.from_address(id(x) + ctypes.sizeof(ctypes.c_void_p) + 3).value
        return bool(bits & 1 << 6)

    x = AtomicInt()
    assert not flag(x)
    in_thread(x.load)
    assert flag(x)


@every_type
def test_freed_by_the_collector_at_the_latest_where_many_threads_used_it(kind):
    def body(me, steps=STEPS[kind][1:]):
        for _ in range(50):
            for step in steps:
                step(shared[0])

    shared = [MAKE[kind]()]
    run_threaded(body, 4)
    ref, called = weakref.ref(shared[0]), []
    # A callback that collects: the object must not be found half gone.
    second = weakref.ref(shared[0], lambda _: called.append(gc.collect()))
    shared.clear()
    gc.collect()
    assert ref() is None
    assert second() is None
    assert len(called) == 1


@every_type
def test_a_callback_may_run_the_collector_while_an_object_of_one_thread_is_freed(kind):
    called = []

    def tracked():
        return sum(type(thing) is kind for thing in gc.get_objects())

    def collect(_):
        # The collector does not see it any more: to find it would be a second end of it.
        assert tracked() == others
        called.append(gc.collect())

    gc.collect()
    for step in STEPS[kind]:
        others = tracked()
        x = MAKE[kind]()
        step(x)
        ref = weakref.ref(x, collect)
        gc.collect()
        del x
        assert ref() is None
    assert len(called) == len(STEPS[kind])


@every_type
def test_thousands_made_here_used_there_and_dropped_while_the_collector_runs(kind):
    def body(me, step=STEPS[kind][-1]):
        if me == 0:
            for _ in range(20):
                gc.collect()
            return
        for _ in range(500):
            step(MAKE[kind]())
            step(shared[me - 1])
            shared[me - 1] = MAKE[kind]()

    shared = [MAKE[kind]() for _ in range(4)]
    run_threaded(body, 4)
